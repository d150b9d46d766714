/** What one kind of record has added to the WAL: a line of `pg_waldump --stats=record`. */
export interface RecordCount {
  /** Resource manager and operation, as pg_waldump names them: `Heap/HOT_UPDATE`. */
  readonly kind: string;
  records: number;
  /** Without full-page images, without alignment and page headers. */
  bytes: number;
  images: number;
  imageBytes: number;
}

/** Records inserted since the server began, by kind. */
export class RecordCounts {
  private readonly byKind = new Map<string, RecordCount>();

  /** One more record of a kind, to be added to in place. */
  of(kind: string): RecordCount {
    const known = this.byKind.get(kind);
    if (known !== undefined) return known;
    const count = { kind, records: 0, bytes: 0, images: 0, imageBytes: 0 };
    this.byKind.set(kind, count);
    return count;
  }

  /** All kinds that have occurred, in the order of their first record. */
  get kinds(): readonly RecordCount[] {
    return [...this.byKind.values()];
  }
}
