/**
 * A temporary file (buffile.c): pages of 8 KiB that go to the operating system's cache as tables'
 * do, are read back from there or from the disk, and are gone at the end without ever having been
 * made durable. Left out: pg_temp's place in other tablespaces, temp_file_limit, files of 1 GB.
 */
import { PAGE_BYTES, pageOf } from '../buffers/page.ts';
import type { Storage } from '../storage/storage.ts';
import { BUF_FILE_READ, BUF_FILE_WRITE, CPU, type WaitState } from '../waits.ts';

/** Pages that one read asks the disk for: the kernel's window. */
const READ_PAGES = 16;

export class TemporaryFile {
  /** Pages in the file. */
  pages = 0;
  private bytes = 0;
  private readonly storage: Storage;
  private readonly file: number;

  constructor(storage: Storage) {
    this.storage = storage;
    this.file = storage.cache.newTemporaryFile();
  }

  /** Appends; processor time of the copies. */
  *write(bytes: number, wait: WaitState): Generator<undefined, number> {
    const { cache, owner } = this.storage;
    this.bytes += bytes;
    const end = Math.ceil(this.bytes / PAGE_BYTES);
    const due = (end - this.pages) * owner.costs.pageWrite;
    for (; this.pages < end; this.pages++) {
      while (cache.holdsUp) {
        wait.now(BUF_FILE_WRITE);
        yield cache.waitForRoom();
        wait.now(CPU);
      }
      if (this.pages % cache.oneOf === 0) cache.write(pageOf(this.file, this.pages / cache.oneOf));
    }
    return due;
  }

  /** Reads all of it once; processor time of the copies. */
  *read(wait: WaitState): Generator<undefined, number> {
    const { cache, owner } = this.storage;
    let missing = 0;
    for (let page = 0; page < this.pages; page += cache.oneOf) {
      missing += cache.oneOf * cache.pages.read(pageOf(this.file, page / cache.oneOf));
      if (missing < READ_PAGES && page + cache.oneOf < this.pages) continue;
      if (missing === 0) continue;
      wait.now(BUF_FILE_READ);
      yield owner.host.disk.read(missing * PAGE_BYTES);
      wait.now(CPU);
      missing = 0;
    }
    return this.pages * owner.costs.pageRead;
  }

  /** Unlinks it: what was not written back never will be. */
  drop(): void {
    this.storage.cache.pages.drop(this.file);
  }
}
