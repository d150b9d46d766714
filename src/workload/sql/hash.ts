/** pgbench's hash functions of a 64-bit integer (pgbench.c: getHashFnv1a, getHashMurmur2). */

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const MURMUR_FACTOR = 0xc6a4a7935bd1e995n;
const MURMUR_SHIFT = 47n;

const unsigned = (value: bigint) => BigInt.asUintN(64, value);

/** Fowler, Noll and Vo's hash of the eight bytes, lowest first. */
export function fnv1a(value: bigint, seed: bigint): bigint {
  let rest = unsigned(value);
  let result = unsigned(FNV_OFFSET ^ unsigned(seed));
  for (let i = 0; i < 8; i++) {
    result = unsigned((result ^ (rest & 0xffn)) * FNV_PRIME);
    rest >>= 8n;
  }
  return BigInt.asIntN(64, result);
}

/** Appleby's MurmurHash2 of one word of eight bytes. */
export function murmur2(value: bigint, seed: bigint): bigint {
  let result = unsigned(seed) ^ unsigned(8n * MURMUR_FACTOR);
  let k = unsigned(unsigned(value) * MURMUR_FACTOR);
  k ^= k >> MURMUR_SHIFT;
  k = unsigned(k * MURMUR_FACTOR);
  result = unsigned((result ^ k) * MURMUR_FACTOR);
  result ^= result >> MURMUR_SHIFT;
  result = unsigned(result * MURMUR_FACTOR);
  result ^= result >> MURMUR_SHIFT;
  return BigInt.asIntN(64, result);
}
