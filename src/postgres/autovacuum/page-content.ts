/** What a page of a heap holds, as ANALYZE's sample or the look before a truncation counts it. */
import type { PagePopulation } from '../heap/page-population.ts';

/** Dead are versions, and the line pointers that they left (heapam_scan_analyze_next_tuple). */
export function contentOf(pages: PagePopulation, block: number): { live: number; dead: number } {
  const entry = pages.find(block);
  if (entry < 0) return { live: pages.loadedRows(block), dead: 0 };
  return { live: pages.live[entry]!, dead: pages.dead[entry]! + pages.stubs[entry]! };
}

/** Nothing is on the page that keeps it from being cut off. */
export function isEmpty(pages: PagePopulation, block: number): boolean {
  const { live, dead } = contentOf(pages, block);
  return live + dead === 0;
}
