import { MILLISECOND, MINUTE, type Nanoseconds, SECOND } from '../kernel/index.ts';
import type { FaultTarget, Targets } from './fault.ts';

/** What a target is called in a sentence. */
export function nameOf(target: FaultTarget): string {
  switch (target.kind) {
    case 'server':
      return target.server;
    case 'backend':
      return `a backend of ${target.server}`;
    case 'patroni':
      return `Patroni on ${target.server}`;
    case 'etcd':
      return `etcd member ${target.member}`;
    case 'pgbouncer':
      return `PgBouncer ${target.pool}`;
    case 'haproxy':
      return 'HAProxy';
    case 'clients':
      return `clients ${target.group}`;
    case 'host':
      return `host ${target.host}`;
    case 'zone':
      return `zone ${target.zone}`;
  }
}

/** 'pg1', 'pg1 and pg2', 'pg1, pg2 and zone c'. */
export function namesOf(targets: Targets): string {
  return enumerate(targets.map(nameOf));
}

export function enumerate(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

/** The verb for one subject or for several. */
export function verb(targets: Targets, one: string, several: string): string {
  return `${namesOf(targets)} ${targets.length === 1 ? one : several}`;
}

/** '1.5 s', '3 min', '250 ms'. */
export function durationText(duration: Nanoseconds): string {
  if (duration < SECOND) return `${duration / MILLISECOND} ms`;
  return duration % MINUTE === 0 ? `${duration / MINUTE} min` : `${duration / SECOND} s`;
}
