/**
 * Serializable snapshot isolation: who of the concurrent serializable transactions has read what
 * another one has written, and which of them has to fail so that no cycle of such dependencies can
 * commit (predicate.c; README-SSI; Ports and Grittner, VLDB 2012).
 *
 * A reader R that does not see what W has written comes before W in any serial order: R -> W. In
 * every cycle two of these follow each other, T0 -> pivot -> T2, and T2 commits first. Whoever
 * completes that structure fails, or, if it is somebody else who should, that one is doomed: it
 * fails with its next statement.
 *
 * Kept: the rules about who fails, by the order of commits; what is known of a transaction until
 * all that ran beside it have ended. Left out: READ ONLY, DEFERRABLE and safe snapshots, two-phase
 * commit, and the summary of old transactions when max_pred_locks_per_transaction does not suffice.
 */

/** A transaction under SERIALIZABLE (predicate_internals.h: SERIALIZABLEXACT). */
export class SerializableTransaction {
  /** Commits are numbered: the last one before its snapshot, its own preparation, its own. */
  readonly lastBeforeSnapshot: number;
  prepared = Number.POSITIVE_INFINITY;
  committed = Number.POSITIVE_INFINITY;
  /** It must not commit. */
  doomed = false;
  /** It has ended without having written anything. */
  readOnly = false;
  /** One that it comes before had committed before it did. */
  hasConflictOut = false;
  /** R -> this, and this -> W. */
  readonly readers = new Set<SerializableTransaction>();
  readonly writers = new Set<SerializableTransaction>();

  constructor(lastBeforeSnapshot: number) {
    this.lastBeforeSnapshot = lastBeforeSnapshot;
  }

  get isPrepared(): boolean {
    return this.prepared < Number.POSITIVE_INFINITY;
  }

  get isCommitted(): boolean {
    return this.committed < Number.POSITIVE_INFINITY;
  }

  /** Whether the other had not committed yet when it took its snapshot. */
  overlaps(other: SerializableTransaction): boolean {
    return other !== this && other.committed > this.lastBeforeSnapshot;
  }
}

/**
 * `reader` has read what `writer` has written, and does not see it. True: the one that is running
 * has to fail (FlagRWConflict, OnConflict_CheckForSerializationFailure).
 */
export function conflict(
  reader: SerializableTransaction,
  writer: SerializableTransaction,
  running: SerializableTransaction,
): boolean {
  if (reader.writers.has(writer)) return false;
  const isDangerous = completes(reader, writer);
  if (isDangerous && (running === writer || writer.isPrepared)) return true;
  if (isDangerous) writer.doomed = true;
  reader.writers.add(writer);
  writer.readers.add(reader);
  return false;
}

/** Whether reader -> writer is part of a structure whose last transaction commits first. */
function completes(reader: SerializableTransaction, writer: SerializableTransaction): boolean {
  if (writer.isCommitted && writer.hasConflictOut) return true;
  for (const last of writer.writers) {
    if (isPivot(reader, writer, last)) return true;
  }
  if (!writer.isPrepared || reader.readOnly) return false;
  for (const first of reader.readers) {
    const isBefore = !first.isCommitted || first.committed >= writer.prepared;
    const sees = first.readOnly && first.lastBeforeSnapshot < writer.prepared;
    if (!first.doomed && isBefore && !sees) return true;
  }
  return false;
}

/** reader -> writer -> last, where the last one was the first to commit. */
function isPivot(
  reader: SerializableTransaction,
  writer: SerializableTransaction,
  last: SerializableTransaction,
): boolean {
  return (
    last.isPrepared &&
    last.prepared <= reader.committed &&
    last.prepared <= writer.committed &&
    (!reader.readOnly || last.prepared <= reader.lastBeforeSnapshot)
  );
}

/**
 * Before the commit of `own`: those that read what it has written, and were read themselves, are
 * pivots with a last transaction that now commits. True: it has to fail itself
 * (PreCommit_CheckForSerializationFailure).
 */
export function failsToCommit(own: SerializableTransaction): boolean {
  if (own.doomed) return true;
  for (const pivot of own.readers) {
    if (pivot.isCommitted || pivot.doomed) continue;
    for (const first of pivot.readers) {
      if (first !== own && (first.isCommitted || first.readOnly || first.doomed)) continue;
      if (pivot.isPrepared) return true;
      pivot.doomed = true;
      break;
    }
  }
  return false;
}
