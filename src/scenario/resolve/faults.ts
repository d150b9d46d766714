import { type Nanoseconds, toSeconds } from '../../kernel/time.ts';
import type { Fault, FaultStart, FaultTarget, Stretch } from '../faults.ts';
import { leastOf } from '../law.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { parseDuration } from '../units.ts';
import type { Context } from './context.ts';
import { FaultTargets, type Named } from './targets.ts';

type FaultFile = NonNullable<ScenarioFile['faults']>[number];

/** The schedule of faults, in the order of the file, with every target looked up. */
export function resolveFaults(context: Context, named: Named, duration: Nanoseconds): Fault[] {
  const targets = new FaultTargets(context, named);
  const zone = named.network.zones.keys().next().value ?? '';
  return (context.file.faults ?? []).flatMap((given, index) => {
    const path = ['faults', index];
    const start = startOf(context, path, given, duration);
    const reader = { context, targets, path: [...path, given.kind], given, zone };
    const what = strike(reader);
    return what === null ? [] : [{ index, start, for: given.for ?? null, ...what }];
  });
}

function startOf(
  context: Context,
  path: Path,
  given: FaultFile,
  duration: Nanoseconds,
): FaultStart {
  const { at, when } = given;
  if (when !== undefined) {
    if (!/^[a-z]+([._-][a-zA-Z]+)+$/.test(when.event))
      context.findings.problem(
        [...path, 'when', 'event'],
        'is not an event such as txn.acknowledged',
      );
    return { kind: 'event', event: when.event, count: when.count ?? 1 };
  }
  const earliest = leastOf(at!);
  if (earliest >= duration) {
    const what = `begins at ${toSeconds(earliest)} s, but the run ends at ${toSeconds(duration)} s`;
    context.findings.problem([...path, 'at'], what);
  }
  return at!.kind === 'constant' ? { kind: 'time', at: at!.value } : { kind: 'drawn', at: at! };
}

