import { type Nanoseconds, NEVER } from '../../kernel/index.ts';
import type { NodeId } from '../raft/index.ts';
import type { Command, Response } from './api.ts';

/** Called once when the command was applied here, or the request timeout is over. */
export type ProposalDone = (response: Response, now: Nanoseconds) => void;

interface OpenProposal {
  readonly deadline: Nanoseconds;
  readonly done: ProposalDone;
}

const TIMEOUT: Response = { type: 'error', error: 'timeout' };

/**
 * Commands that a member has offered to raft and not yet seen applied (etcd: v3_server.go,
 * processInternalRaftRequestOnce). While no leader is known they are held back, in order. Raft may
 * lose one on its way; nobody offers it again, the request times out.
 */
export class Proposals {
  private readonly member: NodeId;
  private readonly incarnation: number;
  private readonly timeout: Nanoseconds;
  private readonly offer: (command: Command) => void;
  private readonly open = new Map<number, OpenProposal>(); // in the order of deadlines
  private held: Command[] = [];
  private sequence = 0;

  constructor(
    member: NodeId,
    incarnation: number,
    timeout: Nanoseconds,
    offer: (command: Command) => void,
  ) {
    this.member = member;
    this.incarnation = incarnation;
    this.timeout = timeout;
    this.offer = offer;
  }

  get deadline(): Nanoseconds {
    for (const proposal of this.open.values()) return proposal.deadline;
    return NEVER;
  }

  propose(
    request: Command['request'],
    hasLeader: boolean,
    now: Nanoseconds,
    done: ProposalDone,
  ): void {
    const { member, incarnation } = this;
    const command = { member, incarnation, sequence: ++this.sequence, request };
    this.open.set(command.sequence, { deadline: now + this.timeout, done });
    if (hasLeader) this.offer(command);
    else this.held.push(command);
  }

  /** Raft knew no leader when it looked at the command. */
  dropped(command: Command): void {
    this.held.push(command);
  }

  /** A leader is known: what was held back goes to it. */
  release(): void {
    if (this.held.length === 0) return;
    const held = this.held;
    this.held = [];
    for (const command of held) if (this.open.has(command.sequence)) this.offer(command);
  }

  applied(command: Command, response: Response, now: Nanoseconds): void {
    if (command.member !== this.member || command.incarnation !== this.incarnation) return;
    const proposal = this.open.get(command.sequence);
    if (!proposal) return;
    this.open.delete(command.sequence);
    proposal.done(response, now);
  }

  tick(now: Nanoseconds): void {
    for (const [sequence, proposal] of this.open) {
      if (proposal.deadline > now) return;
      this.open.delete(sequence);
      proposal.done(TIMEOUT, now);
    }
  }
}
