import type { Entry, HardState, Message } from './messages.ts';
import { EMPTY_HARD_STATE } from './messages.ts';
import { Raft, type Ready } from './raft.ts';
import type { Persisted, RaftConfig } from './state.ts';

/** One round of a node's work between two waits for its disk. */
export interface Round<Data> {
  readonly ready: Ready<Data>;
  /** Messages that leave before, and after, the disk has been waited for. */
  readonly before: readonly Message<Data>[];
  readonly after: readonly Message<Data>[];
}

/**
 * A node together with its disk's content (etcd's raftNode.start): begin a round, send `before`,
 * wait for the disk if the round must sync, `finish`, send `after`. A leader sends before its own
 * fsync, everybody else after it. Whoever crashes in between finds the old content.
 */
export class RaftHost<Data> {
  raft: Raft<Data>;
  readonly config: RaftConfig;
  private hardState: HardState;
  private readonly entries: Entry<Data>[];
  private round: Ready<Data> | null = null;

  /** With what is on its disk before its first start: nothing, if not given. */
  constructor(config: RaftConfig, persisted: Persisted<Data> | null = null) {
    this.config = config;
    this.hardState = persisted?.hardState ?? EMPTY_HARD_STATE;
    this.entries = [...(persisted?.entries ?? [])];
    this.raft = new Raft<Data>(config, persisted);
  }

  /** The node is started anew from its disk. */
  restart(): void {
    this.round = null;
    this.raft = new Raft<Data>(this.config, { hardState: this.hardState, entries: this.entries });
  }

  /** How many entries are durable. */
  get durableIndex(): number {
    return this.entries.length;
  }

  begin(): Round<Data> | null {
    const ready = this.raft.ready();
    if (ready === null) return null;
    this.round = ready;
    if (this.raft.view.role === 'leader') {
      return { ready, before: ready.messages, after: ready.messagesAfterPersist };
    }
    return { ready, before: [], after: [...ready.messages, ...ready.messagesAfterPersist] };
  }

  finish(): void {
    const { hardState, entries } = this.round!;
    if (hardState !== null) this.hardState = hardState;
    if (entries.length > 0) {
      this.entries.length = entries[0]!.index - 1;
      for (const entry of entries) this.entries.push(entry);
    }
    this.round = null;
    this.raft.advance();
  }
}
