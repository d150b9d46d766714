import type { ClientRef, Watch, WatchEvent } from './api.ts';

interface Watcher {
  readonly ref: ClientRef;
  readonly key: string;
  readonly prefix: boolean;
  /** The first revision it has not been told of. */
  readonly from: number;
}

/** Events for one watcher. */
export interface Notification {
  readonly ref: ClientRef;
  readonly events: readonly WatchEvent[];
}

/**
 * The watches that are open on one member; they see what this member applies, which may be late
 * (etcd: server/storage/mvcc/watchable_store.go). Left out: progress notifications, compacted
 * start revisions, filters and previous values.
 */
export class WatchHub {
  private watchers: Watcher[] = [];

  /** Opens a watch; returns past events from its start revision on. */
  open(
    ref: ClientRef,
    watch: Watch,
    history: readonly WatchEvent[],
    revision: number,
  ): WatchEvent[] {
    const from = watch.startRevision ?? revision + 1;
    const watcher = { ref, key: watch.key, prefix: watch.prefix ?? false, from };
    this.watchers.push(watcher);
    return history.slice(firstFrom(history, from)).filter((event) => concerns(watcher, event));
  }

  cancel(ref: ClientRef): void {
    this.watchers = this.watchers.filter((watcher) => watcher.ref !== ref);
  }

  /** Who is to be told of new events, in the order of opening. */
  notify(events: readonly WatchEvent[]): Notification[] {
    if (events.length === 0) return [];
    const notifications: Notification[] = [];
    for (const watcher of this.watchers) {
      const seen = events.filter((event) => concerns(watcher, event));
      if (seen.length > 0) notifications.push({ ref: watcher.ref, events: seen });
    }
    return notifications;
  }
}

function concerns(watcher: Watcher, event: WatchEvent): boolean {
  const { key, modRevision } = event.keyValue;
  if (modRevision < watcher.from) return false;
  return watcher.prefix ? key.startsWith(watcher.key) : key === watcher.key;
}

/** Where the events of a revision and later ones begin: they are in order. */
function firstFrom(history: readonly WatchEvent[], revision: number): number {
  let low = 0;
  let high = history.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (history[middle]!.keyValue.modRevision < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
