import {
  MICROSECOND,
  type Nanoseconds,
  type Process,
  ProcessGroup,
  type ProcessId,
  Signal,
  type Simulation,
} from '../kernel/index.ts';
import { Cores, FREE_SWITCHING, type SwitchCosts } from './cores.ts';
import type { Disk } from './disk.ts';
import { Memory } from './memory.ts';

/*
 * A machine: cores under a time-slicing scheduler, memory, one volume, one network interface, and
 * the processes that run on it. Real machines are virtual machines mostly: they lose power (or are
 * reset by a watchdog or a STONITH device), and the hypervisor may stop and continue them.
 *
 * Kept: what ends with the power (all processes, at one instant, whatever was only in memory) and
 * what stays (the volume); a pause, in which no process takes a step but timers run out. Left out:
 * NUMA, hyper-threads that slow each other, CPU credits (T instances run in unlimited mode, where
 * credits cost money and not time), the time a boot takes (whoever switches the power on knows it).
 */

/** A round trip through the loopback interface takes 20 to 50 us, beside what processes compute. */
const LOOPBACK_DELAY = 15 * MICROSECOND;

/** The three states of a machine; processes take steps in `up` only. */
export type HostState = 'up' | 'paused' | 'off';

export interface HostOptions {
  readonly name: string;
  readonly zone: string;
  /** Its number among all hosts, in the natural order of their names: what trace events carry. */
  readonly index: number;
  readonly cores: number;
  readonly memoryBytes: number;
  /** vm.overcommit_memory = 2: the kernel refuses memory rather than kill for it. */
  readonly strictMemory?: boolean;
  readonly disk: Disk;
  readonly nicBitsPerSecond: number;
  /** From one process to another of this machine by the loopback interface; 15 us if not given. */
  readonly loopbackDelay?: Nanoseconds;
  /** How long a process keeps a core while others wait; Linux's own rule if not given. */
  readonly slice?: Nanoseconds;
  /** What changing from one process to another costs; nothing if not given. */
  readonly switching?: SwitchCosts;
}

export class Host {
  readonly name: string;
  readonly zone: string;
  readonly index: number;
  cores: number;
  memoryBytes: number;
  readonly memory: Memory;
  readonly nicBitsPerSecond: number;
  readonly loopbackDelay: Nanoseconds;
  readonly cpu: Cores;
  readonly disk: Disk;
  /** For what belongs to the machine itself; a server has a group of its own by `newGroup`. */
  readonly group: ProcessGroup;
  /** Fired after each change of `state`. */
  readonly changed: Signal;
  state: HostState = 'up';
  bootedAt: Nanoseconds;
  /** Grows with each loss of power: what an earlier incarnation left behind is void. */
  incarnation = 0;
  private readonly sim: Simulation;
  private readonly groups: ProcessGroup[] = [];
  private readonly stopped = new Set<ProcessGroup>(); // paused by themselves; asked, never iterated
  private readonly powerOffListeners: (() => void)[] = [];
  private readonly powerOnListeners: (() => void)[] = [];
  private readonly reachabilityListeners: ((reachable: boolean) => void)[] = [];

  constructor(sim: Simulation, options: HostOptions) {
    this.sim = sim;
    this.name = options.name;
    this.zone = options.zone;
    this.index = options.index;
    this.cores = options.cores;
    this.memoryBytes = options.memoryBytes;
    this.memory = new Memory({ bytes: options.memoryBytes, strict: options.strictMemory ?? false });
    this.nicBitsPerSecond = options.nicBitsPerSecond;
    this.loopbackDelay = options.loopbackDelay ?? LOOPBACK_DELAY;
    this.disk = options.disk;
    const slice = options.slice ?? schedulerSlice(options.cores);
    const { cores, switching } = options;
    const interrupted = switching !== undefined && switching.interruption > 0;
    const random = interrupted ? sim.random(`hosts/${options.name}/cores`) : null;
    this.cpu = new Cores(sim, cores, slice, switching ?? FREE_SWITCHING, random);
    this.changed = new Signal(sim);
    this.bootedAt = sim.now;
    this.group = this.newGroup();
  }

