/** Doubly linked lists over the numbers 0 to n - 1, each in at most one of them. */
export class PageLists {
  private readonly next: Int32Array; // the heads of the lists stand behind the members
  private readonly previous: Int32Array;
  private readonly lengths: Int32Array;
  private readonly listOf: Int8Array; // plus 1; 0 for none
  private readonly members_: number;
  private used = 0;

  constructor(members: number, lists: number) {
    this.members_ = members;
    this.next = new Int32Array(members + lists);
    this.previous = new Int32Array(members + lists);
    this.lengths = new Int32Array(lists);
    this.listOf = new Int8Array(members);
    this.clear();
  }

  get bytes(): number {
    return this.next.byteLength + this.previous.byteLength + this.listOf.byteLength;
  }

  clear(): void {
    for (let list = 0; list < this.lengths.length; list++) {
      const head = this.members_ + list;
      this.next[head] = this.previous[head] = head;
    }
    this.lengths.fill(0);
    if (this.used > 0) this.listOf.fill(0);
    this.used = 0;
  }

  length(list: number): number {
    return this.lengths[list]!;
  }

  /** The last of a list that is not empty. */
  tail(list: number): number {
    return this.previous[this.members_ + list]!;
  }

  /** To the head of a list; it is in none yet. */
  add(member: number, list: number): void {
    this.link(member, list, this.members_ + list);
  }

  remove(member: number): void {
    const before = this.previous[member]!;
    const after = this.next[member]!;
    this.next[before] = after;
    this.previous[after] = before;
    this.lengths[this.listOf[member]! - 1]!--;
    this.listOf[member] = 0;
  }

  move(member: number, list: number): void {
    this.remove(member);
    this.add(member, list);
  }

  moveToTail(member: number, list: number): void {
    this.remove(member);
    this.link(member, list, this.tail(list));
  }

  /** From head to tail. */
  members(list: number): number[] {
    const found: number[] = [];
    const head = this.members_ + list;
    for (let at = this.next[head]!; at !== head; at = this.next[at]!) found.push(at);
    return found;
  }

  private link(member: number, list: number, before: number): void {
    const after = this.next[before]!;
    this.next[before] = this.previous[after] = member;
    this.previous[member] = before;
    this.next[member] = after;
    this.lengths[list]!++;
    this.listOf[member] = list + 1;
    this.used++;
  }
}
