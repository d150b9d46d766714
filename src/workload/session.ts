/**
 * One client session: it keeps a connection, runs transactions on it one after the other, and finds
 * out what became of each: acknowledged, failed, or unknown because the connection broke between
 * COMMIT and its answer.
 */
import type { Endpoint, Packet } from '../hardware/tcp.ts';
import { Mailbox, type Nanoseconds, type Process, type Random } from '../kernel/index.ts';
import {
  type CommitRecord,
  STATEMENT_BYTES,
  type Statement,
  type StatementUsage,
  type WireMessage,
} from '../postgres/statement.ts';
import { open } from '../routing/libpq.ts';
import type { Arrival, ClientGroup } from './clients.ts';
import { failureIndex } from './events.ts';
import { Attempts } from './retry.ts';
import { type Execution, type Script, statement } from './script.ts';
import type { ClientThread } from './thread.ts';

/** What the client reports where its script has no value to go on with. */
const NO_VALUE = '22000 script';

const TERMINATE: WireMessage = { type: 'terminate' };

export class Session {
  /** Its number over all groups. */
  readonly number: number;
  private readonly group: ClientGroup;
  private readonly random: Random;
  private readonly thread: ClientThread | null;
  private readonly inbox: Mailbox<Packet<WireMessage>>;
  private endpoint: Endpoint<WireMessage> | null = null;
  /** The statement that waits for its answer, and how the script ended if not well. */
  private statement: Statement | null = null;
  private failure: string | null = null;
  /** What the transaction's statements have used; null: nothing that is counted. */
  private used: StatementUsage | null = null;
  /** Between BEGIN and its end. */
  private inBlock = false;
  private readonly executions: Execution[] = [];
  private readonly index: number;
  private readonly attempts: Attempts<Arrival>;

  constructor(group: ClientGroup, index: number) {
    const { sim } = group.context;
    this.group = group;
    this.index = index;
    this.number = group.options.firstSession + index;
    this.random = sim.random(`clients/${group.options.name}/${index}`);
    this.thread = group.threads[index % group.threads.length] ?? null;
    this.inbox = new Mailbox(sim);
    this.attempts = new Attempts(group.options.retry ?? null, this.random);
  }

  *run(): Process {
    const { sim, events } = this.group.context;
    const { group, thread } = this;
    const { options } = group;
    const { starts, ends, connectionPerTransaction, rate, think, cpu, host } = options;
    yield sim.holdUntil(starts);
    while (sim.now < ends) {
      if (!connectionPerTransaction && !this.endpoint && !(yield* this.connect())) continue;
      const again = this.attempts.take();
      const arrival = again ?? (rate === null ? this.start() : this.takeArrival());
      if (!arrival) {
        yield this.group.becomeIdle();
        continue;
      }
      if (connectionPerTransaction && !(yield* this.connect(arrival))) continue;
      let began = sim.now;
      const time = cpu ? cpu.draw(this.random) : 0;
      const ofStatement = Math.round(time / arrival.script.statements);
      const beginning = ofStatement >> 1; // sending it, as much as reading its answer
      if (time > 0 && !thread) yield host.cpu.serve(time);
      else if (thread) {
        const turn = thread.begin(beginning);
        yield;
        began = sim.now;
        if (rate === null && again === null) events.invoked.emit(this.number, arrival.script.index);
        yield sim.holdUntil(turn.ends);
      }
      const execution = this.executionOf(arrival.script);
      this.failure = null;
      this.used = null;
      for (let step = execution.next(), sent = 0; step !== null; step = execution.next()) {
        if (typeof step === 'object') {
          if (thread && sent++ > 0) yield thread.serve(ofStatement);
          this.send(step);
          while (!this.answered()) yield this.inbox.receive();
          if (this.failure === null) this.completed(step);
        } else if (step === 'no value') this.failure = NO_VALUE;
        else {
          yield sim.hold(step);
          this.answered(); // the server may have ended the session meanwhile
        }
        if (this.failure !== null) break;
      }
      if (thread && this.endpoint) yield thread.serve(ofStatement - beginning);
      const since = thread && rate === null ? began : arrival.at;
      if (this.failure === null) this.acknowledged(arrival, since, began);
      else yield* this.failed(arrival);
      if (this.failure === NO_VALUE) break; // pgbench gives the client up
      if (connectionPerTransaction) this.disconnect();
      if (think && this.attempts.pending === null) yield sim.hold(think.draw(this.random));
    }
    this.givesUp();
    this.disconnect();
  }

  private use({ hits, reads, partitions, planning, execution }: StatementUsage): void {
    this.used ??= { hits: 0, reads: 0, partitions: 0, planning: 0, execution: 0 };
    this.used.hits += hits;
    this.used.reads += reads;
    this.used.partitions += partitions;
    this.used.planning += planning;
    this.used.execution += execution;
  }

