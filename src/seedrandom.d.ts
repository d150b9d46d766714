/** The package ships no types for its single generators. */
declare module 'seedrandom/lib/alea.js' {
  /** Four numbers: a carry, and three fractions in steps of 2^-32. */
  export interface AleaState {
    readonly c: number;
    readonly s0: number;
    readonly s1: number;
    readonly s2: number;
  }

  /** A generator of numbers in [0, 1), in steps of 2^-32. */
  export default function alea(
    seed: string,
    options: { readonly state: true },
  ): (() => number) & { state(): AleaState };
}
