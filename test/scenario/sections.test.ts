import { describe, expect, test } from 'vitest';
import { loadScenario } from '../../src/scenario/index.ts';
import { load, minimal, problems, warnings } from './support.ts';

const S = 1_000_000_000;

describe('what stands between clients and servers', () => {
  const connect = (text: string, more = '') =>
    `servers: {pg1: {}, pg2: {standby_of: pg1}}\n` +
    `workload: {clients: {app: {connect: ${text}}}}\n${more}`;

  test.each([
    ['pg2', '', { kind: 'server', server: 'pg2' }],
    ['haproxy.replica', 'haproxy: {}', { kind: 'haproxy', frontend: 'replica' }],
    ['pgbouncer.p', 'pgbouncer: {p: {server: pg1}}', { kind: 'pgbouncer', pool: 'p' }],
    ['routing.r', 'routing: {r: {reads: pg2}}', { kind: 'routing', route: 'r' }],
    ['dns.w', 'dns: {w: {ttl: 5s}}', { kind: 'dns', name: 'w' }],
  ])('connect: %s', (text, more, expected) => {
    expect(load(connect(text, more)).scenario.workload.clients.get('app')!.connect).toEqual(
      expected,
    );
  });

  test('libpq takes its own settings, with its own units and defaults', () => {
    const text = connect(
      '{hosts: all, target_session_attrs: read-write, connect_timeout: 2, tcp_user_timeout: 5000}',
    );
    expect(load(text).scenario.workload.clients.get('app')!.connect).toMatchObject({
      kind: 'hosts',
      hosts: ['pg1', 'pg2'],
      target_session_attrs: 'read-write',
      load_balance_hosts: 'disable',
      connect_timeout: 2 * S,
      tcp_user_timeout: 5 * S,
      keepalives: true,
    });
  });

  test.each([
    ['pg3', '', 'did you mean pg1?'],
    ['haproxy.primry', 'haproxy: {}', 'did you mean haproxy.primary?'],
    ['haproxy.primary', '', 'is not anything to connect to'],
    ['pgbouncer.q', 'pgbouncer: {p: {server: pg1}}', 'did you mean pgbouncer.p?'],
    ['{hosts: [pg1], target_session_attrs: readwrite}', '', 'did you mean read-write?'],
    ['{hosts: [pg9]}', '', 'did you mean pg1?'],
  ])('connect: %s is refused', (text, more, why) => {
    expect(problems(connect(text, more)).join()).toContain(why);
  });

  test('HAProxy’s defaults are its own: no shutdown of sessions on mark-down', () => {
    expect(load(minimal('haproxy: {}')).scenario.haproxy!.settings).toMatchObject({
      inter: 2 * S,
      fall: 3,
      rise: 2,
      fastinter: null,
      'timeout check': null,
      'on-marked-down': 'none',
    });
    expect(problems(minimal('haproxy: {on-marked-down: shutdown-session}')).join()).toContain(
      'did you mean shutdown-sessions?',
    );
  });

  test('PgBouncer’s settings have its defaults and count seconds', () => {
    const { scenario } = load(minimal('pgbouncer: {p: {server: pg1, query_wait_timeout: 5}}'));
    expect(scenario.pgbouncer.get('p')!.settings).toMatchObject({
      pool_mode: 'session',
      default_pool_size: 20,
      query_wait_timeout: 5 * S,
      server_lifetime: 3600 * S,
    });
  });
});

