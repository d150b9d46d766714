/**
 * The write-ahead log of one server: its positions, what is inserted and by what kinds of records,
 * and who makes it durable (`writing.ts`, `wal-writer.ts`), in which files (`segments.ts`).
 *
 * Kept: one place for each position (inserted, written, flushed), what survives which kind of
 * crash, records with their images, switches of segments. What is written but not yet flushed
 * survives a crash of the server and not of its host. Left out: see README.
 */

import { type Process, Watermark } from '../../kernel/index.ts';
import type { ServerContext } from '../context.ts';
import type { WalRecord } from '../heap/wal-record.ts';
import { advance, LONG_HEADER_BYTES, type Lsn, WAL_PAGE_BYTES, WAL_SEGMENT_BYTES } from '../lsn.ts';
import { abortBytes, commitBytes } from '../record-sizes.ts';
import type { Branch } from '../timeline.ts';
import type { WaitState } from '../waits.ts';
import { Archiver } from './archiver.ts';
import { compressionOf } from './compression.ts';
import type { ContentKind } from './contents.ts';
import { type PageLsns, RecordAssembler } from './full-page-images.ts';
import { type RecordCount, RecordCounts } from './record-counts.ts';
import { segmentOf } from './retention.ts';
import { type SegmentChanges, WalSegments } from './segments.ts';
import { WalWriter } from './wal-writer.ts';
import { type WalOwner, WalWriting } from './writing.ts';

/** XLOG_SWITCH: a record without contents. */
const SWITCH_BYTES = 24;

export class Wal {
  branch: Branch;
  /** The end of what is inserted (on a standby: received). */
  insertLsn: Lsn;
  /** The end of what the operating system has; a crash of the server does not take it away. */
  written: Lsn;
  /** The end of what is on disk. */
  flushed: Watermark;
  /**
   * Where the last checkpoint's redo begins (RedoRecPtr): a page whose LSN is not beyond it gets a
   * full-page image with its next change. The checkpointer moves it.
   */
  redoLsn: Lsn;
  records = 0;
  /** WAL inserted, images, alignment and page headers included. */
  bytes = 0;
  /** Full-page images, and what they are of the bytes. */
  images = 0;
  imageBytes = 0;
  readonly counts = new RecordCounts();
  /** fsyncs of WAL: pg_stat_wal's wal_sync. */
  flushes = 0;
  /** The last commit that waits for standbys to replay it: they report when they have. */
  applyFeedbackLsn: Lsn = 0;
  /** Called after each flush. */
  onFlush: () => void = () => {};
  /** The least restart_lsn of all replication slots: WAL from there on is kept; 0 for no slot. */
  slotsLsn: Lsn = 0;
  /** The files in pg_wal, and what goes from there to the archive. */
  readonly segments: WalSegments;
  readonly archiver: Archiver;
  private readonly writing: WalWriting;
  private readonly walWriter: WalWriter;
  private lastSwitchLsn: Lsn = 0;
  private announcedBytes: number;
  private announcedBacklog = 0;
  private readonly owner: WalOwner;
  private readonly context: ServerContext;
  private readonly assembler: RecordAssembler;
  private readonly commitCount: RecordCount;
  private readonly commitBytes: number;
  /** The last stretch of records that make no checkpoint due (XLOG_MARK_UNIMPORTANT). */
  private unimportantFrom: Lsn = 0;
  private unimportantTo: Lsn = 0;
  /** The end of the page in which insertLsn lies; 0 if that is not known. */
  private pageEnd: Lsn = 0;

  constructor(context: ServerContext, owner: WalOwner, branch: Branch, lsn: Lsn) {
    const { settings } = owner;
    this.context = context;
    this.owner = owner;
    this.branch = branch;
    this.insertLsn = this.written = this.redoLsn = lsn;
    this.flushed = new Watermark(context.sim, lsn);
    this.assembler = new RecordAssembler(settings, compressionOf(settings));
    this.commitCount = this.counts.of('Transaction/COMMIT');
    this.commitBytes = commitBytes(settings);
    this.segments = new WalSegments(settings, owner.host.disk, lsn);
    this.announcedBytes = this.segments.bytes;
    this.archiver = new Archiver(context, settings, owner.archive, lsn);
    this.archiver.onProgress = () => this.announceFiles();
    this.writing = new WalWriting(context, owner, this, this.segments);
    this.walWriter = new WalWriter(context, settings, this, this.writing);
  }

  /** Starts what runs on primary and standby alike. */
  startArchiver(): void {
    const { host, group } = this.owner;
    if (this.archiver.runs) host.spawn(this.archiver.run(), group);
  }

  /** Starts the processes of a running primary: whoever flushes, and the walwriter. */
  start(): void {
    const { host, group, settings } = this.owner;
    host.spawn(this.writing.flusher(), group);
    host.spawn(this.walWriter.run(), group);
    const { archive_mode, archive_timeout } = settings;
    if (archive_mode !== 'off' && archive_timeout > 0) host.spawn(this.switches(), group);
  }

