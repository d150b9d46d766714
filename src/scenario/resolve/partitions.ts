/** What `workload.partitions` stands for: ranges with names, and who makes more of them. */
import { SECOND } from '../../kernel/time.ts';
import {
  type CalendarStep,
  formatMoment,
  isBefore,
  type Moment,
  parseMoment,
  parseStep,
  partitionSuffix,
  stepsAfter,
} from '../../workload/calendar.ts';
import type { Compression, PartitionManager } from '../../workload/planner/managers.ts';
import { naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import type { PartitionRange, Partitions } from '../workload-model.ts';
import type { Context } from './context.ts';

type WorkloadFile = ScenarioFile['workload'];

export function resolvePartitions(
  context: Context,
  given: WorkloadFile,
  now: Moment | null,
): Map<string, Partitions> {
  const partitions = new Map<string, Partitions>();
  for (const [table, written] of naturalEntries(given.partitions ?? {})) {
    const path = ['workload', 'partitions', table];
    if ('hash' in written) partitions.set(table, { kind: 'hash', modulus: written.hash });
    else if ('list' in written) {
      const lists = Object.entries(written.list).map(([name, values]) => ({
        name: `${table}_${name}`,
        values: values.map(String),
      }));
      partitions.set(table, { kind: 'list', lists });
    } else {
      const ranges = rangesOf(context, path, table, written, now);
      if (ranges !== undefined) partitions.set(table, ranges);
    }
  }
  return partitions;
}

type WrittenPartitions = NonNullable<WorkloadFile['partitions']>[string];
type HypertableFile = Extract<WrittenPartitions, { chunk_time_interval: unknown }>;
type RangeFile = Extract<WrittenPartitions, { every: unknown }>;

const MOST_PARTITIONS = 100_000;

function rangesOf(
  context: Context,
  path: Path,
  table: string,
  written: RangeFile | HypertableFile,
  now: Moment | null,
): Partitions | undefined {
  const given = 'every' in written ? written : { ...written, every: written.chunk_time_interval };
  if (typeof given.from === 'number' && typeof given.to === 'number')
    return numericRanges(context, path, table, { default: false, ...given });
  const from = parseMoment(String(given.from));
  const to = parseMoment(String(given.to));
  const every = parseStep(String(given.every));
  for (const [key, parsed] of [
    ['from', from],
    ['to', to],
    ['every' in written ? 'every' : 'chunk_time_interval', every],
  ] as const)
    if (!parsed.ok) context.findings.problem([...path, key], parsed.why);
  if (!from.ok || !to.ok || !every.ok) return undefined;
  const manager = managerOf(context, path, written, now);
  const ahead = manager?.kind === 'partman' ? manager.premake : 0;
  const end = manager === null ? to.value : endOfRun(context, now, every.value, ahead);
  const all: PartitionRange[] = [];
  for (let i = 0, at = from.value; isBefore(at, to.value) || isBefore(at, end); i++) {
    const next = stepsAfter(from.value, every.value, i + 1);
    const isCut = manager === null && isBefore(at, to.value) && isBefore(to.value, next);
    const upper = isCut ? to.value : next;
    const name = `${table}_${partitionSuffix(at, every.value)}`;
    all.push({ name, from: formatMoment(at), to: formatMoment(upper) });
    if (all.length > MOST_PARTITIONS) break;
    at = next;
  }
  const isThere = (each: PartitionRange) => isBefore(momentOf(each.from), to.value);
  const ranges = all.filter(isThere);
  const later = all.filter((each) => !isThere(each));
  const hasDefault = 'default' in written ? written.default === true : manager?.kind === 'partman';
  return checkedRanges(context, path, { ranges, later, every: every.value, hasDefault, manager });
}

function momentOf(text: string): Moment {
  const parsed = parseMoment(text);
  if (!parsed.ok) throw new Error(`${text} ${parsed.why}`);
  return parsed.value;
}

/** Up to where partitions may be made. */
function endOfRun(
  { file }: Context,
  now: Moment | null,
  every: CalendarStep,
  ahead: number,
): Moment {
  const begins = now ?? { days: 0, seconds: 0 };
  const seconds = begins.seconds + Math.ceil((file.duration ?? 60 * SECOND) / SECOND);
  const days = begins.days + Math.floor(seconds / DAY);
  return stepsAfter({ days, seconds: seconds % DAY }, every, ahead + 1);
}

const DAY = 86_400;

/** Who makes partitions while the run goes on: it has to be known when it begins. */
function managerOf(
  context: Context,
  path: Path,
  written: RangeFile | HypertableFile,
  now: Moment | null,
): PartitionManager | null {
  const { findings } = context;
  const isHypertable = 'chunk_time_interval' in written;
  const isManaged = isHypertable || written.premake !== undefined;
  if (!isHypertable && !isManaged && written.retention !== undefined)
    findings.problem([...path, 'retention'], 'is of pg_partman, and needs premake beside it');
  if (!isManaged) return null;
  if (now === null) {
    findings.problem(['workload', 'now'], 'is needed: partitions are made as time goes on');
    return null;
  }
  if (isHypertable) return { kind: 'hypertable', compression: compressionOf(written) };
  const { premake = 4, retention, retention_keep_table: keepsTables = true } = written;
  const step = retention === undefined ? null : parseStep(retention);
  if (step !== null && !step.ok) findings.problem([...path, 'retention'], step.why);
  return { kind: 'partman', premake, retention: step?.ok ? step.value : null, keepsTables };
}

function compressionOf(written: HypertableFile): Compression | null {
  const { compress_segmentby: segments, compress_orderby: order } = written;
  if (segments === undefined && order === undefined) return null;
  const segmentBy = (segments ?? '').split(',').map((each) => each.trim());
  const [orderBy = ''] = (order ?? '').trim().split(/\s+/);
  return { segmentBy: segmentBy.filter((each) => each !== ''), orderBy };
}

function numericRanges(
  context: Context,
  path: Path,
  table: string,
  given: Pick<RangeFile, 'from' | 'to' | 'every' | 'default' | 'premake'>,
): Partitions | undefined {
  const [from, to, every] = [Number(given.from), Number(given.to), Number(given.every)];
  if (!Number.isFinite(from) || !Number.isFinite(to) || !(every > 0) || !Number.isFinite(every)) {
    context.findings.problem([...path, 'every'], 'is not a step above 0 between numbers');
    return undefined;
  }
  const ranges: PartitionRange[] = [];
  for (let i = 0; from + i * every < to && i <= MOST_PARTITIONS; i++) {
    const end = Math.min(from + (i + 1) * every, to);
    ranges.push({ name: `${table}_${i + 1}`, from: String(from + i * every), to: String(end) });
  }
  if (given.premake !== undefined)
    context.findings.problem([...path, 'premake'], 'is built for times, not for numbers');
  const none = { later: [], hasDefault: given.default === true, manager: null };
  return checkedRanges(context, path, { ranges, every, ...none });
}

function checkedRanges(
  context: Context,
  path: Path,
  found: Omit<Extract<Partitions, { kind: 'range' }>, 'kind'>,
): Partitions | undefined {
  const { length } = found.ranges;
  if (length === 0) context.findings.problem([...path, 'to'], 'is not after from');
  else if (length + found.later.length > MOST_PARTITIONS)
    context.findings.problem([...path, 'every'], `makes more than ${MOST_PARTITIONS} partitions`);
  else return { kind: 'range', ...found };
  return undefined;
}