describe('Patroni and etcd', () => {
  test('Patroni adjusts its timings as its code does, and a warning says so', () => {
    const text = minimal('patroni: {ttl: 20, loop_wait: 10, retry_timeout: 10}');
    expect(load(text).scenario.patroni!.settings).toMatchObject({
      ttl: 20 * S,
      loop_wait: S,
      retry_timeout: 9 * S,
    });
    expect(warnings(text).join()).toContain('loop_wait + 2 * retry_timeout exceeds ttl');
    const cut = minimal('patroni: {ttl: 30, loop_wait: 15, retry_timeout: 10}');
    expect(load(cut).scenario.patroni!.settings.loop_wait).toBe(10 * S);
    const low = minimal('patroni: {ttl: 3, loop_wait: 1, retry_timeout: 3}');
    expect(load(low).scenario.patroni!.settings.ttl).toBe(20 * S);
  });

  test.each([
    ['patroni: {lop_wait: 10}', 'did you mean loop_wait?'],
    ['patroni: {synchronous_mode: qourum}', 'did you mean quorum?'],
    ['patroni: {ttl: 30GB}', 'is no unit of ttl'],
    ['etcd: {members: [a, b]}', 'is not a zone'],
    ['etcd: {election-timeout: 400}', 'at least 5 times heartbeat-interval'],
    ['etcd: {election-timeout: 60s}', 'outside its valid range'],
    ['etcd: {}\nconsul: {}', 'keeps its keys in one store'],
    ['fencing: watchdg', 'did you mean watchdog?'],
  ])('%s is refused', (line, why) => {
    expect(problems(minimal(line)).join()).toContain(why);
  });

  test('a member that lives alone has a host of its own', () => {
    const { scenario } = load(
      minimal('network: {zones: {a: x, b: x}}\netcd: {members: [a, b, {name: third, zone: b}]}'),
    );
    expect(scenario.etcd!.members.map((member) => member.host)).toEqual([
      'pg1',
      'etcd.b',
      'etcd.third',
    ]);
  });

  test('sections of patroni.yml that say nothing to a simulation are warnings', () => {
    expect(
      warnings(minimal('patroni: {scope: batman, postgresql: {use_pg_rewind: true}}')),
    ).toEqual([
      expect.stringContaining('patroni.scope: is known, but nothing in the model uses it yet'),
    ]);
  });
});

describe('workload', () => {
  const clients = (text: string, more = '') =>
    'servers: {pg1: {}}\nworkload:\n' +
    '  transactions: {r: {builtin: select-only}, w: {builtin: tpcb}}\n' +
    `  clients: {app: ${text}}\n${more}`;

  test('run is one transaction or weights', () => {
    const run = (text: string) =>
      load(clients(`{run: ${text}}`)).scenario.workload.clients.get('app')!.run;
    expect(run('r')).toEqual([{ transaction: 'r', weight: 1 }]);
    expect(run('{w: 3, r: 1}')).toEqual([
      { transaction: 'r', weight: 1 },
      { transaction: 'w', weight: 3 },
    ]);
  });

  test('a builtin may be shortened as in pgbench', () => {
    const { transactions } = load(clients('{run: r}')).scenario.workload;
    expect(transactions.get('w')).toMatchObject({ builtin: 'tpcb-like', readOnly: false });
    expect(transactions.get('r')).toMatchObject({ builtin: 'select-only', readOnly: true });
  });

  test('without transactions of its own it has the builtins that its clients run', () => {
    const names = (text: string) => [
      ...load(`servers: {pg1: {}}\nworkload:\n  clients: ${text}`).scenario.workload.transactions,
    ];
    const builtin = (name: string) => [name, expect.objectContaining({ name, builtin: name })];
    expect(names('{app: {}}')).toEqual([builtin('tpcb-like')]);
    expect(names('{app: {run: select-only}}')).toEqual([builtin('select-only')]);
    expect(names('{a: {run: {select-only: 9, simple-update: 1}}}')).toEqual([
      builtin('select-only'),
      builtin('simple-update'),
    ]);
  });

  test.each([
    ['{}', 'run: is missing; the transactions are r, w'],
    ['{run: x}', 'is not a transaction; there is r, w'],
    ['{run: {r: 0}}', 'gives no transaction a weight above 0'],
    ['{run: r, rate: 100}', 'did you mean 100/s?'],
    ['{run: r, rate: 10/s, think: 1s}', 'belongs to a closed loop'],
    ['{run: r, starts: 2min, ends: 1min}', 'is not after the group starts'],
    ['{run: r, cuont: 3}', 'did you mean count?'],
    ['{run: r, count: 1.5}', 'must be a whole number'],
    ['{run: r, protocol: simpel}', 'did you mean simple?'],
    ['{run: r, reread: 150%}', 'a share lies between 0 and 1'],
    ['{run: r, zone: z}', 'is not a zone'],
    ['{run: r, host: z}', 'is not a host'],
  ])('clients %s are refused', (text, why) => {
    expect(problems(clients(text)).join()).toContain(why);
  });

  test('a builtin next to a schema of one’s own needs pgbench’s tables', () => {
    const text = 'servers: {p: {}}\nworkload: {schema: "CREATE TABLE t ()", clients: {a: {}}}';
    expect(problems(text).join()).toContain("needs pgbench's tables");
  });
});

