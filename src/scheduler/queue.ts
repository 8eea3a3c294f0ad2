/**
 * A list in the order of `rank`, lowest first; equal ranks keep their order of arrival. Taking a member out, wherever
 * it stands, is one step; putting one in costs one step for each member of a higher rank, of which there are few.
 *
 *     head ⇄ a (rank 1) ⇄ b (rank 2) ⇄ c (rank 7) ⇄ head
 */
export class RankedQueue<Member extends { readonly rank: number }> {
  readonly #head: Link<Member> = new Link<Member>(null);
  readonly #links = new Map<Member, Link<Member>>();

  get length(): number {
    return this.#links.size;
  }

  add(member: Member): void {
    let before = this.#head.previous;
    while (before.member !== null && before.member.rank > member.rank) before = before.previous;
    const link = new Link(member);
    link.previous = before;
    link.next = before.next;
    before.next.previous = link;
    before.next = link;
    this.#links.set(member, link);
  }

  /** Whether the member was there. */
  remove(member: Member): boolean {
    const link = this.#links.get(member);
    if (link === undefined) return false;
    link.previous.next = link.next;
    link.next.previous = link.previous;
    return this.#links.delete(member);
  }

  first(): Member | null {
    return this.#head.next.member;
  }

  last(): Member | null {
    return this.#head.previous.member;
  }

  /** The members of a rank up to this one, in order. */
  *before(rank: number): Iterable<Member> {
    for (let link = this.#head.next; link.member !== null && link.member.rank <= rank; link = link.next) {
      yield link.member;
    }
  }

  /** The first `count` members, in order. */
  window(count: number): Member[] {
    const members: Member[] = [];
    for (let link = this.#head.next; link.member !== null && members.length < count; link = link.next) {
      members.push(link.member);
    }
    return members;
  }
}

class Link<Member> {
  readonly member: Member | null;
  previous: Link<Member> = this;
  next: Link<Member> = this;

  constructor(member: Member | null) {
    this.member = member;
  }
}
