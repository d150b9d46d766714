/**
 * The lower bounds of pages that splits made, sorted, each with the page's entry: in chunks of at
 * most 512, so that inserting a bound moves a few kilobytes however many there are.
 */

const CHUNK = 512;

interface Chunk {
  count: number;
  readonly bounds: Float64Array;
  readonly entries: Int32Array;
}

export class Boundaries {
  size = 0;
  private readonly chunks: Chunk[] = [];

  /** The entry at the greatest bound that is not above this one; -1 if there is none. */
  floor(position: number): number {
    const chunk = this.chunks[this.chunkOf(position)];
    const at = chunk ? lastNotAbove(chunk, position) : -1;
    return at < 0 ? -1 : chunk!.entries[at]!;
  }

  /** The least bound above this one; infinity if there is none. */
  above(position: number): number {
    const number = this.chunkOf(position);
    const chunk = this.chunks[number];
    if (!chunk) return this.chunks[0]?.bounds[0] ?? Number.POSITIVE_INFINITY;
    const at = lastNotAbove(chunk, position) + 1;
    if (at < chunk.count) return chunk.bounds[at]!;
    return this.chunks[number + 1]?.bounds[0] ?? Number.POSITIVE_INFINITY;
  }

  insert(bound: number, entry: number): void {
    if (this.chunks.length === 0) this.chunks.push(emptyChunk());
    const number = Math.max(0, this.chunkOf(bound));
    const chunk = this.chunks[number]!;
    const at = lastNotAbove(chunk, bound) + 1;
    chunk.bounds.copyWithin(at + 1, at, chunk.count);
    chunk.entries.copyWithin(at + 1, at, chunk.count);
    chunk.bounds[at] = bound;
    chunk.entries[at] = entry;
    chunk.count++;
    this.size++;
    if (chunk.count === CHUNK) this.divide(number);
  }

  /** The last chunk that begins at or before the position; -1 if all begin after it. */
  private chunkOf(position: number): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.chunks[middle]!.bounds[0]! <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Ascending bounds leave full chunks behind, others half-full ones. */
  private divide(number: number): void {
    const chunk = this.chunks[number]!;
    const isLast = number === this.chunks.length - 1;
    const kept = isLast ? CHUNK - 1 : CHUNK / 2;
    const right = emptyChunk();
    right.bounds.set(chunk.bounds.subarray(kept, CHUNK));
    right.entries.set(chunk.entries.subarray(kept, CHUNK));
    right.count = CHUNK - kept;
    chunk.count = kept;
    this.chunks.splice(number + 1, 0, right);
  }
}

function emptyChunk(): Chunk {
  return { count: 0, bounds: new Float64Array(CHUNK), entries: new Int32Array(CHUNK) };
}

function lastNotAbove(chunk: Chunk, position: number): number {
  let low = 0;
  let high = chunk.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk.bounds[middle]! <= position) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
