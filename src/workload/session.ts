/**
 * One client session: it keeps a connection, runs transactions on it one after the other, and finds
 * out what became of each: acknowledged, failed, or unknown because the connection broke between
 * COMMIT and its answer.
 */
import type { Endpoint, Packet } from '../hardware/tcp.ts';
import { Mailbox, type Process, type Random } from '../kernel/index.ts';
import { type CommitRecord, STATEMENT_BYTES, type WireMessage } from '../postgres/statement.ts';
import { open } from '../routing/libpq.ts';
import type { Arrival, ClientGroup } from './clients.ts';
import { failureIndex } from './events.ts';
import { statement } from './script.ts';

const TERMINATE: WireMessage = { type: 'terminate' };

export class Session {
  /** Its number over all groups. */
  readonly number: number;
  private readonly group: ClientGroup;
  private readonly random: Random;
  private readonly inbox: Mailbox<Packet<WireMessage>>;
  private endpoint: Endpoint<WireMessage> | null = null;
  /** How the last round trip ended if not well. */
  private failure: string | null = null;

  constructor(group: ClientGroup, index: number) {
    const { sim } = group.context;
    this.group = group;
    this.number = group.options.firstSession + index;
    this.random = sim.random(`clients/${group.options.name}/${index}`);
    this.inbox = new Mailbox(sim);
  }

  *run(): Process {
    const { sim } = this.group.context;
    const { starts, ends, connectionPerTransaction, rate, think } = this.group.options;
    yield sim.holdUntil(starts);
    while (sim.now < ends) {
      if (!connectionPerTransaction && !this.endpoint && !(yield* this.connect())) continue;
      const arrival = rate === null ? this.start() : this.takeArrival();
      if (!arrival) {
        yield this.group.becomeIdle();
        continue;
      }
      if (connectionPerTransaction && !(yield* this.connect(arrival))) continue;
      yield* this.transact(arrival);
      if (connectionPerTransaction) this.disconnect();
      if (think) yield sim.hold(think.draw(this.random));
    }
    this.disconnect();
  }

  private start(): Arrival {
    const script = this.group.drawScript();
    const { sim, events } = this.group.context;
    events.invoked.emit(this.number, script.index);
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

  /** Runs one transaction, statement by statement, and reports what became of it. */
  private *transact(arrival: Arrival) {
    const { sim, events } = this.group.context;
    const { prepared, cpu, host } = this.group.options;
    const { script } = arrival;
    const began = sim.now;
    if (cpu) yield host.cpu.serve(cpu.draw(this.random));
    const statements = script.draw(this.random, prepared);
    for (const each of statements) {
      const endpoint = this.endpoint!;
      endpoint.send(each, STATEMENT_BYTES);
      while (!this.answered(endpoint)) yield this.inbox.receive();
      if (this.failure === null) continue;
      if (!this.endpoint && each.commit) this.reportUnknown(script.index, each.commit);
      else events.failed.emit(this.number, script.index, failureIndex(this.failure));
      if (statements.length > 1) yield* this.rollBack(prepared);
      if (!this.endpoint) yield sim.hold(this.group.options.reconnect.draw(this.random));
      return;
    }
    const commit = statements[statements.length - 1]!.commit;
    if (commit?.branch) {
      const { branch, lsn, unreplicated } = commit;
      events.commitAcknowledged.emit(this.number, branch.index, lsn, unreplicated ? 1 : 0);
    }
    events.acknowledged.emit(this.number, script.index, sim.now - arrival.at, sim.now - began);
  }

  /** Whether the server has answered, or never will; `failure` tells how that went. */
  private answered(endpoint: Endpoint<WireMessage>): boolean {
    for (let packet = this.inbox.take(); packet; packet = this.inbox.take()) {
      if (packet.endpoint !== endpoint) continue;
      const { message } = packet;
      if (message?.type === 'complete') this.failure = null;
      else if (message?.type === 'error') {
        this.failure = message.sqlstate;
        if (message.fatal) this.hangUp(endpoint);
      } else {
        this.failure = `08006 ${packet.ending}`;
        this.hangUp(endpoint);
      }
      return true;
    }
    return false;
  }

  private hangUp(endpoint: Endpoint<WireMessage>): void {
    endpoint.close();
    this.endpoint = null;
  }

  /** After an error the transaction is ended, if the connection is still there. */
  private *rollBack(prepared: boolean) {
    const { endpoint } = this;
    if (!endpoint) return;
    endpoint.send(statement('rollback', null, 0, prepared), STATEMENT_BYTES);
    while (!this.answered(endpoint)) yield this.inbox.receive();
  }

  private reportUnknown(transaction: number, commit: CommitRecord): void {
    const { events } = this.group.context;
    events.unknown.emit(this.number, transaction);
    events.commitUnknown.emit(this.number, commit.branch?.index ?? -1, commit.lsn);
  }
}
