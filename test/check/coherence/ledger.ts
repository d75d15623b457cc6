/**
 * Records which values a read may return. A writer *invokes* a change before it sends it, and *acknowledges*
 * it when it knows that it was committed. A change whose outcome it never learns stays invoked. Everything
 * happens in one thread, so "before" is the order of the calls.
 *
 * `expect()` is called when a read begins, and returns the judge of its answer, which is called when the read
 * has ended. The judge returns what is wrong, or undefined.
 *
 * Where only the service writes, an answer that was right is also the minimum for later reads: once a reader
 * has seen a change, every later read must show it.
 */
export type Judge<Answer> = (answer: Answer) => string | undefined;

export interface LedgerOptions {
  /** Whether there are writes past the service too. After these, answers may differ for a while. */
  readonly hasOutsideWriters: boolean;
}

export type Counter = ReturnType<typeof createCounter>;

/** A number in a row that only grows, and is 0 while the row does not exist. */
export function createCounter(name: string, { hasOutsideWriters }: LedgerOptions) {
  let invoked = 0;
  let lowest = 0;
  const acknowledge = (value: number) => {
    lowest = Math.max(lowest, value);
  };
  return {
    name,
    hasOutsideWriters,
    /** The value to write next. */
    invoke: () => ++invoked,
    acknowledge,
    lowest: () => lowest,
    expect(): Judge<number> {
      const lower = lowest;
      return (value) => {
        if (!(value >= lower && value <= invoked))
          return `${name}: expected ${lower} to ${invoked}, got ${value}`;
        if (!hasOutsideWriters) acknowledge(value);
        return undefined;
      };
    },
  };
}

export type Tally = ReturnType<typeof createTally>;

/** The number of rows of which some are created and some deleted. */
export function createTally(name: string) {
  const created = { invoked: 0, acknowledged: 0 };
  const deleted = { invoked: 0, acknowledged: 0 };
  return {
    created,
    deleted,
    expect(): Judge<number> {
      const { acknowledged } = created;
      const { acknowledged: gone } = deleted;
      return (count) => {
        const [lower, upper] = [acknowledged - deleted.invoked, created.invoked - gone];
        return count >= lower && count <= upper
          ? undefined
          : `${name}: expected ${lower} to ${upper}, got ${count}`;
      };
    },
  };
}

export type Collection = ReturnType<typeof createCollection>;

/** A set of named members to which members are only added. */
export function createCollection(name: string, { hasOutsideWriters }: LedgerOptions) {
  const invoked = new Set<string>();
  const acknowledged = new Set<string>();
  const acknowledge = (member: string) => void acknowledged.add(member);
  const expectCount = (): Judge<number> => {
    const lower = acknowledged.size;
    return (count) =>
      count >= lower && count <= invoked.size
        ? undefined
        : `${name}: expected ${lower} to ${invoked.size} in all, got ${count}`;
  };
  return {
    name,
    hasOutsideWriters,
    invoke: (member: string) => void invoked.add(member),
    acknowledge,
    size: () => invoked.size,
    expectCount,
    /** The judge of a complete list and its total, which must agree. */
    expectMembers(): Judge<{ readonly members: readonly string[]; readonly total: number }> {
      const judgeCount = expectCount();
      const { size } = acknowledged;
      return ({ members, total }) => {
        const present = new Set(members);
        let rest = size;
        // A set keeps its order, so its first `size` members were acknowledged before the read began.
        for (const member of acknowledged) {
          if (rest-- === 0) break;
          if (!present.has(member)) return `${name}: ${member} is missing among ${members.length}`;
        }
        const stranger = members.find((member) => !invoked.has(member));
        if (stranger !== undefined) return `${name}: nobody has added ${stranger}`;
        const problem = judgeCount(total);
        if (problem === undefined && !hasOutsideWriters) members.forEach(acknowledge);
        return problem;
      };
    },
  };
}

export type Presence = ReturnType<typeof createPresence>;

/** A row that is created once and deleted once, and must not reappear. */
export function createPresence(name: string) {
  const known = { isCreated: false, isDeletionInvoked: false, isDeleted: false };
  return {
    known,
    expect(): Judge<boolean> {
      const { isCreated, isDeleted } = known;
      return (isFound) => {
        if (isFound && isDeleted) return `${name}: it is deleted, and was found`;
        if (!isFound && isCreated && !known.isDeletionInvoked) return `${name}: it was not found`;
        return undefined;
      };
    },
  };
}