describe('settings of PostgreSQL', () => {
  test.each([
    ['shared_bufers: 8GB', 'did you mean shared_buffers?'],
    ['shared_buffers: 8gb', 'did you mean 8GB?'],
    ['shared_buffers: 8ms', '"ms" is no unit of shared_buffers; its units are B, kB, MB, GB, TB'],
    ['max_connections: 0', '0 is outside its valid range (1 .. 262143)'],
    ['max_connections: many', 'it takes a whole number'],
    ['fsync: maybe', 'it takes a Boolean value'],
    ['synchronous_commit: remote', 'it takes one of'],
    ['transaction_timeout: 1s, version: 16', 'is a setting of PostgreSQL 17 to 18, not of 16'],
    ['stats_temp_directory: x', 'is a setting of PostgreSQL 13 to 14, not of 18'],
    ['version: 12', '13 to 18 are'],
    ['server_version: 18', 'is reported by the server and cannot be set'],
    ['synchronous_standby_names: "FIRST 0 (a)"', 'must be at least 1'],
    ['synchronous_standby_names: "FIRST 2 (a, b"', 'is not FIRST n (names)'],
  ])('%s is refused with its place', (text, why) => {
    const found = problems(minimal(`postgresql: {${text}}`));
    expect(found.join()).toContain(why);
    expect(found[0]).toMatch(/^x\.yaml:3:\d+: postgresql\./);
  });

  test('a known setting that the model does not use is a warning', () => {
    expect(warnings(minimal('postgresql: {log_statement: all}'))).toEqual([
      'x.yaml:3:14: postgresql.log_statement: is known, but nothing in the model uses it yet',
    ]);
    expect(warnings(minimal('postgresql: {citus.shard_count: 32}')).join()).toContain(
      "an extension's setting",
    );
  });

  test('the server’s own win over those of all', () => {
    const { scenario } = load(
      'postgresql: {max_connections: 200, shared_buffers: 1GB}\n' +
        'servers: {a: {postgresql: {max_connections: 300}}, b: {recovery_min_apply_delay: 1h}}\n' +
        'workload: {clients: {c: {}}}',
    );
    const [a, b] = [...scenario.servers.values()];
    expect(a!.settings).toMatchObject({ max_connections: 300, shared_buffers: 1024 ** 3 });
    expect(b!.settings).toMatchObject({ max_connections: 200, recovery_min_apply_delay: 3600 * S });
  });
});

