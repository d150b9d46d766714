import { z } from 'zod';
import { ETCD_FACTS, ETCD_UNUSED } from '../../ha/etcd-settings.ts';
import {
  PATRONI_FACTS,
  PATRONI_RENAMED,
  PATRONI_UNUSED,
  WATCHDOG_FACTS,
} from '../../ha/patroni-settings.ts';
import { name, section, setting, settingsShape, text, word } from './values.ts';

/** Sections about who leads: Patroni, the consensus stores and fencing. */

const unused = (names: readonly string[]) =>
  Object.fromEntries(names.map((each) => [each, z.unknown().optional()]));

const renamed = Object.fromEntries(
  Object.entries(PATRONI_RENAMED).map(([former, now]) => [
    former,
    setting(PATRONI_FACTS.find((fact) => fact.name === now)!).optional(),
  ]),
);

/** What stands under `postgresql` in `patroni.yml` and concerns Patroni itself. */
const patroniPostgresql = section("Patroni's postgresql", {
  ...settingsShape(PATRONI_FACTS.filter((fact) => /^(use_|remove_data_directory)/.test(fact.name))),
  parameters: z.unknown().optional(),
  pg_hba: z.unknown().optional(),
});

export const patroni = section('Patroni', {
  version: text.optional(),
  ...settingsShape(PATRONI_FACTS),
  ...renamed,
  watchdog: section("Patroni's watchdog", settingsShape(WATCHDOG_FACTS)).optional(),
  postgresql: patroniPostgresql.optional(),
  ...unused(PATRONI_UNUSED),
});

const member = z.union([
  name,
  section('an etcd member', { name: name, zone: name.optional(), host: name.optional() }),
]);

const members = z.array(member).min(1, 'a store has at least one member').max(15);

export const etcd = section('etcd', {
  version: text.optional(),
  members: members.optional(),
  ...settingsShape(ETCD_FACTS),
  ...unused(ETCD_UNUSED),
});

export const consul = section('Consul', {
  version: text.optional(),
  members: members.optional(),
  lock_delay: text.optional(),
});

export const zookeeper = section('ZooKeeper', {
  version: text.optional(),
  members: members.optional(),
  tickTime: setting({
    ...ETCD_FACTS[0]!,
    name: 'tickTime',
    default: '2000',
  }).optional(),
});

export const fencing = word('none', 'lease', 'watchdog', 'stonith', 'storage');
