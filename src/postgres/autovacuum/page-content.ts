/** What a page of a heap holds, as ANALYZE's sample or the look before a truncation counts it. */
import type { PagePopulation } from '../heap/page-population.ts';

export function contentOf(pages: PagePopulation, block: number): { live: number; dead: number } {
  const entry = pages.find(block);
  if (entry < 0) return { live: pages.loadedRows(block), dead: 0 };
  return { live: pages.live[entry]!, dead: pages.dead[entry]! };
}

/** Nothing is on the page that keeps it from being cut off. */
export function isEmpty(pages: PagePopulation, block: number): boolean {
  const { live, dead } = contentOf(pages, block);
  const entry = pages.find(block);
  return live + dead === 0 && (entry < 0 || pages.stubs[entry] === 0);
}
