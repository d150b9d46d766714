/** A hardware profile, from the scenario or from a file of its own, over the defaults. */
import type { z } from 'zod';
import type { DiskOptions } from '../../hardware/presets/index.ts';
import { type CostProfile, DEFAULT_COSTS, type StatementCost } from '../../postgres/costs.ts';
import type { MeasuredVerb } from '../../postgres/statement.ts';
import { lineStartsOf, position } from '../document.ts';
import { findingsOf } from '../issues.ts';
import { type Path, pathText } from '../problem.ts';
import type { Profile } from '../profile-model.ts';
import { profile as profileSchema } from '../schema/profile.ts';
import { readYaml } from '../yaml.ts';
import type { Context } from './context.ts';

type ProfileFile = z.output<typeof profileSchema>;
type CostsFile = NonNullable<ProfileFile['costs']>;

export interface Measured {
  readonly profile: Profile;
  /** What it says of the disk. */
  readonly disk: DiskOptions;
}

/** What of a profile no part of the model uses yet. */
const UNUSED = ['costs.wal_per_byte', 'costs.full_page_image', 'costs.page_hit', 'costs.page_read'];

export function resolveProfile(
  context: Context,
  path: Path,
  written: string | ProfileFile | undefined,
): Measured {
  const given = (typeof written === 'string' ? fromFile(context, path, written) : written) ?? {};
  if (typeof written === 'object') warnOfUnused(context, path, given);
  const { disk = {}, processor = {} } = given;
  return {
    profile: {
      costs: costsOf(given.costs ?? {}),
      loopbackDelay: given.loopback ?? null,
      processor: {
        contextSwitch: processor.context_switch ?? null,
        cacheRefill: processor.cache_refill ?? null,
        coreWakeup: processor.core_wakeup ?? null,
        coreWakeupWork: processor.core_wakeup_work ?? null,
        crossing: processor.crossing ?? null,
        idleWork: processor.idle_work ?? null,
        interruptedEvery: processor.interrupted_every ?? null,
        interruption: processor.interruption ?? null,
      },
    },
    disk: {
      read: disk.read,
      write: disk.write,
      fsync: disk.fsync,
      queueDepth: disk.queue_depth,
      streamBytesPerSecond: disk.stream,
    },
  };
}

/** The profile of a file; a problem stands where the scenario names it, and says where it is. */
function fromFile(context: Context, path: Path, file: string): ProfileFile | null {
  const { findings, options } = context;
  const say = (why: string, nearest?: string) => findings.problem(path, why, { nearest });
  if (!options.readProfile) {
    say('names a file, and nothing here reads files; write the profile out in its place');
    return null;
  }
  const read = options.readProfile(file);
  if (!read.ok) {
    say(read.why);
    return null;
  }
  const yaml = readYaml(read.text);
  if (!yaml.ok) {
    say(`${file} is not YAML or JSON: ${yaml.errors[0]?.why ?? 'it cannot be read'}`);
    return null;
  }
  const parsed = profileSchema.safeParse(yaml.source.value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const lines = lineStartsOf(read.text);
  for (const finding of findingsOf(parsed.error.issues).slice(0, 10)) {
    const { line } = position(lines, yaml.source.offsetOf(finding));
    const what = finding.path.length === 0 ? '' : `${pathText(finding.path)}: `;
    say(`${file}:${line}: ${what}${finding.why}`, finding.nearest);
  }
  return null;
}

function warnOfUnused(context: Context, path: Path, given: ProfileFile): void {
  for (const name of UNUSED) {
    const [section, key] = name.split('.') as ['costs' | 'processor', string];
    const values = given[section] as Readonly<Record<string, unknown>> | undefined;
    if (values?.[key] === undefined) continue;
    context.findings.warning([...path, section, key], 'is not used by the model yet');
  }
}

function costsOf(given: CostsFile): CostProfile {
  const usual = DEFAULT_COSTS;
  const statement = (verb: MeasuredVerb): StatementCost => {
    const own = given.statements?.[verb];
    const { plan, execute } = usual.statements[verb];
    return { plan: own?.plan ?? plan, execute: own?.execute ?? execute };
  };
  return {
    message: given.message ?? usual.message,
    statements: {
      begin: statement('begin'),
      select: statement('select'),
      update: statement('update'),
      insert: statement('insert'),
      commit: statement('commit'),
      rollback: statement('rollback'),
    },
    commit: given.commit ?? usual.commit,
    recheck: given.recheck ?? usual.recheck,
    fork: given.fork ?? usual.fork,
    backendStart: given.backend_start ?? usual.backendStart,
    firstQuery: given.first_query ?? usual.firstQuery,
    backendExit: given.backend_exit ?? usual.backendExit,
    flush: given.flush ?? usual.flush,
    flushInKernel: given.flush_in_kernel ?? usual.flushInKernel,
    wake: given.wake ?? usual.wake,
    sleep: given.sleep ?? usual.sleep,
    walWrite: given.wal_write ?? usual.walWrite,
    walPageWrite: given.wal_page_write ?? usual.walPageWrite,
    walSender: given.wal_sender ?? usual.walSender,
    walSenderReply: given.wal_sender_reply ?? usual.walSenderReply,
    walReceiver: given.wal_receiver ?? usual.walReceiver,
    redoPerByte: given.redo_per_byte ?? usual.redoPerByte,
    redoWake: given.redo_wake ?? usual.redoWake,
    walPerByte: given.wal_per_byte ?? usual.walPerByte,
    fullPageImage: given.full_page_image ?? usual.fullPageImage,
    pageHit: given.page_hit ?? usual.pageHit,
    pageRead: given.page_read ?? usual.pageRead,
    diskRead: given.disk_read ?? usual.diskRead,
    pageWrite: given.page_write ?? usual.pageWrite,
  };
}
