import type { Epoch, Refusal, VersionTable } from "./versionTable.ts";

/** An instant of the version table. It is the stamp of answers whose read begins after it was learned. */
export interface Instant {
  readonly epoch: Epoch;
  readonly sequence: number;
}

/** Called with undefined if the cache can vouch for nothing, so that it is bypassed. Must not throw. */
export type ValidationCallback = (instant: Instant | undefined) => void;

export interface ValidatorOptions {
  readonly table: Pick<VersionTable, "since">;
  /** The epoch for which this process holds a read lease at this moment. */
  readonly heldEpoch: () => Epoch | undefined;
  /** Called for each tag that has changed, with its new version, or with undefined if it is pending. */
  readonly onChange: (tag: string, version: number | undefined) => void;
  /** Called when anything may have changed. */
  readonly onReset: () => void;
  readonly onRefusal?: (epoch: Epoch, refusal: Refusal) => void;
  readonly onError?: (error: unknown) => void;
  /** How long requests wait for the version table before they bypass the cache, in ms. */
  readonly timeoutMs?: number;
  /** How many changed tags are remembered for answers that are still being read. */
  readonly maxRecent?: number;
  /** Runs `work` once everything that is ready to run now has run. */
  readonly defer?: (work: () => void) => void;
}

export type Validator = ReturnType<typeof createValidator>;

/**
 * Keeps this process's copy of the version table, and brings it up to date for every request.
 *
 * A request may rely on the copy only as of an instant after the request's arrival. So a request never joins
 * a round trip that has already been sent. It waits for the next one, together with all requests that arrive
 * meanwhile. Only one round trip is under way at a time. That makes the batches as large as the load demands,
 * and keeps replies from overtaking each other. Requests wait in an array of callbacks: a promise for each
 * would cost more than the rest of a hit.
 */
export function createValidator(options: ValidatorOptions) {
  const { table, heldEpoch, onChange, onReset, onRefusal, onError } = options;
  const { timeoutMs = 50, maxRecent = 10_000, defer = setImmediate } = options;

  /** The instant that the copy describes. Undefined: there is no copy yet. */
  let current: Instant | undefined;
  let pending: ReadonlySet<string> = new Set();
  // The changes that were applied after `recentFloor`, oldest first. They decide whether an answer whose read
  // began at an earlier instant may still be used. Replies on different connections overtake each other, so a
  // change may have been applied before the answer arrives.
  const recent = new Map<string, number>();
  let recentFloor = 0;

  let waiting: ValidationCallback[] = [];
  let isBusy = false;
  let roundTrips = 0;
  let confirmations = 0;

  const send = () => {
    const batch = waiting;
    waiting = [];
    const epoch = heldEpoch();
    if (epoch === undefined) return finish(batch, undefined);
    roundTrips++;

    let isOver = false;
    const end = (work: () => Instant | undefined) => {
      // A reply after the time-out is ignored: the next one will contain the same changes.
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      finish(batch, work());
    };
    // The time-out takes effect one turn of the event loop later. If this process was too busy to look at its
    // sockets, the reply has arrived and is read in that turn. Without it, a busy moment would send every
    // request to the database and become a busy minute.
    const timer = setTimeout(() => setImmediate(end, () => undefined), timeoutMs);
    const known = current?.epoch === epoch ? current.sequence : -1;
    table.since(epoch, known).then(
      (reply) =>
        end(() => {
          if (typeof reply === "object") apply(epoch, reply);
          else if (reply !== "unchanged") {
            onRefusal?.(epoch, reply);
            return undefined;
          }
          // Checked only now: the lease must hold at a moment after the table's answer.
          if (heldEpoch() !== epoch) return undefined;
          confirmations++;
          return current;
        }),
      (error: unknown) =>
        end(() => {
          onError?.(error);
          return undefined;
        }),
    );
  };

  const finish = (batch: readonly ValidationCallback[], instant: Instant | undefined) => {
    for (const callback of batch) callback(instant);
    isBusy = waiting.length > 0;
    if (isBusy) defer(send);
  };

  const apply = (epoch: Epoch, changes: Exclude<Awaited<ReturnType<VersionTable["since"]>>, string>) => {
    const { sequence, versions } = changes;
    pending = new Set(changes.pending);
    if (versions === undefined) {
      recent.clear();
      recentFloor = sequence;
      onReset();
    } else {
      for (const [tag, version] of versions) {
        recent.delete(tag);
        recent.set(tag, version);
        onChange(tag, version);
      }
      for (const [tag, version] of recent) {
        if (recent.size <= maxRecent) break;
        recent.delete(tag);
        // The versions of one reply come in any order, so the floor is the highest version that was dropped.
        recentFloor = Math.max(recentFloor, version);
      }
      for (const tag of pending) onChange(tag, undefined);
    }
    current = { epoch, sequence };
  };

  return {
    /** Calls back with an instant between this call and the callback, or with undefined. */
    validate(callback: ValidationCallback): void {
      waiting.push(callback);
      if (isBusy) return;
      isBusy = true;
      defer(send);
    },

    /**
     * Whether an answer is valid at the instant that the copy describes, provided that it was valid at
     * `since`, or its read began then.
     */
    isCurrent(since: Instant, tags: readonly string[]): boolean {
      if (since.epoch !== current?.epoch || since.sequence < recentFloor) return false;
      // Nothing at all has changed since, and nothing is pending.
      if (since.sequence >= current.sequence && pending.size === 0) return true;
      return tags.every((tag) => !pending.has(tag) && (recent.get(tag) ?? 0) <= since.sequence);
    },

    /** Whether one of the tags has, or may have, a version above `since` at the instant the copy describes. */
    hasChanged(since: Instant, tags: readonly string[]): boolean {
      if (since.epoch !== current?.epoch || since.sequence < recentFloor) return true;
      return tags.some((tag) => (recent.get(tag) ?? 0) > since.sequence);
    },

    /** The instant that the copy describes. A read that begins now may be stamped with it. */
    current: (): Instant | undefined => current,

    /** Whether answers of that epoch may be served at this moment. */
    isHeld: (epoch: Epoch): boolean => heldEpoch() === epoch,

    roundTrips: (): number => roundTrips,

    /** How many round trips have resulted in an instant. */
    confirmations: (): number => confirmations,
  };
}
