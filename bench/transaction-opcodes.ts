import { Agenda, Random } from '../src/kernel/index.ts';
import { Ring } from '../src/kernel/ring.ts';
import { type Outcome, SEED, SESSIONS, type Workload } from './workload.ts';

const STOP = 0;
const FLUSHER = 1;
const FIRST_SESSION = 2;
const PROCESSES = FIRST_SESSION + SESSIONS;

// Where a process goes on: the session ...
const BEGIN = 0;
const ON_CPU = 1;
const OFF_CPU = 2;
const PAGE = 3;
const LOG = 4;
const IN_LOG = 5;
const COMMIT = 6;
const REPLY = 7;
const END = 8;
// ... and the flusher.
const COLLECT = 9;
const FLUSHED = 10;

/** The same workload by hand: a switch over opcodes and arrays, with nothing that it can spare. */
export class TransactionOpcodes implements Workload {
  readonly outcome: Outcome = { completed: 0, latencySum: 0, steps: 0 };
  private readonly random = new Random(SEED);
  private readonly agenda = new Agenda(PROCESSES);
  private readonly ready = new Ring();
  private readonly opcode = new Uint8Array(PROCESSES);
  private readonly began = new Float64Array(PROCESSES);
  private readonly pages = new Uint8Array(PROCESSES);
  private readonly cpuQueue = new Ring();
  private readonly logQueue = new Ring();
  private waiting = new Ring();
  private batch = new Ring();
  private freeCpus = 4;
  private freeLogs = 1;
  private idle = false;
  private now = 0;

  constructor() {
    this.opcode[FLUSHER] = COLLECT;
    for (let process = FLUSHER; process < PROCESSES; process++) this.ready.push(process);
  }

  advance(until: number): Outcome {
    this.agenda.enter(until, STOP);
    for (;;) {
      let process: number;
      if (this.ready.length > 0) process = this.ready.shift();
      else {
        process = this.agenda.removeFirst();
        this.now = this.agenda.now;
        if (process === STOP) return this.outcome;
      }
      this.outcome.steps++;
      this.step(process);
    }
  }

  private hold(duration: number, process: number, next: number): void {
    this.opcode[process] = next;
    this.agenda.enter(this.now + duration, process);
  }

  private step(p: number): void {
    const { opcode, random } = this;
    for (;;) {
      switch (opcode[p]) {
        case BEGIN:
          this.began[p] = this.now;
          opcode[p] = ON_CPU;
          if (this.freeCpus > 0) {
            this.freeCpus--;
            continue;
          }
          this.cpuQueue.push(p);
          return;
        case ON_CPU:
          this.hold(random.exponential(50_000), p, OFF_CPU);
          return;
        case OFF_CPU:
          if (this.cpuQueue.length > 0) this.ready.push(this.cpuQueue.shift());
          else this.freeCpus++;
          this.pages[p] = 0;
          opcode[p] = PAGE;
          continue;
        case PAGE:
          if (this.pages[p]!++ === 3) {
            opcode[p] = LOG;
            continue;
          }
          this.hold(this.pageTime(), p, PAGE);
          return;
        case LOG:
          opcode[p] = IN_LOG;
          if (this.freeLogs > 0) {
            this.freeLogs--;
            continue;
          }
          this.logQueue.push(p);
          return;
        case IN_LOG:
          this.hold(2_000, p, COMMIT);
          return;
        case COMMIT:
          this.commit(p);
          return;
        case REPLY:
          this.hold(random.exponential(200_000), p, END);
          return;
        case END:
          this.complete(p);
          continue;
        case FLUSHED:
          while (this.batch.length > 0) this.ready.push(this.batch.shift());
          opcode[p] = COLLECT;
          continue;
        default:
          this.collect();
          return;
      }
    }
  }

  private pageTime(): number {
    return this.random.uniform() < 0.95 ? 1_000 : this.random.exponential(100_000);
  }

  private complete(p: number): void {
    this.outcome.completed++;
    this.outcome.latencySum += this.now - this.began[p]!;
    this.opcode[p] = BEGIN;
  }

  private commit(p: number): void {
    if (this.logQueue.length > 0) this.ready.push(this.logQueue.shift());
    else this.freeLogs++;
    if (this.idle) {
      this.idle = false;
      this.ready.push(FLUSHER);
    }
    this.opcode[p] = REPLY;
    this.waiting.push(p);
  }

  private collect(): void {
    if (this.waiting.length === 0) {
      this.idle = true;
      return;
    }
    [this.batch, this.waiting] = [this.waiting, this.batch];
    this.hold(this.random.integer(100_000, 999_999), FLUSHER, FLUSHED);
  }
}
