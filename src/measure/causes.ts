import { type Nanoseconds, NEVER, toSeconds } from '../kernel/time.ts';
import type { Branch } from '../postgres/timeline.ts';
import type { Chronicle, Promotion, Reign } from './chronicle.ts';
import type { Crash } from './crash-losses.ts';
import type { Kept } from './survivor.ts';

/** Seconds as reports write instants: three decimals at most, no empty ones. */
export function instant(at: Nanoseconds): string {
  return `${Number(toSeconds(at).toFixed(3))} s`;
}

export function crashCause(crash: Crash): string {
  const how = crash.power ? 'lost power' : 'crashed';
  const { name } = crash.server;
  return `asynchronous commit, not flushed when ${name} ${how} at ${instant(crash.at)}`;
}

/** In words, why a history does not have a commit that was acknowledged at an instant. */
export function forkCause(
  chronicle: Chronicle,
  kept: Map<number, Kept>,
  branch: Branch,
  acknowledgedAt: Nanoseconds,
): string {
  const own = kept.get(branch.index);
  if (own && !own.leftFor) return `beyond the end of the WAL of ${own.survivor.name}`;
  const promotion = own?.leftFor ? chronicle.promotions.get(own.leftFor.index) : undefined;
  if (promotion) return promotionCause(promotion, acknowledgedAt);
  return abandonedCause(chronicle, kept, branch, acknowledgedAt);
}

/** The history left the branch by a promotion before it came to the commit. */
function promotionCause(promotion: Promotion, acknowledgedAt: Nanoseconds): string {
  const { server, at, predecessor, bytesNotReceived } = promotion;
  const where = `not on ${server.name} when it was promoted at ${instant(at)}`;
  if (!predecessor) return where;
  const bytes = `${bytesNotReceived} bytes not received`;
  const old = predecessor.server.name;
  if (predecessor.departure && predecessor.to <= at) {
    return `${where}: ${old} ${predecessor.departure} at ${instant(predecessor.to)} with ${bytes}`;
  }
  if (acknowledgedAt >= at) return isolated(predecessor, promotion);
  return `${where}: ${old} went on as primary with ${bytes}`;
}

function isolated(reign: Reign, promotion: Promotion): string {
  const until =
    reign.to === NEVER ? 'until the end' : `until it ${reign.departure} at ${instant(reign.to)}`;
  return (
    `written on ${reign.server.name}, the isolated side of a split brain since ` +
    `${promotion.server.name} was promoted at ${instant(promotion.at)}, ${until}`
  );
}

/** No surviving history went along the branch at all. */
function abandonedCause(
  chronicle: Chronicle,
  kept: Map<number, Kept>,
  branch: Branch,
  acknowledgedAt: Nanoseconds,
): string {
  let shared: Branch | null = branch;
  while (shared && !kept.has(shared.index)) shared = shared.parent;
  const end = shared ? kept.get(shared.index)! : null;
  const other = end?.leftFor ? chronicle.promotions.get(end.leftFor.index) : undefined;
  const reign = chronicle.reignOn(branch, acknowledgedAt);
  const survivor = end ? end.survivor.name : 'nobody';
  if (other && reign && other.at >= reign.from && other.at <= acknowledgedAt) {
    return isolated(reign, other);
  }
  return (
    `on timeline ${branch.timeline} of ${reign?.server.name ?? branch.server}, which is no part ` +
    `of the history of ${survivor}, the leader at the end`
  );
}
