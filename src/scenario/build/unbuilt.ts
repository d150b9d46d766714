/**
 * What the language has and the simulator does not have yet. A run that needs it is refused, with
 * the place where it is asked for; a file that only contains it elsewhere is not.
 */
import { faultRefusal } from '../../faults/catalog.ts';
import { PAGE_BYTES } from '../../postgres/buffers/page.ts';
import { WAL_SEGMENT_BYTES } from '../../postgres/lsn.ts';
import type { Scenario } from '../model.ts';
import type { Finding } from '../problem.ts';
import { databaseOf } from './cluster.ts';
import { unbuiltScripts } from './scripts.ts';

export function unbuilt(scenario: Scenario): Finding[] {
  return [
    ...servers(scenario),
    ...room(scenario),
    ...sections(scenario),
    ...availability(scenario),
    ...workload(scenario),
    ...clients(scenario),
    ...faults(scenario),
  ];
}

function refuse(path: Finding['path'], what: string, atKey = true): Finding {
  return { path, why: `${what} not built yet`, atKey };
}

function servers(scenario: Scenario): Finding[] {
  const findings: Finding[] = [];
  for (const { name, group, storage } of scenario.servers.values()) {
    const path = ['servers', group ?? name];
    if (storage.kind !== 'local') {
      findings.push(refuse([...path, 'storage'], `${storage.kind} storage is`));
    }
  }
  return findings;
}

const GIGABYTE = 1 << 30;

/** Tables that do not fit on the disk cannot have been loaded; every server has a copy of them. */
function room(scenario: Scenario): Finding[] {
  const taken = new Map<string, number>();
  const findings: Finding[] = [];
  for (const spec of scenario.servers.values()) {
    const bytes = databaseOf(scenario, spec).pages * PAGE_BYTES;
    const { disk } = scenario.hosts.get(spec.host)!.machine;
    const all = (taken.get(spec.host) ?? WAL_SEGMENT_BYTES) + bytes;
    taken.set(spec.host, all);
    if (all <= disk.sizeBytes) continue;
    const [tables, size] = [all, disk.sizeBytes].map((each) => (each / GIGABYTE).toFixed(1));
    const why = `its tables and WAL take ${tables} GB and its disk has ${size} GB`;
    findings.push({ path: ['servers', spec.group ?? spec.name], why, atKey: true });
  }
  return findings;
}

function sections(scenario: Scenario): Finding[] {
  return Object.entries(scenario.other)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => refuse([name], `the section ${name} is`));
}

function availability(scenario: Scenario): Finding[] {
  const { patroni, store, fencing } = scenario;
  const findings: Finding[] = [];
  if (patroni && store !== 'etcd') {
    findings.push(refuse([store ?? 'patroni'], `Patroni on ${store ?? 'no store'} is`));
  }
  if (fencing !== 'none' && fencing !== 'lease') {
    findings.push(refuse(['fencing'], `fencing: ${fencing} is`, false));
  }
  if (patroni?.settings.failsafe_mode) {
    findings.push(refuse(['patroni', 'failsafe_mode'], 'failsafe_mode is'));
  }
  const primaries = [...scenario.servers.values()].filter(({ standbyOf }) => standbyOf === null);
  if (patroni && primaries.length > 1) {
    findings.push(refuse(['patroni'], 'more than one Patroni cluster is'));
  }
  if (scenario.invariants.length > 0) findings.push(refuse(['invariants'], 'invariants are'));
  return findings;
}

function workload(scenario: Scenario): Finding[] {
  const { schema, plans, partitions, pgbench } = scenario.workload;
  const findings: Finding[] = [];
  const at = 'workload';
  if (plans !== null) findings.push(...unbuiltScripts(scenario));
  else if (schema !== null) {
    const why = 'its statements have not been planned: Postgres, or the plans, must be handed in';
    findings.push({ path: [at, 'schema'], why, atKey: true });
  }
  if (schema !== null && pgbench !== null) {
    findings.push(refuse([at, 'pgbench'], "pgbench's tables beside a schema of one's own are"));
  }
  if (partitions.size > 0 && schema === null) {
    findings.push(refuse([at, 'partitions'], "partitions of pgbench's tables are"));
  }
  if (pgbench && pgbench.partitions > 0) {
    findings.push(refuse([at, 'pgbench', 'partitions'], 'partitions are'));
  }
  return findings;
}

const CONNECTS = ['server', 'group', 'haproxy', 'hosts'];

function clients(scenario: Scenario): Finding[] {
  const findings: Finding[] = [];
  for (const { name, connect, reread } of scenario.workload.clients.values()) {
    const path = ['workload', 'clients', name];
    if (!CONNECTS.includes(connect.kind)) {
      findings.push(refuse([...path, 'connect'], `connecting to ${connect.kind} is`, false));
    }
    if (reread > 0) findings.push(refuse([...path, 'reread'], 'reread is'));
  }
  return findings;
}

function faults(scenario: Scenario): Finding[] {
  return scenario.faults.flatMap((fault) => {
    const why =
      fault.kind === 'switchover' && !scenario.patroni
        ? 'nobody can switch over without Patroni'
        : faultRefusal(fault);
    return why === null ? [] : [{ path: ['faults', fault.index, fault.kind], why, atKey: true }];
  });
}