  private start(): Arrival {
    const script = this.group.drawScript();
    const { sim, events } = this.group.context;
    if (!this.thread) events.invoked.emit(this.number, script.index); // else at its turn
    return { at: sim.now, script };
  }

  private takeArrival(): Arrival | undefined {
    const arrival = this.group.takeArrival();
    if (!arrival) return undefined;
    const { sim, events } = this.group.context;
    events.began.emit(this.number, arrival.script.index, sim.now - arrival.at);
    return arrival;
  }

  /** False: it failed, was counted, and the time until the next attempt has passed. */
  private *connect(arrival: Arrival | null = null) {
    const { sim, network, events } = this.group.context;
    const { host, connection, reconnect } = this.group.options;
    const opened = yield* open(network, host, this.inbox, connection, this.random);
    if (!('failure' in opened)) {
      this.endpoint = opened;
      events.connected.emit(this.number);
      return true;
    }
    const failure = failureIndex(opened.failure);
    events.connectionFailed.emit(this.number, failure);
    if (arrival) events.failed.emit(this.number, arrival.script.index, failure);
    yield sim.hold(reconnect.draw(this.random));
    return false;
  }

  private disconnect(): void {
    this.endpoint?.send(TERMINATE, STATEMENT_BYTES);
    this.endpoint?.close();
    this.endpoint = null;
  }

  private send(statement: Statement): void {
    this.statement = statement;
    this.endpoint!.send(statement, STATEMENT_BYTES);
  }

  /** Whether the server has answered, or never will; `failure` tells how that went. */
  private answered(): boolean {
    for (let packet = this.inbox.take(); packet; packet = this.inbox.take()) {
      if (packet.endpoint !== this.endpoint) continue;
      const { message } = packet;
      if (message?.type === 'complete') this.failure = null;
      else if (message?.type === 'error') {
        this.failure = message.sqlstate;
        if (message.fatal) this.hangUp();
      } else {
        this.failure = `08006 ${packet.ending}`;
        this.hangUp();
      }
      return true;
    }
    return false;
  }

  private hangUp(): void {
    this.endpoint!.close();
    this.endpoint = null;
  }

  /** The script's execution, which the session keeps for all its transactions. */
  private executionOf({ index, execution }: Script): Execution {
    const { random } = this;
    const { prepared } = this.group.options;
    this.executions[index] ??= execution({ number: this.index, random, prepared });
    this.executions[index].start();
    return this.executions[index];
  }

  /** The statement was answered: its commit, if it came to one, is known. */
  private completed({ verb, commit, usage }: Statement): void {
    const { events } = this.group.context;
    if (usage !== null) this.use(usage);
    if (verb === 'begin') this.inBlock = true;
    else if (verb === 'commit' || verb === 'rollback') this.inBlock = false;
    if (commit?.branch) {
      const { branch, lsn, unreplicated } = commit;
      events.commitAcknowledged.emit(this.number, branch.index, lsn, unreplicated ? 1 : 0);
    }
    this.statement = null;
  }

  private acknowledged({ script }: Arrival, since: Nanoseconds, began: Nanoseconds): void {
    const { sim, events } = this.group.context;
    const { used } = this;
    if (used !== null) {
      const { hits, reads, partitions, planning, execution } = used;
      events.used.emit(script.index, hits, reads, partitions);
      events.timed.emit(script.index, planning, execution);
    }
    events.acknowledged.emit(this.number, script.index, sim.now - since, sim.now - began);
  }

  /** Reports what became of the transaction, and gets the session fit for the next one. */
  private *failed(arrival: Arrival) {
    const { sim, events } = this.group.context;
    const { prepared, reconnect } = this.group.options;
    const commit = this.statement?.commit;
    const { index } = arrival.script;
    const isUnknown = !this.endpoint && commit;
    const retries = !isUnknown && this.attempts.retries(arrival, this.failure!);
    if (isUnknown) this.reportUnknown(index, commit);
    else if (retries) events.retried.emit(this.number, index);
    else events.failed.emit(this.number, index, failureIndex(this.failure!));
    if (this.endpoint && this.inBlock) {
      this.send(statement('rollback', null, 0, prepared));
      while (!this.answered()) yield this.inbox.receive();
    }
    this.inBlock = false;
    if (!this.endpoint) yield sim.hold(reconnect.draw(this.random));
    if (retries) yield sim.hold(this.attempts.drawWait());
  }

  /** What waits for another attempt when the group ends has failed. */
  private givesUp(): void {
    const { pending } = this.attempts;
    if (pending === null) return;
    const { events } = this.group.context;
    events.failed.emit(this.number, pending.script.index, failureIndex(this.failure!));
  }

  private reportUnknown(transaction: number, commit: CommitRecord): void {
    const { events } = this.group.context;
    events.unknown.emit(this.number, transaction);
    events.commitUnknown.emit(this.number, commit.branch?.index ?? -1, commit.lsn);
  }
}
