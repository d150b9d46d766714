/**
 * How long something takes, as plain data, and the distribution that a run draws from it. The type
 * is the hardware presets' own, so that a disk's kind and a scenario's value are interchangeable.
 */
import { type DurationLaw, distributionOf } from '../hardware/presets/laws.ts';
import type { Nanoseconds } from '../kernel/time.ts';

export type { DurationLaw };

/** The law as something that durations are drawn from. */
export const toDistribution = distributionOf;

/** A duration that is always the same. */
export function constantLaw(value: Nanoseconds): DurationLaw {
  return { kind: 'constant', value };
}

/** The shortest duration that the law can give. */
export function leastOf(law: DurationLaw): Nanoseconds {
  switch (law.kind) {
    case 'constant':
      return law.value;
    case 'uniform':
      return law.min;
    case 'empirical':
      return law.samples.reduce((least, sample) => Math.min(least, sample));
    default:
      return 0;
  }
}
