/** Values that are derived from measurements, and how they are told. */

/** A value of the profile, in microseconds unless its unit says otherwise. */
export interface Derived {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly how: string;
}

/** A time as a profile has it. */
export const us = (value: number) => `${Math.max(0, Math.round(value * 1000))}ns`;

export function value(name: string, microseconds: number, how: string): Derived {
  return { name, value: microseconds, unit: 'us', how };
}
