/** A member's place on a roll; `roll` is null when the member is off it. */
export interface Place<Member> {
  readonly member: Member;
  roll: Roll<Member> | null;
  before: Place<Member> | null;
  after: Place<Member> | null;
}

/**
 * Its members, in the order in which they came: a set for members that come and go with each request.
 *
 * V8 gives a Set a new table whenever as many members have been added as its table has room for. The old
 * table keeps its members, and a link to the new one. Once an old table has outlived two scavenges, all
 * tables that follow it outlive them too, with the requests that were in them: a fifth of a small query's
 * time went into copying what nobody would look at again. Here a member that leaves lets go of the others.
 */
export class Roll<Member> {
  #first: Place<Member> | null = null;
  #last: Place<Member> | null = null;

  add(member: Member): Place<Member> {
    const place: Place<Member> = { member, roll: this, before: this.#last, after: null };
    if (this.#last === null) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
    return place;
  }

  /** May be called again, to no effect. */
  remove(place: Place<Member>): void {
    if (place.roll !== this) return;
    const { before, after } = place;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    place.roll = place.before = place.after = null;
  }

  first(): Place<Member> | null {
    return this.#first;
  }

  /** The members at this moment. */
  members(): Member[] {
    const members: Member[] = [];
    for (let place = this.#first; place !== null; place = place.after) members.push(place.member);
    return members;
  }
}
