/**
 * The faults of a run, each a process of its own: it waits for its instant or its event, strikes,
 * and undoes after `for`. Every beginning and end is an event and a sentence in the story.
 *
 * An instant that is drawn comes from a stream of the fault's own, so that adding one leaves the
 * others alone. A fault on an event strikes at the event's instant, after what is ready then.
 */
import { distributionOf } from '../hardware/presets/laws.ts';
import { type Nanoseconds, type Process, Signal } from '../kernel/index.ts';
import { faultRefusal, findFault } from './catalog.ts';
import type { FaultEvents } from './events.ts';
import type { Fault, FaultStart } from './fault.ts';
import { durationText } from './words.ts';
import type { FaultWorld } from './world.ts';

/** A fault as a scenario has it, of a kind that is perhaps not built. */
export type ScheduledFault = Pick<Fault, 'index' | 'start' | 'for'> & { readonly kind: string };

/**
 * Arranges all faults; to be called before the run, so that events are counted from its start.
 * Whoever builds the run has refused what `faultRefusal` refuses: to come here with it is a bug.
 */
export function scheduleFaults(
  world: FaultWorld,
  events: FaultEvents,
  faults: readonly ScheduledFault[],
): void {
  for (const fault of faults) {
    const why = faultRefusal(fault);
    if (why !== null) throw new Error(`faults.${fault.index}: ${why}`);
    world.sim.spawn(play(world, events, fault as Fault, cue(world, fault)));
  }
}

/** The event that a fault waits for. */
interface Cue {
  readonly signal: Signal;
  given: boolean;
}

/** Null if the fault waits for a time. */
function cue(world: FaultWorld, { start }: ScheduledFault): Cue | null {
  if (start.kind !== 'event') return null;
  const topic = world.topic(start.event);
  if (!topic) throw new Error(`no event is called ${start.event}`);
  const waitedFor: Cue = { signal: new Signal(world.sim), given: false };
  let seen = 0;
  topic.observe(() => {
    if (++seen !== start.count) return;
    waitedFor.given = true;
    waitedFor.signal.fire();
  });
  return waitedFor;
}

function* play(
  world: FaultWorld,
  events: FaultEvents,
  fault: Fault,
  waitedFor: Cue | null,
): Process {
  const { sim } = world;
  const definition = findFault(fault.kind)!;
  if (!waitedFor) yield sim.holdUntil(instantOf(world, fault.start, fault.index));
  else if (!waitedFor.given) yield waitedFor.signal.wait();
  const span = fault.for === null ? '' : ` for ${durationText(fault.for)}`;
  sim.trace.note('fault', `${definition.begins(fault)}${span}`);
  const undo = definition.apply(world, fault);
  events.began.emit(fault.index);
  if (fault.for === null || !undo) return;
  yield sim.hold(fault.for);
  undo();
  events.ended.emit(fault.index);
  sim.trace.note('fault', definition.ends(fault));
}

function instantOf(world: FaultWorld, start: FaultStart, index: number): Nanoseconds {
  if (start.kind === 'time') return start.at;
  if (start.kind === 'event') return world.sim.now;
  return distributionOf(start.at).draw(world.sim.random(`faults/${index}`));
}
