import type { DiskSpec } from '../../hardware/disk.ts';
import { type DiskKind, diskKinds, findDisk } from '../../hardware/presets/disks.ts';
import { findInstance, type Instance, instanceNames } from '../../hardware/presets/instances.ts';
import { type DiskOptions, diskSpec, volumeMonthlyPrice } from '../../hardware/presets/volume.ts';
import type { Machine } from '../model.ts';
import { naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import type { ScenarioFile } from '../schema/root.ts';
import { nearest } from '../suggest.ts';
import type { Context } from './context.ts';
import { resolveProfile } from './profile.ts';

type MachineFile = NonNullable<ScenarioFile['hardware']>[string];
type DiskFile = Exclude<NonNullable<MachineFile['disk']>, string>;

const GIB = 1024 * 1024 * 1024;

/** What a machine is that nothing is said of: a small server with a drive of its own. */
const DEFAULTS = { cores: 4, memoryBytes: 16 * GIB, networkBitsPerSecond: 10e9 };

/** The name that such a machine goes by. */
const DEFAULT_MACHINE = 'default';

/** The machines of the file and the default one, each with every figure filled in. */
export function resolveHardware(context: Context): Map<string, Machine> {
  const machines = new Map<string, Machine>();
  for (const [name, given] of naturalEntries(context.file.hardware ?? {}))
    machines.set(name, machineOf(context, ['hardware', name], name, given));
  return machines;
}

/** The machine of whatever names none: the only one of the file, or the default. */
export function machineFor(
  context: Context,
  machines: ReadonlyMap<string, Machine>,
  name: string | undefined,
): Machine {
  if (name !== undefined) return machines.get(name) ?? defaultMachine(context);
  const [only, second] = [...machines.values()];
  return only !== undefined && second === undefined ? only : defaultMachine(context);
}

/** The machine of which nothing is said. */
export function defaultMachine(context: Context): Machine {
  return machineOf(context, ['hardware', DEFAULT_MACHINE], DEFAULT_MACHINE, {});
}

function machineOf(context: Context, path: Path, name: string, given: MachineFile): Machine {
  const instance = instanceOf(context, path, given.instance);
  const { profile, disk: measured } = resolveProfile(context, [...path, 'profile'], given.profile);
  const disk = diskOf(context, [...path, 'disk'], given.disk, instance, measured);
  return {
    name,
    instance,
    profile,
    cores: given.cores ?? instance?.vcpus ?? DEFAULTS.cores,
    threadsPerCore: given.cores === undefined ? (instance?.threadsPerCore ?? 1) : 1,
    memoryBytes: given.memory ?? instance?.memoryBytes ?? DEFAULTS.memoryBytes,
    ...networkOf(given, instance),
    disk: disk.spec,
    priceMonthly: given.price ?? priceOf(instance, disk),
  };
}

function networkOf(given: MachineFile, instance: Instance | null) {
  const { networkBitsPerSecond } = DEFAULTS;
  const own = given.network;
  return {
    networkBitsPerSecond: own ?? instance?.networkBaselineBitsPerSecond ?? networkBitsPerSecond,
    networkBurstBitsPerSecond: own ?? instance?.networkBurstBitsPerSecond ?? networkBitsPerSecond,
  };
}

function instanceOf(context: Context, path: Path, name: string | undefined): Instance | null {
  if (name === undefined) return null;
  const found = findInstance(name);
  if (found === null) {
    const why = 'is no instance that pgherd knows; give cores, memory and disk instead';
    context.findings.problem([...path, 'instance'], why, {
      nearest: nearest(name, instanceNames),
      what: `the instance "${name}"`,
    });
  }
  return found;
}

interface Volume {
  readonly spec: DiskSpec;
  readonly kind: DiskKind;
  readonly given: DiskFile;
}

function diskOf(
  context: Context,
  path: Path,
  written: MachineFile['disk'],
  instance: Instance | null,
  measured: DiskOptions,
): Volume {
  const given: DiskFile = typeof written === 'string' ? { kind: written } : (written ?? {});
  const byDefault = instance?.defaultDisk ?? 'nvme';
  const kind = kindOf(context, path, written, given.kind ?? byDefault);
  if (kind.attached === 'network') checkVolume(context, path, kind, given);
  const spec = diskSpec(
    kind,
    {
      ...measured,
      ...laws(given),
      sizeBytes: given.size,
      iops: given.iops,
      throughputBytesPerSecond: given.throughput,
    },
    instance,
  );
  return { spec, kind, given };
}

/** What the file says itself goes before what a profile says. */
function laws({ read, write, fsync }: DiskFile) {
  return { ...(read && { read }), ...(write && { write }), ...(fsync && { fsync }) };
}

function kindOf(
  context: Context,
  path: Path,
  written: MachineFile['disk'],
  name: string,
): DiskKind {
  const kind = findDisk(name);
  if (kind !== null) return kind;
  context.findings.problem(
    typeof written === 'string' ? path : [...path, 'kind'],
    `is no kind of disk; there is ${diskKinds.join(', ')}`,
    { nearest: nearest(name, diskKinds), what: `the disk "${name}"` },
  );
  return findDisk('nvme')!;
}

/** What the provider would refuse to sell is an error here too. */
function checkVolume(context: Context, path: Path, kind: DiskKind, given: DiskFile): void {
  const wanted = {
    sizeBytes: given.size ?? kind.defaultSizeBytes,
    iops: given.iops ?? null,
    throughputBytesPerSecond: given.throughput ?? null,
  };
  for (const refusal of kind.refusals(wanted)) context.findings.problem(path, refusal);
}

function priceOf(instance: Instance | null, disk: Volume): number | null {
  if (instance === null) return null;
  if (disk.kind.attached === 'local') return instance.monthlyPrice;
  const { iops = null, throughput = null } = disk.given;
  const wanted = { sizeBytes: disk.spec.sizeBytes, iops, throughputBytesPerSecond: throughput };
  const managed = instance.provider === 'rds';
  return instance.monthlyPrice + volumeMonthlyPrice(disk.kind, wanted, managed);
}
