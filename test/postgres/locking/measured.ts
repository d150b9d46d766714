/*
 * Measured with PostgreSQL 15.18 on an otherwise idle machine, one psql a session, statements sent
 * at the given milliseconds of one transaction each: when each statement was answered. An answer
 * came 1 to 8 ms after the instant written here. deadlock_timeout was 1 s, as it is by default.
 */
export interface Measured {
  readonly name: string;
  readonly script: string;
  readonly answers: readonly string[];
}

export const MEASURED: readonly Measured[] = [
  {
    name: 'readers queue behind a waiting writer',
    script: `
0 a lock t access share
100 b lock t access exclusive
200 c lock t access share
300 d lock t row exclusive
400 a commit
500 b commit
`,
    answers: [
      '0 a lock t access share: granted',
      '400 b lock t access exclusive: granted',
      '500 c lock t access share: granted',
      '500 d lock t row exclusive: granted',
    ],
  },
  {
    name: 'a holder passes a waiter that waits for it',
    script: `
0 a lock t row share
100 b lock t access exclusive
200 a lock t row exclusive
300 a commit
`,
    answers: [
      '0 a lock t row share: granted',
      '200 a lock t row exclusive: granted',
      '300 b lock t access exclusive: granted',
    ],
  },
  {
    name: 'a holder queues before a waiter that waits for it',
    script: `
0 a lock t access share
50 d lock t row exclusive
100 b lock t access exclusive
200 a lock t share
300 d commit
400 a commit
`,
    answers: [
      '0 a lock t access share: granted',
      '50 d lock t row exclusive: granted',
      '300 a lock t share: granted',
      '400 b lock t access exclusive: granted',
    ],
  },
  {
    name: 'two holders who both want more: the second is refused at once',
    script: `
0 a lock t share
50 b lock t share
100 a lock t row exclusive
200 b lock t row exclusive
400 b rollback
`,
    answers: [
      '0 a lock t share: granted',
      '50 b lock t share: granted',
      '200 b lock t row exclusive: deadlock',
      '200 a lock t row exclusive: granted',
    ],
  },
  {
    name: 'a locked row goes on in the order of coming',
    script: `
0 a select t 1 for update
100 b select t 1 for update
200 c select t 1 for update
300 d select t 1 for update
400 a commit
500 b rollback
600 c commit
`,
    answers: [
      '0 a select t 1 for update: granted',
      '400 b select t 1 for update: granted',
      '500 c select t 1 for update: granted',
      '600 d select t 1 for update: granted',
    ],
  },
  {
    name: 'two rows crosswise: the first to wait is the first to look',
    script: `
0 a update t 1
50 b update t 2
200 a update t 2
300 b update t 1
1500 a rollback
`,
    answers: [
      '0 a update t 1: granted',
      '50 b update t 2: granted',
      '1200 a update t 2: deadlock',
      '1200 b update t 1: granted',
    ],
  },
  {
    name: 'a reader is let past a waiting writer to undo a soft deadlock',
    script: `
0 a lock t access share
50 c lock u access exclusive
100 b lock t access exclusive
200 c lock t access share
300 a lock u access share
1500 c commit
1600 a commit
`,
    answers: [
      '0 a lock t access share: granted',
      '50 c lock u access exclusive: granted',
      '1100 c lock t access share: granted',
      '1500 a lock u access share: granted',
      '1600 b lock t access exclusive: granted',
    ],
  },
  {
    name: 'a shared row lock passes a waiting update',
    script: `
0 a select t 1 for share
50 b select t 1 for share
100 c update t 1
200 d select t 1 for share
300 a commit
400 b commit
500 d commit
`,
    answers: [
      '0 a select t 1 for share: granted',
      '50 b select t 1 for share: granted',
      '200 d select t 1 for share: granted',
      '500 c update t 1: granted',
    ],
  },
  {
    name: 'a lock timeout lets those behind go on',
    script: `
0 a lock t access share
50 b lock_timeout 300
100 b lock t access exclusive
200 c lock t access share
`,
    answers: [
      '0 a lock t access share: granted',
      '400 c lock t access share: granted',
      '400 b lock t access exclusive: lock timeout',
    ],
  },
  {
    name: 'key share goes beside an update, not beside for update',
    script: `
0 a update t 1
100 b select t 1 for key share
200 c select t 1 for update
300 d select t 1 for key share
400 a commit
500 b commit
600 d commit
`,
    answers: [
      '0 a update t 1: granted',
      '100 b select t 1 for key share: granted',
      '300 d select t 1 for key share: granted',
      '600 c select t 1 for update: granted',
    ],
  },
  {
    name: 'three rows in a circle',
    script: `
0 a update t 1
20 b update t 2
40 c update t 3
100 a update t 2
200 b update t 3
300 c update t 1
1300 a rollback
1400 c commit
`,
    answers: [
      '0 a update t 1: granted',
      '20 b update t 2: granted',
      '40 c update t 3: granted',
      '1100 a update t 2: deadlock',
      '1100 c update t 1: granted',
      '1400 b update t 3: granted',
    ],
  },
  {
    name: 'a holder of a row that wants more passes the waiter',
    script: `
0 a select t 1 for key share
50 b select t 1 for key share
100 c select t 1 for update
200 a select t 1 for update
300 b commit
400 a commit
`,
    answers: [
      '0 a select t 1 for key share: granted',
      '50 b select t 1 for key share: granted',
      '300 a select t 1 for update: granted',
      '400 c select t 1 for update: granted',
    ],
  },
];
