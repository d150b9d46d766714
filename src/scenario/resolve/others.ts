import type { Network } from '../model.ts';
import type { Path } from '../problem.ts';
import { type Context, unknownName } from './context.ts';
import type { Hosts } from './hosts.ts';
import { Targets } from './routes.ts';
import type { Servers } from './servers.ts';

/** Looks up the names in sections that are read and checked, and not yet part of any model. */
export function checkOthers(
  context: Context,
  servers: Servers,
  network: Network,
  hosts: Hosts,
): void {
  const { file } = context;
  const targets = new Targets(context, servers);
  const each = (path: Path, names: readonly string[] | undefined) => {
    for (const [i, name] of (names ?? []).entries()) targets.servers([...path, i], name);
  };
  if (file.citus !== undefined) {
    targets.servers(['citus', 'coordinator'], file.citus.coordinator);
    each(['citus', 'workers'], file.citus.workers);
  }
  if (file.shards !== undefined) each(['shards', 'servers'], file.shards.servers);
  if (file.multi_primary !== undefined)
    each(['multi_primary', 'servers'], file.multi_primary.servers);
  for (const [name, { publisher, subscribers }] of Object.entries(file.logical ?? {})) {
    targets.servers(['logical', name, 'publisher'], publisher);
    each(['logical', name, 'subscribers'], subscribers);
  }
  checkProxies(context, targets, hosts);
  checkStorage(context, network);
}

function checkProxies(context: Context, targets: Targets, hosts: Hosts): void {
  const { file } = context;
  for (const [name, { reads, writes }] of Object.entries(file.proxysql ?? {})) {
    for (const [i, server] of (reads ?? []).entries())
      targets.servers(['proxysql', name, 'reads', i], server);
    if (writes !== undefined) targets.read(['proxysql', name, 'writes'], writes);
  }
  for (const [name, { target }] of Object.entries(file.dns ?? {}))
    if (target !== undefined) targets.read(['dns', name, 'target'], target);
  for (const section of ['proxysql', 'cache', 'routing'] as const)
    for (const [name, { zone, host }] of Object.entries(file[section] ?? {})) {
      if (zone !== undefined) hosts.zone([section, name], zone);
      if (host !== undefined) hosts.find([section, name, 'host'], host);
    }
}

interface Zoned {
  readonly zones?: readonly string[] | undefined;
  readonly safekeepers?: readonly string[] | undefined;
  readonly pageservers?: readonly string[] | undefined;
}

function checkStorage(context: Context, network: Network): void {
  for (const [name, { storage }] of Object.entries(context.file.servers)) {
    const zoned = (storage ?? {}) as Zoned;
    for (const key of ['zones', 'safekeepers', 'pageservers'] as const)
      for (const [i, zone] of (zoned[key] ?? []).entries())
        if (!network.zones.has(zone)) {
          const path = ['servers', name, 'storage', key, i];
          unknownName(context, path, zone, 'a zone', network.zones.keys());
        }
  }
}
