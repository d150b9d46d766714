/**
 * The plans of one scenario: from the disk if they were made before, else from Postgres, which is
 * started for what is missing and for nothing else. A scenario is read twice where it is: once to
 * know what to ask, and once with the answers.
 */
import type { Planned, PlanRequest } from '../../workload/planner/request.ts';
import { cacheFolder, planKey, readPlans, SHIPPED, writePlans } from './cache.ts';
import type { PlanningServer } from './pglite.ts';

/** Where plans are looked for, and who makes them. */
export interface PlanSources {
  /** Folders to read, the first one first. */
  readonly folders: readonly string[];
  /** The folder into which new plans go. */
  readonly keep: string;
  start(): Promise<PlanningServer>;
}

/** The package's plans, the user's cache, and PGlite. */
export function usualSources(): PlanSources {
  const own = cacheFolder(process.env, process.platform);
  return {
    folders: [SHIPPED, own],
    keep: own,
    start: async () => (await import('./pglite.ts')).startPglite(),
  };
}

/** Answers that are known, by key: threads that run the same scenario are given them. */
export type KnownPlans = Map<string, Planned>;

export class Plans {
  private readonly missing = new Map<string, PlanRequest>();
  private readonly sources: PlanSources;
  private readonly known: KnownPlans;

  constructor(sources: PlanSources, known: KnownPlans) {
    this.sources = sources;
    this.known = known;
  }

  /** The answer if there is one; otherwise the request is remembered. */
  readonly lookUp = (request: PlanRequest): Planned | undefined => {
    const key = planKey(request);
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const answer = readPlans(this.sources.folders, key);
    if (answer === undefined) {
      this.missing.set(key, request);
      return undefined;
    }
    const planned: Planned = { ok: true, answer };
    this.known.set(key, planned);
    return planned;
  };

  /** Whether anything was looked up in vain. */
  get areMissing(): boolean {
    return this.missing.size > 0;
  }

  /** Asks Postgres for everything that was looked up in vain. Errors are answers too. */
  async make(): Promise<void> {
    const { ask } = await import('./ask.ts');
    const server = await this.sources.start();
    try {
      for (const [key, request] of this.missing) {
        const planned = await ask(server, request);
        this.known.set(key, planned);
        if (planned.ok) writePlans(this.sources.keep, key, planned.answer);
      }
    } finally {
      await server.close();
    }
    this.missing.clear();
  }
}