describe('faults', () => {
  const faults = (text: string) =>
    `servers: {pg1: {}, r: {standby_of: pg1, replicas: 2}}
workload: {clients: {app: {}}}
patroni: {}
network: {zones: {a: x, b: x}}
faults: [${text}]`;
  const one = (text: string) => load(faults(text)).scenario.faults[0]!;

  test('a fault begins at a time, at a drawn time or on a counted event', () => {
    expect(one('{at: 10s, crash: pg1}').start).toEqual({ kind: 'time', at: 10 * S });
    expect(one('{at: {min: 1s, max: 9s}, crash: pg1}').start).toMatchObject({ kind: 'drawn' });
    const when = '{when: {event: txn.acknowledged, count: 1000}, crash: pg1}';
    expect(one(when).start).toEqual({ kind: 'event', event: 'txn.acknowledged', count: 1000 });
  });

  test('targets are servers, groups, agents, members, hosts and zones', () => {
    const targets = (name: string) => {
      const fault = one(`{at: 1s, pause: ${name}}`);
      return 'targets' in fault ? fault.targets : [];
    };
    expect(targets('pg1.patroni')).toEqual([{ kind: 'patroni', server: 'pg1' }]);
    expect(targets('etcd.b')).toEqual([{ kind: 'etcd', member: 'b' }]);
    expect(targets('r')).toEqual([
      { kind: 'server', server: 'r-1' },
      { kind: 'server', server: 'r-2' },
    ]);
    expect(targets('b')).toEqual([{ kind: 'zone', zone: 'b' }]);
    expect(targets('etcd.b')).toHaveLength(1);
  });

  test('every kind is read', () => {
    const kinds = [
      ...['crash: pg1', 'power_off: pg1', 'pause: pg1', 'restart: pg1', 'disk_full: pg1'],
      ...['partition: [[a], [b]]', 'cut: {from: a, to: b}', 'zone_outage: a', 'switchover: r-1'],
      ...[
        'slow_network: {between: [a, b], delay: 50ms}',
        'packet_loss: {from: a, to: b, loss: 5%}',
      ],
      ...['slow_disk: pg1', 'slow_disk: {target: pg1, fsync: 1s}', 'promote: r-1'],
      ...['clock_jump: {target: pg1, by: -5s}', 'cancel_queries: pg1', 'switchover: {to: r-2}'],
      ...['bulk_load: {target: pg1, size: 10GB}', 'connection_storm: {target: pg1, count: 5k}'],
    ];
    const { scenario } = load(faults(kinds.map((kind) => `{at: 1s, ${kind}}`).join(', ')));
    expect(scenario.faults.map((fault) => fault.index)).toEqual(kinds.map((_, i) => i));
    expect(scenario.faults[14]).toMatchObject({ kind: 'clock_jump', by: -5 * S });
    expect(scenario.faults[11]).toMatchObject({ kind: 'slow_disk', factor: 10 });
  });

  test('one may end after the run, one that starts after it is an error', () => {
    expect(one('{at: 59s, pause: pg1, for: 1h}').for).toBe(3600 * S);
    expect(problems(faults('{at: 60s, crash: pg1}'))).toEqual([
      expect.stringMatching(
        /^x\.yaml:5:15: faults\.0\.at: begins at 60 s, but the run ends at 60 s$/,
      ),
    ]);
  });

  test.each([
    ['{at: 1s, crash: pg2}', 'did you mean pg1?'],
    ['{at: 1s, crahs: pg1}', 'did you mean crash?'],
    ['{crash: pg1}', 'begins either at a time (at) or on an event (when)'],
    ['{at: 1s}', 'has 0 kinds of fault instead of one'],
    ['{at: 1s, crash: pg1, pause: pg1}', 'has 2 kinds of fault instead of one'],
    ['{at: 1s, partition: [[a, b]]}', 'a partition has at least two sides'],
    ['{at: 1s, partition: [[a], [a, b]]}', 'stands on two sides of the partition'],
    ['{at: 1s, promote: r}', 'this fault strikes one; did you mean r-1?'],
    ['{at: 1s, packet_loss: {from: a, to: b}}', 'loss: is not a share'],
    ['{at: 1s, slow_network: {from: a, to: b}}', 'says nothing of delay, factor or bandwidth'],
  ])('%s is refused', (text, why) => {
    expect(problems(faults(text)).join('\n')).toContain(why);
  });
});

describe('what is probably not meant is a warning', () => {
  test.each([
    ['hardware nobody uses', 'hardware: {x: {}, y: {}}', 'nothing runs on it'],
    ['fencing without Patroni', 'fencing: lease', 'there is no Patroni'],
    ['a fault in the warm-up', 'warmup: 9s\nfaults: [{at: 1s, crash: pg1}]', 'within the warm-up'],
    [
      'waiting for a standby that does not exist',
      'postgresql: {synchronous_standby_names: "*"}',
      'commits wait for ever',
    ],
  ])('%s', (_, line, why) => {
    expect(warnings(minimal(line)).join()).toContain(why);
  });

  test('more sessions than connections', () => {
    const text = 'servers: {pg1: {}}\nworkload: {clients: {app: {count: 500}}}';
    expect(warnings(text).join()).toContain(
      'is given 500 sessions, and max_connections leaves room',
    );
  });

  test('a warm-up as long as the run is an error', () => {
    expect(problems(minimal('warmup: 60s\nduration: 60s')).join()).toContain('nothing would be');
  });
});

test('a problem is one line with file, line, column, what, why and the nearest right thing', () => {
  const loaded = loadScenario(minimal('postgresql: {shared_bufers: 8GB}'), { file: 'a/b.yaml' });
  if (loaded.ok) throw new Error('loads');
  expect(loaded.problems).toEqual([
    {
      file: 'a/b.yaml',
      line: 3,
      column: 14,
      what: 'postgresql.shared_bufers',
      why: 'is not a setting of PostgreSQL 18',
      nearest: 'shared_buffers',
    },
  ]);
});
