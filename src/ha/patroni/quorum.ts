/**
 * Quorum commit: in which order synchronous_standby_names (`ANY numsync (sync)`) and the key
 * `/sync` (voters, quorum) are changed so that, at every moment, any set of standbys that can
 * confirm a commit overlaps any set of voters that can elect a leader:
 *
 *     |voters or sync, with the leader| <= quorum + numsync + 1
 *
 * Increases come first, decreases last. New nodes go into `sync` first if it is empty, else into
 * the voters first; nodes that leave go the other way.
 *
 * Source: patroni/quorum.py: QuorumStateResolver, whose cases are named here as there.
 */
export interface QuorumState {
  /** Who leads according to `/sync`, and who should. */
  readonly leader: string;
  readonly leaderWanted: string;
  readonly quorum: number;
  readonly voters: readonly string[];
  readonly numsync: number;
  readonly sync: readonly string[];
  /** How many of `sync` have reached the position at which they were added. */
  readonly numsyncConfirmed: number;
  /** Connected standbys that may be synchronous. */
  readonly active: readonly string[];
  readonly syncWanted: number;
}

/** `sync`: set synchronous_standby_names; `quorum`: write `/sync`; `restart`: look again. */
export interface Transition {
  readonly kind: 'sync' | 'quorum' | 'restart';
  readonly leader: string;
  /** numsync or quorum. */
  readonly num: number;
  readonly names: readonly string[];
}

/**
 * The changes that lead from this state to the wanted one, in order; none if every order would
 * break the invariant (Patroni then logs an error and leaves it to the next cycle).
 */
export function quorumTransitions(state: QuorumState): readonly Transition[] {
  const resolver = new Resolver(state);
  try {
    resolver.run();
  } catch (error) {
    if (error instanceof Broken) return [];
    throw error;
  }
  const merged: Transition[] = [];
  resolver.transitions.forEach((transition, i) => {
    // Of two changes of the same kind in a row nobody sees the first.
    if (resolver.transitions[i + 1]?.kind === transition.kind) return;
    merged.push(transition);
  });
  const restart = merged.findIndex((transition) => transition.kind === 'restart');
  return restart < 0 ? merged : merged.slice(0, restart + 1);
}

/** What is wrong with a state, in words, or null: the invariant above, and nested sets. */
export function quorumViolation(state: QuorumState): string | null {
  const voters = union(state.voters, [state.leader]);
  const sync = union(state.sync, [state.leaderWanted]);
  const all = union(voters, sync).length;
  if (state.voters.length > 0 && all > state.quorum + state.numsync + 1) {
    return `${all} nodes exceed quorum ${state.quorum} + numsync ${state.numsync} + 1`;
  }
  const nested = minus(voters, sync).length === 0 || minus(sync, voters).length === 0;
  return nested ? null : `neither of ${voters} and ${sync} contains the other`;
}

class Broken extends Error {}

class Resolver {
  readonly transitions: Transition[] = [];
  private state: QuorumState;

  constructor(state: QuorumState) {
    const numsync = Math.min(state.numsync, state.sync.length);
    this.state = { ...state, numsync, voters: [...state.voters], sync: [...state.sync] };
  }

  run(): void {
    try {
      if (this.failover()) return;
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      this.setQuorum(this.state.sync.length - this.state.numsync, this.state.sync);
    }
    if (this.state.leader !== this.state.leaderWanted) throw new Broken('still the old leader');
    const both = intersection(this.state.sync, this.state.active).length;
    if (this.state.numsyncConfirmed === 0 && both > 0) {
      const known = Math.min(both, this.state.voters.length - this.state.quorum);
      this.state = { ...this.state, numsyncConfirmed: known };
    }
    this.finishInterrupted();
    if (!same(this.state.voters, this.state.sync)) throw new Broken('sets differ');
    this.settleMargin();
    this.removeGone();
    this.addNew();
    this.changeReplicationFactor();
  }