  /** A group whose processes can be killed or paused apart, and share the fate of the machine. */
  newGroup(): ProcessGroup {
    const group = new ProcessGroup(this.sim);
    if (this.state === 'paused') group.freeze();
    this.groups.push(group);
    return group;
  }

  /** A process of this machine starts; to start one without power is a fault of the model. */
  spawn(body: Process, group: ProcessGroup = this.group): ProcessId {
    if (this.state === 'off') throw new Error(`${this.name} is off and cannot start a process`);
    return this.sim.spawn(body, group);
  }

  /** Called at each loss of power, after the processes have gone, in the order of registration. */
  onPowerOff(listener: () => void): void {
    this.powerOffListeners.push(listener);
  }

  /** Called when the machine is up again, in the order of registration: what starts at boot. */
  onPowerOn(listener: () => void): void {
    this.powerOnListeners.push(listener);
  }

  /** Called when the machine begins or ceases to answer packets: power and pauses. */
  onReachabilityChange(listener: (reachable: boolean) => void): void {
    this.reachabilityListeners.push(listener);
  }

  /** All processes end at this instant, in the order of their creation within each group. */
  powerOff(): void {
    if (this.state === 'off') return;
    this.state = 'off';
    this.incarnation++;
    this.stopped.clear();
    for (const group of this.groups) group.kill();
    this.disk.powerOff();
    for (const listener of this.powerOffListeners) listener();
    this.announce();
  }

  /**
   * The machine becomes one of another size, with the same volume: it is off, and what was on its
   * cores when it went off is over. Its scheduler keeps the slice that it had.
   */
  resize(cores: number, memoryBytes: number): void {
    if (this.state !== 'off') throw new Error(`${this.name} is not off and cannot change its size`);
    this.cores = cores;
    this.memoryBytes = memoryBytes;
    this.memory.resize(memoryBytes);
    this.cpu.resize(cores);
  }

  powerOn(): void {
    if (this.state !== 'off') return;
    this.state = 'up';
    this.bootedAt = this.sim.now;
    for (const group of this.groups) group.thaw();
    for (const listener of this.powerOnListeners) listener();
    this.announce();
  }

  /**
   * The hypervisor stops the machine: no process takes a step, what is on its way arrives and
   * waits, deadlines pass. With a group, only that is stopped, as by SIGSTOP.
   */
  pause(group?: ProcessGroup): void {
    if (this.state === 'off') return;
    if (group) {
      this.stopped.add(group);
      group.freeze();
    } else if (this.state === 'up') {
      this.state = 'paused';
      for (const each of this.groups) each.freeze();
      this.announce();
    }
  }

  /** Ends a pause; a group that was paused by itself goes on only when that pause ends too. */
  resume(group?: ProcessGroup): void {
    if (group) {
      this.stopped.delete(group);
      if (this.state === 'up') group.thaw();
    } else if (this.state === 'paused') {
      this.state = 'up';
      for (const each of this.groups) if (!this.stopped.has(each)) each.thaw();
      this.announce();
    }
  }

  private announce(): void {
    for (const listener of this.reachabilityListeners) listener(this.state === 'up');
    this.changed.fire();
  }
}

/**
 * How long Linux lets a process run while others wait for its core: 0.75 ms, scaled by
 * 1 + floor(log2(cores)), cores counted up to 8, hence 3 ms from 8 cores on
 * (kernel/sched/fair.c: `sysctl_sched_min_granularity`, since 6.6 `sysctl_sched_base_slice`, and
 * `get_update_sysctl_factor` under SCHED_TUNABLESCALING_LOG, the default).
 */
export function schedulerSlice(cores: number): Nanoseconds {
  const log2 = 31 - Math.clz32(Math.min(Math.max(1, Math.floor(cores)), 8));
  return 750 * MICROSECOND * (1 + log2);
}
