import type { Topic, Trace } from '../kernel/index.ts';

/** Faults by their position in the schedule. */
export class FaultEvents {
  readonly began: Topic<[fault: number]>;
  readonly ended: Topic<[fault: number]>;

  constructor(trace: Trace) {
    this.began = trace.topic('fault.began', ['fault']);
    this.ended = trace.topic('fault.ended', ['fault']);
  }
}