  /** A new leader: the old one becomes a voter. True: wait for standbys to connect. */
  private failover(): boolean {
    const { leader, leaderWanted, quorum } = this.state;
    if (leader === leaderWanted) {
      this.check();
      return false;
    }
    const voters = union(minus(this.state.voters, [leaderWanted]), [leader]);
    if (this.state.sync.length === 0) this.setSync(voters.length - quorum, voters);
    this.setQuorum(quorum, voters, { leader: leaderWanted });
    return intersection(this.state.sync, this.state.active).length === 0;
  }

  /** Cases 1 and 2: a previous run was interrupted, one set contains the other. */
  private finishInterrupted(): void {
    const { sync, voters, active } = this.state;
    if (isProperSubset(sync, voters)) {
      const gone = minus(voters, union(sync, active));
      if (gone.length > 0) {
        const quorum = voters.length - gone.length - this.state.numsync;
        const adjust = minus(sync, active).length === 0;
        this.setQuorum(quorum, minus(voters, gone), { adjust });
      }
      const add = minus(intersection(this.state.voters, active), sync);
      if (add.length > 0) this.setSync(this.state.numsync, union(sync, add));
    } else if (isProperSubset(voters, sync)) this.finishAddition();
  }

  /** Case 2: `sync` contains the voters. */
  private finishAddition(): void {
    const { voters, active } = this.state;
    const gone = minus(this.state.sync, active);
    const rest = minus(this.state.sync, gone);
    const common = voters.length === 0 || intersection(rest, voters).length > 0;
    if (gone.length > 0 && rest.length > 0 && common) {
      this.setSync(Math.min(this.state.numsync, rest.length), rest);
    }
    const add = intersection(minus(this.state.sync, voters), active);
    if (add.length > 0) {
      const extended = union(voters, add);
      this.setQuorum(extended.length - this.state.numsync, extended);
    }
    const dead = minus(this.state.sync, this.state.voters);
    if (dead.length > 0) {
      const left = minus(this.state.sync, dead);
      this.setSync(Math.min(this.state.numsync, left.length), left);
    }
  }

  /** Cases 3 and 4: a change of the replication factor was interrupted. */
  private settleMargin(): void {
    const { quorum, numsync, numsyncConfirmed, voters, sync, syncWanted } = this.state;
    const all = union(voters, sync).length;
    if (quorum + Math.min(numsync, numsyncConfirmed) - all > 0) {
      if (numsync > syncWanted) this.setSync(Math.max(syncWanted, voters.length - quorum), sync);
      else this.setQuorum(sync.length - numsync, voters);
      return;
    }
    const margin = quorum + numsync - all;
    if (numsync === syncWanted && margin > 0 && numsync > numsyncConfirmed) {
      this.setQuorum(sync.length - numsync, voters);
    }
  }

  private removeGone(): void {
    let gone = minus(this.state.sync, this.state.active);
    if (gone.length === 0) return;
    if (gone.length === this.state.sync.length) {
      this.setQuorum(0, [], { adjust: false });
      this.setSync(0, []);
      return;
    }
    if (this.state.quorum > 0) gone = this.removeByQuorum(gone);
    if (gone.length > 0) this.removeByNumsync(gone);
  }

  /** Nodes that leave reduce the quorum first. */
  private removeByQuorum(gone: readonly string[]): readonly string[] {
    const remove = [...gone].sort().reverse().slice(0, this.state.quorum);
    const sync = minus(this.state.sync, remove);
    const wanted = Math.max(this.state.syncWanted, this.state.numsync);
    this.setSync(Math.min(wanted, sync.length), sync);
    const voters = minus(this.state.voters, remove);
    const left = intersection(gone, this.state.sync);
    this.setQuorum(voters.length - this.state.numsync, voters, { adjust: left.length === 0 });
    return left;
  }

