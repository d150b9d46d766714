/**
 * Which partition by HASH a whole number goes to: Postgres's own hash (hashfn.c:
 * hash_bytes_uint32_extended, Jenkins' lookup3; hashfunc.c: hashint8extended) with the seed of
 * partitioning, combined as for one column (partbounds.c: compute_partition_hash_value). It is not
 * the raw remainder of the value. Left out: other types.
 */
const SEED_HIGH = 0x7a5b2236; // partition.h: HASH_PARTITION_SEED
const SEED_LOW = 0x7996dcfd;
const BASIS = 0x9e3779b9 + 4 + 3923095;
const COMBINE = 0x49a0f4dd15e5a8e3n; // hashfn.h: hash_combine64

const rotated = (x: number, by: number) => (x << by) | (x >>> (32 - by));

/** The hash of 32 bits, as a number of 64. */
function hash32(value: number): bigint {
  let [a, b, c] = mixed((BASIS + SEED_HIGH) | 0, (BASIS + SEED_LOW) | 0, BASIS | 0);
  a = (a + value) | 0;
  c = ((c ^ b) - rotated(b, 14)) | 0;
  a = ((a ^ c) - rotated(c, 11)) | 0;
  b = ((b ^ a) - rotated(a, 25)) | 0;
  c = ((c ^ b) - rotated(b, 16)) | 0;
  a = ((a ^ c) - rotated(c, 4)) | 0;
  b = ((b ^ a) - rotated(a, 14)) | 0;
  c = ((c ^ b) - rotated(b, 24)) | 0;
  return (BigInt(b >>> 0) << 32n) | BigInt(c >>> 0);
}

function mixed(first: number, second: number, third: number): [number, number, number] {
  let [a, b, c] = [first, second, third];
  a = (a - c) ^ rotated(c, 4);
  c = (c + b) | 0;
  b = (b - a) ^ rotated(a, 6);
  a = (a + c) | 0;
  c = (c - b) ^ rotated(b, 8);
  b = (b + a) | 0;
  a = (a - c) ^ rotated(c, 16);
  c = (c + b) | 0;
  b = (b - a) ^ rotated(a, 19);
  a = (a + c) | 0;
  c = (c - b) ^ rotated(b, 4);
  b = (b + a) | 0;
  return [a, b, c];
}

/** The remainder by a modulus that a whole number's hash has; any width. */
export function hashRemainder(value: bigint, modulus: number): number {
  const low = Number(BigInt.asUintN(32, value));
  const high = Number(BigInt.asUintN(32, value >> 32n));
  // hashint8 folds so that equal numbers of both widths have the same hash
  const folded = low ^ (value >= 0n ? high : ~high);
  const combined = BigInt.asUintN(64, hash32(folded | 0) + COMBINE);
  return Number(combined % BigInt(modulus));
}
