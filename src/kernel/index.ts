/** The kernel. It does not know what is simulated; the README beside it says how it works. */
export { Agenda } from './agenda.ts';
export { exp, ln, normalQuantile, pow } from './arithmetic.ts';
export * from './distribution.ts';
export { ProcessGroup } from './group.ts';
export { Mailbox } from './mailbox.ts';
export { Random } from './random.ts';
export { SharingStation } from './sharing.ts';
export { Interrupt, type Process, type ProcessId, Simulation } from './simulation.ts';
export { Processor, Station } from './station.ts';
export * from './time.ts';
export { type Note, type Observer, type Topic, Trace, type Witness } from './trace.ts';
export { Latch, Signal, Watermark } from './waiting.ts';
