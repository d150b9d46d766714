/*
 * The memory of a machine: who has taken how much, what is left for the cache of files, and what
 * happens when nothing is left.
 *
 * By default Linux promises more than it has (vm.overcommit_memory 0) and, when a page cannot be
 * found, kills the process that uses most (mm/oom_kill.c: oom_badness); a postmaster protects
 * itself and not its children (oom_score_adj). With vm.overcommit_memory 2 it promises at most
 * vm.overcommit_ratio (50) per cent of the memory, and a process that asks for more is told so.
 *
 * Kept: both policies, the order of victims (the largest, of equal ones the youngest). Left out:
 * swap, control groups, huge pages' own pool, the slow death by reclaim before the kill.
 */

/** Kernel, its tables and the programs that are not Postgres: an assumption. */
const KERNEL_SHARE = 0.04;
const DEFAULT_OVERCOMMIT_RATIO = 0.5;

export interface MemoryOptions {
  readonly bytes: number;
  /** vm.overcommit_memory = 2. */
  readonly strict?: boolean;
  /** vm.overcommit_ratio as a fraction; with `strict` only. */
  readonly overcommitRatio?: number;
}

/** Somebody who uses memory and can be killed for it. */
export interface MemoryUser {
  readonly bytes: number;
  /** Killed by the kernel (SIGKILL): its memory is free when this returns. */
  outOfMemory(): void;
}

/** `granted`: it has it, and nobody was hurt; `killed`: it has it, others paid. */
export type MemoryAnswer = 'granted' | 'killed' | 'refused';

export class Memory {
  bytes: number;
  /** What processes and the kernel have taken. */
  used: number;
  kills = 0;
  refusals = 0;
  private limit: number;
  private readonly strict: boolean;
  private readonly overcommitRatio: number;

  constructor(options: MemoryOptions) {
    const { bytes, strict = false, overcommitRatio = DEFAULT_OVERCOMMIT_RATIO } = options;
    this.bytes = bytes;
    this.used = Math.round(bytes * KERNEL_SHARE);
    this.strict = strict;
    this.overcommitRatio = overcommitRatio;
    this.limit = strict ? bytes * overcommitRatio : bytes;
  }

  /** Another machine's worth of memory, while no process has any of it. */
  resize(bytes: number): void {
    this.used += Math.round(bytes * KERNEL_SHARE) - Math.round(this.bytes * KERNEL_SHARE);
    this.bytes = bytes;
    this.limit = this.strict ? bytes * this.overcommitRatio : bytes;
  }

  /** What is left for copies of files. */
  get cacheBytes(): number {
    return Math.max(0, this.bytes - this.used);
  }

  /** Takes memory; `candidates` are those who may be killed for it, the asker among them or not. */
  take(bytes: number, candidates: Iterable<MemoryUser>): MemoryAnswer {
    if (this.used + bytes <= this.limit) {
      this.used += bytes;
      return 'granted';
    }
    if (this.strict) {
      this.refusals++;
      return 'refused';
    }
    this.used += bytes;
    const victim = largest(candidates);
    this.kills++;
    victim?.outOfMemory();
    return 'killed';
  }

  free(bytes: number): void {
    this.used -= bytes;
  }
}

function largest(candidates: Iterable<MemoryUser>): MemoryUser | null {
  let found: MemoryUser | null = null;
  for (const user of candidates) if (found === null || user.bytes >= found.bytes) found = user;
  return found;
}