  /**
   * Inserts a record, with an image of each of its pages that needs one; returns the position of
   * its end, with which its pages are to be stamped.
   */
  insertRecord(record: WalRecord, pages: PageLsns): Lsn {
    const { assembler } = this;
    const bytes = assembler.assemble(record, pages, this.redoLsn);
    const count = this.counts.of(record.kind);
    count.records++;
    count.bytes += bytes - assembler.imageBytes;
    if (assembler.images > 0) this.countImages(count);
    const end = this.append(bytes);
    const { contents } = this.branch;
    if (contents.isKept) contents.addRecord(record, end, assembler.imaged);
    return end;
  }

  /** What the record that was inserted last does to whoever replays it. */
  note(kind: ContentKind, value: number): void {
    const { contents } = this.branch;
    if (contents.isKept) contents.add(this.insertLsn, kind, value);
  }

  /** Inserts a record without images, of so many bytes; returns the position of its end. */
  insert(bytes: number, kind = 'unnamed'): Lsn {
    const count = this.counts.of(kind);
    count.records++;
    count.bytes += bytes;
    return this.append(bytes);
  }

  /** Inserts a record of which there may be many while nothing happens. */
  insertUnimportant(bytes: number, kind: string): Lsn {
    const from = this.lastImportantLsn;
    const end = this.insert(bytes, kind);
    this.markUnimportant(from);
    return end;
  }

  private markUnimportant(from: Lsn): void {
    this.unimportantFrom = from;
    this.unimportantTo = this.insertLsn;
  }

  /** The end of the last record that matters (GetLastImportantRecPtr). */
  get lastImportantLsn(): Lsn {
    return this.insertLsn === this.unimportantTo ? this.unimportantFrom : this.insertLsn;
  }

  /** Up to where backends want it on disk. */
  get requested(): Lsn {
    return this.writing.requested;
  }

  /** A commit with the ids of so many subtransactions. */
  insertCommit(subtransactions = 0): Lsn {
    const { settings } = this.owner;
    const bytes = subtransactions > 0 ? commitBytes(settings, subtransactions) : this.commitBytes;
    this.commitCount.records++;
    this.commitCount.bytes += bytes;
    return this.append(bytes);
  }

  /** An abort, which nobody waits for; the walwriter sees to it as to an asynchronous commit. */
  insertAbort(subtransactions = 0): void {
    const lsn = this.insert(abortBytes(subtransactions), 'Transaction/ABORT');
    this.walWriter.commitAsynchronously(lsn);
  }

  /** Times that an inserter found all WAL buffers in use and wrote out a page itself. */
  get buffersFull(): number {
    return this.writing.buffersFull;
  }

  private append(bytes: number): Lsn {
    const before = this.insertLsn;
    const aligned = (bytes + 7) & ~7;
    let end = before + aligned;
    if (end > this.pageEnd) {
      end = advance(before, aligned);
      this.pageEnd = Math.ceil(end / WAL_PAGE_BYTES) * WAL_PAGE_BYTES;
    }
    this.insertLsn = end;
    this.records++;
    this.bytes += end - before;
    return end;
  }

  private countImages(count: RecordCount): void {
    const { images, imageBytes, compressionTime } = this.assembler;
    count.images += images;
    count.imageBytes += imageBytes;
    this.images += images;
    this.imageBytes += imageBytes;
    if (compressionTime > 0) this.writing.owe(compressionTime);
  }

  /**
   * After an insertion: the running backend has something to do for it before it goes on, for its
   * pages to be compressed or for room in the WAL buffers.
   * `if (wal.mustWait()) yield* wal.makeRoom(wait);`
   */
  mustWait(): boolean {
    return this.writing.mustWait();
  }

  makeRoom(wait: WaitState | null): Generator<undefined, void, undefined> {
    return this.writing.makeRoom(wait);
  }

  /**
   * The WAL up to here shall be on disk; true if the caller is the one who leads the flush. If it
   * comes to lead a later one, `wait` is told.
   */
  requestFlush(lsn: Lsn, wait: WaitState | null = null): boolean {
    return this.writing.request(lsn, wait);
  }

  /** An asynchronous commit: it is on disk within three times wal_writer_delay. */
  commitAsynchronously(lsn: Lsn): void {
    this.walWriter.commitAsynchronously(lsn);
  }

  /** Whoever holds WALWriteLock has made it durable up to here. */
  advanceFlushed(lsn: Lsn): void {
    this.flushed.advance(lsn);
    this.branch.contents.flushed = lsn;
    this.context.events.flushed.emit(this.owner.index, lsn);
    if (lsn % WAL_SEGMENT_BYTES === 0) this.segmentFinished(segmentOf(lsn) - 1, false);
    this.onFlush();
  }