interface FaultReader {
  readonly context: Context;
  readonly targets: FaultTargets;
  /** Of the fault's own word: `faults.0.crash`. */
  readonly path: Path;
  readonly given: FaultFile;
  /** Where a fault begins that names no zone and needs one. */
  readonly zone: string;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Strike = DistributiveOmit<Fault, 'index' | 'start' | 'for'>;

function strike(reader: FaultReader): Strike | null {
  const { targets, path, given } = reader;
  switch (given.kind) {
    case 'crash':
    case 'power_off':
    case 'pause':
    case 'restart':
    case 'disk_full':
      return { kind: given.kind, targets: targets.read(path, given[given.kind]!) };
    case 'zone_outage':
      return zoneOutage(reader);
    case 'promote':
      return promotion(reader);
    case 'partition':
    case 'cut':
    case 'slow_network':
    case 'packet_loss':
      return networkStrike(reader);
    case 'slow_disk':
      return slowDisk(reader);
    case 'resize':
      return resize(reader);
    case 'switchover':
      return switchover(reader);
    default:
      return serverStrike(reader);
  }
}

function zoneOutage(reader: FaultReader): Strike {
  const { context, targets, path, given } = reader;
  const found = targets.read(path, given.zone_outage!, true);
  for (const each of found)
    if (each.kind !== 'zone') context.findings.problem(path, 'strikes zones, and this is none');
  return { kind: 'zone_outage', targets: found };
}

function promotion(reader: FaultReader): Strike | null {
  const server = reader.targets.server(reader.path, reader.given.promote!);
  return server === null ? null : { kind: 'promote', targets: [{ kind: 'server', server }] };
}

function networkStrike(reader: FaultReader): Strike | null {
  const { targets, path, given } = reader;
  const side = (at: Path, names: readonly string[]) => targets.read(at, names, true);
  if (given.kind === 'partition') {
    const sides = given.partition!.map((names, i) => side([...path, i], names));
    checkSides(reader, sides);
    return { kind: 'partition', sides };
  }
  if (given.kind === 'cut') {
    const { from, to } = given.cut!;
    return { kind: 'cut', from: side([...path, 'from'], from), to: side([...path, 'to'], to) };
  }
  const written = given.kind === 'slow_network' ? given.slow_network! : given.packet_loss!;
  const stretch = stretchOf(reader, written, side);
  if (given.kind === 'packet_loss')
    return { kind: 'packet_loss', stretch, loss: given.packet_loss!.loss };
  const { delay, factor, bandwidth } = given.slow_network!;
  if (delay === undefined && factor === undefined && bandwidth === undefined)
    reader.context.findings.problem(path, 'says nothing of delay, factor or bandwidth');
  return {
    kind: 'slow_network',
    stretch,
    delay: delay ?? null,
    factor: factor ?? 1,
    bandwidthBitsPerSecond: bandwidth ?? null,
  };
}

function checkSides(reader: FaultReader, sides: readonly (readonly FaultTarget[])[]): void {
  const seen = new Set<string>();
  for (const [i, side] of sides.entries())
    for (const target of side) {
      const key = Object.values(target).join('.');
      if (seen.has(key))
        reader.context.findings.problem(
          [...reader.path, i],
          'stands on two sides of the partition',
        );
      seen.add(key);
    }
}

interface StretchFile {
  readonly from?: readonly string[] | undefined;
  readonly to?: readonly string[] | undefined;
  readonly between?: readonly (readonly string[])[] | undefined;
}

function stretchOf(
  reader: FaultReader,
  written: StretchFile,
  side: (at: Path, names: readonly string[]) => FaultTarget[],
): Stretch {
  const { path, context } = reader;
  const { from, to, between } = written;
  if (between !== undefined) {
    const sides = between.map((names, i) => side([...path, 'between', i], names));
    return { from: sides[0]!, to: sides[1]!, bothWays: true };
  }
  if (from === undefined || to === undefined) {
    context.findings.problem(path, 'needs from and to, or between: [one side, other side]');
    return { from: [], to: [], bothWays: false };
  }
  return {
    from: side([...path, 'from'], from),
    to: side([...path, 'to'], to),
    bothWays: false,
  };
}

const SLOWER = 10;

function slowDisk(reader: FaultReader): Strike {
  const { targets, path, given } = reader;
  const written = given.slow_disk!;
  const { target, ...rest } = Array.isArray(written) ? { target: written } : written;
  const at = Array.isArray(written) ? path : [...path, 'target'];
  const changed = Object.values(rest).some((each) => each !== undefined);
  const own = rest as Partial<Exclude<typeof written, string[]>>;
  return {
    kind: 'slow_disk',
    targets: targets.read(at, target),
    factor: own.factor ?? (changed ? 1 : SLOWER),
    read: own.read ?? null,
    write: own.write ?? null,
    fsync: own.fsync ?? null,
    iops: own.iops ?? null,
    throughputBytesPerSecond: own.throughput ?? null,
  };
}

function resize({ context, targets, path, given }: FaultReader): Strike | null {
  const { target, hardware } = given.resize!;
  const server = targets.server([...path, 'target'], target);
  const machine = targets.machine([...path, 'hardware'], hardware);
  if (given.for === undefined)
    context.findings.problem(path, 'needs `for`: how long the machine is away');
  if (server === null || machine === null) return null;
  const { cores, memoryBytes } = machine;
  return { kind: 'resize', targets: [{ kind: 'server', server }], hardware, cores, memoryBytes };
}

function switchover(reader: FaultReader): Strike {
  const { targets, path, given } = reader;
  const written = given.switchover ?? {};
  if (typeof written === 'string')
    return { kind: 'switchover', from: null, to: targets.server(path, written) };
  const { from, to } = written;
  return {
    kind: 'switchover',
    from: from === undefined ? null : targets.server([...path, 'from'], from),
    to: to === undefined ? null : targets.server([...path, 'to'], to),
  };
}

function serverStrike(reader: FaultReader): Strike | null {
  const { targets, path, given } = reader;
  if (given.kind === 'clock_jump') return clockJump(reader);
  if (given.kind === 'cancel_queries') {
    const written = given.cancel_queries!;
    const [names, at] = Array.isArray(written)
      ? [written, path]
      : [written.target, [...path, 'target']];
    const waitingFor = Array.isArray(written) ? null : (written.waiting_for ?? null);
    return { kind: 'cancel_queries', targets: targets.read(at, names), waitingFor };
  }
  const written = given.kind === 'bulk_load' ? given.bulk_load! : given.connection_storm!;
  const server = targets.server([...path, 'target'], written.target);
  if (server === null) return null;
  if (given.kind === 'bulk_load') {
    const { size, rate, table } = given.bulk_load!;
    const bytesPerSecond = rate ?? null;
    return { kind: 'bulk_load', server, bytes: size, bytesPerSecond, table: table ?? null };
  }
  return connectionStorm(reader, server);
}

function connectionStorm(reader: FaultReader, server: string): Strike {
  const { targets, path, given } = reader;
  const { count, over, zone } = given.connection_storm!;
  if (zone !== undefined) targets.read([...path, 'zone'], [zone], true);
  return { kind: 'connection_storm', server, count, over: over ?? 0, zone: zone ?? reader.zone };
}

/** A clock may also jump back. */
function clockJump(reader: FaultReader): Strike {
  const { targets, path, given, context } = reader;
  const { target, by } = given.clock_jump!;
  const text = String(by).trim();
  const back = text.startsWith('-');
  const parsed = parseDuration(back ? text.slice(1) : by);
  if (!parsed.ok) context.findings.problem([...path, 'by'], parsed.why);
  const jump = parsed.ok ? parsed.value : 0;
  return {
    kind: 'clock_jump',
    targets: targets.read([...path, 'target'], target),
    by: back ? -jump : jump,
  };
}
