import { SECOND } from '../../kernel/time.ts';
import { constantLaw } from '../law.ts';
import type { ConnectTarget } from '../model.ts';
import { naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import type {
  ClientGroup,
  RetryPolicy,
  TransactionSpec,
  WeightedTransaction,
} from '../workload-model.ts';
import { type Context, unknownName } from './context.ts';
import type { Hosts } from './hosts.ts';
import { firstPrimary, Targets } from './routes.ts';
import type { Servers } from './servers.ts';

type ClientsFile = NonNullable<ScenarioFile['workload']['clients']>[string];

/** The groups of clients, each with what it runs and what it connects to. */
export function resolveClients(
  context: Context,
  servers: Servers,
  hosts: Hosts,
  transactions: ReadonlyMap<string, TransactionSpec>,
): Map<string, ClientGroup> {
  const given = naturalEntries(context.file.workload.clients ?? {});
  if (given.length === 0)
    context.findings.problem(
      ['workload', 'clients'],
      'a workload has at least one group of clients',
    );
  const resolver = {
    context,
    servers,
    hosts,
    transactions,
    targets: new Targets(context, servers),
  };
  return new Map(given.map(([name, written]) => [name, clientGroup(resolver, name, written)]));
}

interface Resolver {
  readonly context: Context;
  readonly servers: Servers;
  readonly hosts: Hosts;
  readonly transactions: ReadonlyMap<string, TransactionSpec>;
  readonly targets: Targets;
}

/** Spread by half around a second: from a broken connection to the next attempt. */
const RECONNECT = { kind: 'uniform', min: SECOND / 2, max: (3 * SECOND) / 2 } as const;

function clientGroup(resolver: Resolver, name: string, given: ClientsFile): ClientGroup {
  const path = ['workload', 'clients', name];
  checkTimes(resolver, path, given);
  return {
    name,
    ...clientPlace(resolver, path, given),
    cpu: given.cpu ?? null,
    threads: given.threads ?? null,
    count: given.count ?? 1,
    rate: given.rate ?? null,
    think: given.think ?? null,
    run: runOf(resolver, path, given.run),
    connect: connectOf(resolver, [...path, 'connect'], given.connect),
    connection: given.connection ?? 'session',
    protocol: given.protocol ?? 'simple',
    starts: given.starts ?? 0,
    ends: given.ends ?? null,
    reread: given.reread ?? 0,
    reconnect: reconnectOf(given),
    retry: retryOf(given),
  };
}

/** A plain time is spread by half; a distribution is taken as it is. */
function reconnectOf(given: ClientsFile): ClientGroup['reconnect'] {
  const { reconnect } = given;
  if (reconnect === undefined) return RECONNECT;
  if (reconnect.kind !== 'constant' || reconnect.value === 0) return reconnect;
  const { value } = reconnect;
  return { kind: 'uniform', min: Math.round(value / 2), max: Math.round(1.5 * value) };
}

function clientPlace(
  resolver: Resolver,
  path: Path,
  given: ClientsFile,
): { zone: string; host: string | null } {
  const { hosts, context } = resolver;
  if (given.host === undefined) {
    if (given.cpu !== undefined)
      context.findings.warning([...path, 'cpu'], 'is charged to a host, and the group names none');
    if (given.threads !== undefined)
      context.findings.problem([...path, 'threads'], 'run on a host, and the group names none');
    return { zone: hosts.zone(path, given.zone), host: null };
  }
  const host = hosts.find([...path, 'host'], given.host);
  return { zone: host?.zone ?? hosts.zone(path, given.zone), host: given.host };
}

function checkTimes(resolver: Resolver, path: Path, given: ClientsFile): void {
  const { findings, file } = resolver.context;
  const { starts = 0, ends, rate, think } = given;
  if (file.duration !== undefined && starts >= file.duration && starts > 0)
    findings.problem([...path, 'starts'], 'is not before the end of the run');
  if (ends !== undefined && ends <= starts)
    findings.problem([...path, 'ends'], 'is not after the group starts');
  if (rate === 0) findings.problem([...path, 'rate'], 'must be above 0');
  if (rate !== undefined && think !== undefined)
    findings.problem(
      [...path, 'think'],
      'belongs to a closed loop; with a rate, arrivals do not wait for answers',
    );
}

function runOf(resolver: Resolver, path: Path, given: ClientsFile['run']): WeightedTransaction[] {
  const { context, transactions } = resolver;
  if (given === undefined) return everyTransaction(resolver, path);
  const at = [...path, 'run'];
  if (typeof given === 'string') {
    if (!transactions.has(given))
      unknownName(context, at, given, 'a transaction', transactions.keys());
    return [{ transaction: given, weight: 1 }];
  }
  const weighted = naturalEntries(given).map(([transaction, weight]) => {
    if (!transactions.has(transaction))
      unknownName(context, [...at, transaction], transaction, 'a transaction', transactions.keys());
    return { transaction, weight };
  });
  if (!weighted.some(({ weight }) => weight > 0))
    context.findings.problem(at, 'gives no transaction a weight above 0');
  return weighted;
}

function everyTransaction(resolver: Resolver, path: Path): WeightedTransaction[] {
  const { context, transactions } = resolver;
  if (transactions.size > 1) {
    const why = `is missing; the transactions are ${[...transactions.keys()].join(', ')}`;
    context.findings.problem([...path, 'run'], why);
  }
  return [...transactions.keys()].map((transaction) => ({ transaction, weight: 1 }));
}

function connectOf(resolver: Resolver, path: Path, given: ClientsFile['connect']): ConnectTarget {
  const { context, servers, targets } = resolver;
  if (typeof given === 'string') return targets.read(path, given);
  if (given !== undefined) return targets.libpq(path, given);
  if (context.file.haproxy !== undefined) return { kind: 'haproxy', frontend: 'primary' };
  return { kind: 'server', server: firstPrimary(servers.servers) };
}

function retryOf(given: ClientsFile): RetryPolicy | null {
  const { retry } = given;
  if (retry === undefined || retry === 0) return null;
  if (typeof retry === 'number') return { attempts: retry, wait: constantLaw(0), on: [] };
  return { attempts: retry.attempts, wait: retry.wait ?? constantLaw(0), on: retry.on ?? [] };
}