  /**
   * Ends the current segment (pg_switch_wal): what is left of it stays empty, and is written all
   * the same. Nothing happens in a segment without a record.
   */
  switchSegment(): void {
    const start = segmentOf(this.insertLsn) * WAL_SEGMENT_BYTES;
    if (this.insertLsn <= start + LONG_HEADER_BYTES) return;
    const before = this.insert(SWITCH_BYTES, 'XLOG/SWITCH');
    this.insertLsn = segmentOf(before - 1) * WAL_SEGMENT_BYTES + WAL_SEGMENT_BYTES;
    this.pageEnd = 0;
    this.bytes += this.insertLsn - before;
    this.lastSwitchLsn = this.insertLsn;
    this.writing.skipTo(this.insertLsn);
    this.writing.request(this.insertLsn);
  }

  /**
   * A checkpoint is over, or a restartpoint: WAL that nothing needs any more is recycled or
   * removed (CreateCheckPoint's last steps). What is returned has still to be made durable.
   */
  checkpointed(priorRedo: Lsn, redo: Lsn): SegmentChanges {
    const { slotsLsn, segments, flushed } = this;
    const archivedSegment = this.archiver.removable;
    const needs = { slotsLsn, archivedSegment };
    const changes = segments.checkpointed(priorRedo, redo, flushed.value, needs);
    this.announceFiles();
    return changes;
  }

  /**
   * WAL that came from another server and is written to a file here. False if there is no room for
   * another file: the walreceiver fails, and nothing is written.
   */
  receive(lsn: Lsn): boolean {
    if (segmentOf(lsn - 1) > this.segments.last && !this.receiveInto(segmentOf(lsn - 1))) {
      return false;
    }
    const before = this.insertLsn;
    this.insertLsn = this.written = lsn;
    this.pageEnd = 0;
    const finished = segmentOf(lsn) - 1;
    if (finished >= segmentOf(before)) this.segmentFinished(finished, true);
    return true;
  }

  private segmentFinished(segment: number, onStandby: boolean): void {
    this.archiver.finished(segment, onStandby);
    this.announceFiles();
  }

  private announceFiles(): void {
    const { segments, archiver } = this;
    const backlog = archiver.backlog * WAL_SEGMENT_BYTES;
    const { bytes } = segments;
    if (bytes === this.announcedBytes && backlog === this.announcedBacklog) return;
    this.announcedBytes = bytes;
    this.announcedBacklog = backlog;
    this.context.events.walFiles.emit(this.owner.index, bytes, backlog);
  }

  /** New files: the walreceiver fills them with zeros; replication waits for its disk, not here. */
  private receiveInto(segment: number): boolean {
    const { settings, host } = this.owner;
    while (this.segments.last < segment) {
      if (!this.segments.create()) return false;
      if (settings.wal_init_zero) host.disk.submit('write', WAL_SEGMENT_BYTES);
    }
    return true;
  }

  /** A crash: all is gone beyond what the operating system, or only the disk, has. */
  crash(survives: 'written' | 'flushed'): void {
    const { writesAreSynchronous, written } = this.writing;
    const onDisk = writesAreSynchronous ? written : 0;
    const flushed = Math.max(this.flushed.value, Math.min(onDisk, this.written));
    this.cutTo(survives === 'written' ? this.written : flushed, this.branch);
    this.flushed = new Watermark(this.context.sim, flushed);
  }

  /** A promoted standby goes on from the end of what it has, on a branch of its own. */
  fork(branch: Branch): void {
    this.branch = branch;
    this.written = this.insertLsn;
    this.writing.beginAt(this.insertLsn);
    this.walWriter.beginAt(this.insertLsn);
    this.flushed.advance(this.insertLsn);
  }

  /** The data directory is a copy of another's, which ends here. */
  replace(lsn: Lsn, branch: Branch): void {
    this.segments.replace(lsn);
    this.archiver.replaceAt(lsn);
    this.cutTo(lsn, branch);
  }

  /** The log ends here, on this branch: after a crash or a rewind. */
  cutTo(lsn: Lsn, branch: Branch): void {
    this.branch = branch;
    this.insertLsn = this.written = lsn;
    this.pageEnd = 0;
    if (this.applyFeedbackLsn > lsn) this.applyFeedbackLsn = lsn;
    this.flushed = new Watermark(this.context.sim, lsn);
    this.archiver.beginAt(lsn);
    this.writing.beginAt(lsn);
    this.walWriter.beginAt(lsn);
  }

  /** CheckArchiveTimeout: a segment that was written to does not stay open for longer. */
  private *switches(): Process {
    const { sim } = this.context;
    const { archive_timeout: timeout } = this.owner.settings;
    this.lastSwitchLsn = this.insertLsn;
    for (;;) {
      yield sim.hold(timeout);
      const important = this.lastImportantLsn;
      if (important <= this.lastSwitchLsn) continue;
      this.switchSegment();
      this.markUnimportant(important);
    }
  }
}
