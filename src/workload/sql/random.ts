/**
 * pgbench's random functions (pgbench.c: getrand, getExponentialRand, getGaussianRand,
 * computeIterativeZipfian), on the kernel's stream and the kernel's logarithm and exponential.
 * Gaussian deviates are quantiles of one uniform number where pgbench has Box and Muller's pair:
 * the law is the same.
 */
import { exp, ln, normalQuantile, pow, type Random } from '../../kernel/index.ts';

/** A whole number from `low` on; `size` of them, whose share of the interval is `at` in [0, 1). */
function spread(low: bigint, size: number, at: number): bigint {
  const offset = Math.min(size - 1, Math.floor(size * at));
  const sum = Number(low) + offset;
  return Number.isSafeInteger(sum) ? BigInt(sum) : low + BigInt(offset);
}

/** Each from `low` to `low + size - 1` equally likely. */
export function uniform(random: Random, low: bigint, size: number): bigint {
  return spread(low, size, random.uniform());
}

/** The density falls by exp(-parameter) from the first to the last; parameter above 0. */
export function exponential(random: Random, low: bigint, size: number, parameter: number): bigint {
  const cut = exp(-parameter);
  const rest = cut + (1 - cut) * random.uniform();
  return spread(low, size, -ln(rest) / parameter);
}

/** The middle is likeliest; the bounds are `parameter` standard deviations away, at least 2. */
export function gaussian(random: Random, low: bigint, size: number, parameter: number): bigint {
  for (;;) {
    const deviate = normalQuantile(random.uniform());
    if (deviate < -parameter || deviate >= parameter) continue;
    return spread(low, size, (deviate + parameter) / (2 * parameter));
  }
}

/** The k-th is drawn with a weight of 1 / k^s, 1.001 <= s <= 1000 (Devroye 1986, page 551). */
export function zipfian(random: Random, low: bigint, size: number, s: number): bigint {
  if (size <= 1) return low;
  const b = pow(2, s - 1);
  for (;;) {
    const u = random.uniform();
    const v = random.uniform();
    const x = Math.floor(pow(u, -1 / (s - 1)));
    const t = pow(1 + 1 / x, s - 1);
    if ((v * x * (t - 1)) / (b - 1) <= t / b && x <= size) return low + BigInt(x - 1);
  }
}