  private removeByNumsync(gone: readonly string[]): void {
    if (this.state.quorum !== 0) throw new Broken('the quorum could still be reduced');
    const numsync = this.state.numsync - gone.length;
    const sync = minus(this.state.sync, gone);
    const voters = minus(this.state.voters, gone);
    const decrease = numsync - Math.min(this.state.syncWanted, sync.length);
    const quorum = decrease ? Math.min(decrease, voters.length - 1) : 0;
    this.setQuorum(quorum, voters, { adjust: false });
    this.setSync(numsync, sync);
  }

  private addNew(): void {
    let add = minus(this.state.active, this.state.sync);
    if (add.length === 0) return;
    const all = union(this.state.sync, add).length;
    const wanted = Math.min(this.state.syncWanted, all);
    const increase = wanted - this.state.numsync;
    if (increase > 0) {
      const first = this.state.sync.length > 0 ? [...add].sort().slice(0, increase) : add;
      const by = this.state.sync.length > 0 ? first.length : increase;
      this.setSync(this.state.numsync + by, union(this.state.sync, first));
      const voters = union(this.state.voters, first);
      this.setQuorum(voters.length - wanted, voters);
      add = minus(add, this.state.sync);
    }
    if (add.length === 0) return;
    const voters = union(this.state.voters, add);
    const adjust = wanted > this.state.numsyncConfirmed;
    this.setQuorum(voters.length - wanted, voters, { adjust });
    this.setSync(wanted, union(this.state.sync, add));
  }

  private changeReplicationFactor(): void {
    const { sync, voters, numsync, quorum, syncWanted } = this.state;
    const increase = Math.min(syncWanted, sync.length) - numsync;
    if (increase > 0) {
      this.setSync(numsync + increase, sync);
      this.setQuorum(voters.length - this.state.numsync, voters);
    } else if (increase < 0) {
      if (quorum - increase < voters.length) {
        const adjust = syncWanted > this.state.numsyncConfirmed;
        this.setQuorum(voters.length - numsync - increase, voters, { adjust });
      }
      this.setSync(numsync + increase, sync);
    }
  }

  private setQuorum(
    wanted: number,
    names: readonly string[],
    options: { readonly leader?: string; readonly adjust?: boolean } = {},
  ): void {
    if (wanted < 0 || (wanted > 0 && wanted >= names.length)) throw new Broken(`quorum ${wanted}`);
    const before = this.state;
    let quorum = wanted;
    let voters = names;
    const leader = options.leader ?? before.leader;
    if (options.leader === undefined) {
      if (before.numsyncConfirmed === 0 && before.voters.length === 0) {
        quorum = 0;
        voters = [];
      } else if (options.adjust ?? true) {
        quorum += Math.max(before.numsync - before.numsyncConfirmed, 0);
      }
    }
    if (leader === before.leader && quorum === before.quorum && same(voters, before.voters)) {
      if (before.voters.length > 0) return;
      this.transitions.push({ kind: 'restart', leader, num: quorum, names: voters });
    }
    this.state = { ...before, leader, quorum, voters };
    this.check();
    this.transitions.push({ kind: 'quorum', leader, num: quorum, names: voters });
  }

  private setSync(numsync: number, sync: readonly string[]): void {
    if (numsync < 0 || numsync > sync.length) throw new Broken(`numsync ${numsync}`);
    this.state = { ...this.state, numsync, sync };
    this.check();
    this.transitions.push({ kind: 'sync', leader: this.state.leader, num: numsync, names: sync });
  }

  private check(): void {
    const violation = quorumViolation(this.state);
    if (violation !== null) throw new Broken(violation);
  }
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...a, ...b.filter((name) => !a.includes(name))];
}

function minus(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.filter((name) => !b.includes(name));
}

function intersection(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.filter((name) => b.includes(name));
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && minus(a, b).length === 0;
}

function isProperSubset(a: readonly string[], b: readonly string[]): boolean {
  return a.length < b.length && minus(a, b).length === 0;
}
