/** The package ships no types for its single generators. */
declare module 'seedrandom/lib/alea.js' {
  /** A generator of numbers in [0, 1), in steps of 2^-32. */
  export default function alea(seed: string): () => number;
}
