/**
 * One lock with its queue, written as the manual and proc.c's comments tell it: lists of pairs,
 * searched from the beginning each time. `conflicts(a, b)` is the conflict table.
 */
export interface Request {
  readonly owner: string;
  readonly mode: number;
}

export class NaiveLock {
  held: Request[] = [];
  queue: Request[] = [];
  private readonly conflicts: (a: number, b: number) => boolean;

  constructor(conflicts: (a: number, b: number) => boolean) {
    this.conflicts = conflicts;
  }

  request(request: Request): 'granted' | 'wait' | 'deadlock' {
    if (this.has(request)) return 'granted';
    if (this.isFree(request) && this.clash(this.queue, request).length === 0) {
      this.held.push(request);
      return 'granted';
    }
    return this.enqueue(request);
  }

  /** Everything of an owner goes: what it holds, and its place in the queue. */
  release(owner: string): void {
    this.held = this.held.filter((each) => each.owner !== owner);
    this.queue = this.queue.filter((each) => each.owner !== owner);
    this.goOn();
  }

  /** Who can be granted: compatible with what others hold, and with all who stay before it. */
  private goOn(): void {
    const staying: Request[] = [];
    for (const waiter of this.queue) {
      if (this.isFree(waiter) && this.clash(staying, waiter).length === 0) this.held.push(waiter);
      else staying.push(waiter);
    }
    this.queue = staying;
  }

  private enqueue(request: Request): 'granted' | 'wait' | 'deadlock' {
    const own = this.held.filter((each) => each.owner === request.owner);
    const blocked = this.queue.findIndex((waiter) => this.clash(own, waiter).length > 0);
    if (blocked < 0) {
      this.queue.push(request);
      return 'wait';
    }
    const first = this.queue[blocked]!;
    if (this.clash(this.heldBy(first.owner), request).length > 0) return 'deadlock';
    const before = this.queue.slice(0, blocked);
    if (this.isFree(request) && this.clash(before, request).length === 0) {
      this.held.push(request);
      return 'granted';
    }
    this.queue.splice(blocked, 0, request);
    return 'wait';
  }

  private has(request: Request): boolean {
    return this.heldBy(request.owner).some((each) => each.mode === request.mode);
  }

  private heldBy(owner: string): Request[] {
    return this.held.filter((each) => each.owner === owner);
  }

  private isFree(request: Request): boolean {
    return this.clash(this.held, request).every((each) => each.owner === request.owner);
  }

  private clash(requests: readonly Request[], request: Request): Request[] {
    return requests.filter((each) => this.conflicts(each.mode, request.mode));
  }
}
