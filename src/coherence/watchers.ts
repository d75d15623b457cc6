import { withTypeTags } from "./tags.ts";
import type { Instant, Validator } from "./validator.ts";

export interface WatchersOptions {
  readonly validator: Pick<Validator, "validate" | "hasChanged" | "confirmations">;
  /** While somebody watches, so often the version table is asked when nobody else asks, in ms. */
  readonly pollMs?: number;
  /** While the cache can vouch for nothing, a watcher is told after so long to look for itself, in ms. */
  readonly fallbackMs?: number;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

interface Watcher {
  readonly group: Group;
  /** Undefined: nothing could be said when it began. */
  readonly since: Instant | undefined;
  readonly armedAt: number;
  readonly onChange: () => void;
}

/**
 * Watchers of the same list of tags: viewers of one answer share its list, and so the memory and the
 * work of its place in the index.
 */
interface Group {
  readonly key: readonly string[];
  readonly tags: readonly string[];
  readonly watchers: Set<Watcher>;
}

export type Watchers = ReturnType<typeof createWatchers>;

/**
 * Tells those who wait for a change that it has come, once each. A change costs a step for each
 * watcher of its tag, whatever else is watched.
 *
 * What a watcher is told is that it must look again, not that there is something new: after a
 * reset of the version table, or without one, all are told so.
 */
export function createWatchers(options: WatchersOptions) {
  const { validator, pollMs = 100, fallbackMs = 2_000, now = () => performance.now() } = options;
  const groups = new Map<readonly string[], Group>();
  const index = new Map<string, Set<Group>>();
  /** In the order in which they began, which is the order in which they fall due without a version table. */
  const armed = new Set<Watcher>();
  /** Those of them that nobody vouched for when they began. */
  const unvouched = new Set<Watcher>();
  let timer: NodeJS.Timeout | undefined;
  let confirmations = 0;
  let isClosed = false;

  const groupOf = (key: readonly string[]): Group => {
    let group = groups.get(key);
    if (group === undefined) {
      group = { key, tags: withTypeTags(key), watchers: new Set() };
      groups.set(key, group);
      for (const tag of group.tags) {
        const found = index.get(tag);
        if (found === undefined) index.set(tag, new Set([group]));
        else found.add(group);
      }
    }
    return group;
  };

  const disarm = (watcher: Watcher): void => {
    if (!armed.delete(watcher)) return;
    unvouched.delete(watcher);
    const { group } = watcher;
    group.watchers.delete(watcher);
    if (group.watchers.size === 0) {
      groups.delete(group.key);
      for (const tag of group.tags) {
        const found = index.get(tag)!;
        found.delete(group);
        if (found.size === 0) index.delete(tag);
      }
    }
    if (armed.size === 0) {
      clearTimeout(timer);
      timer = undefined;
    }
  };

  /** Later: changes are told while the validator applies them, and who is told may ask it again. */
  const fire = (watcher: Watcher): void => {
    disarm(watcher);
    queueMicrotask(watcher.onChange);
  };

  /** The version table has answered: whoever could not be vouched for has to look again. */
  const onAnswer = (): void => {
    confirmations = validator.confirmations();
    for (const watcher of unvouched) fire(watcher);
  };

  const onSilence = (): void => {
    for (const watcher of armed) {
      if (now() - watcher.armedAt < fallbackMs) return;
      fire(watcher);
    }
  };

  const poll = (): void => {
    if (validator.confirmations() !== confirmations) {
      onAnswer();
      schedule();
      return;
    }
    validator.validate((instant) => {
      if (instant === undefined) onSilence();
      else onAnswer();
      schedule();
    });
  };

  const schedule = (): void => {
    if (armed.size > 0 && !isClosed) timer = setTimeout(poll, pollMs).unref();
  };

  return {
    /**
     * Calls back once when any of the tags has got a version above `since`, or may have; also when it
     * has already. A pending tag has not changed yet.
     *
     * @param tags the same array for the same answer, where there is one: then its watchers share it
     * @param since undefined: nothing could be said, so the caller looks again from time to time
     * @returns ends the watch; without effect after the call
     */
    watch(tags: readonly string[], since: Instant | undefined, onChange: () => void): () => void {
      if (isClosed) return () => {};
      const group = groupOf(tags);
      const watcher: Watcher = { group, since, armedAt: now(), onChange };
      group.watchers.add(watcher);
      armed.add(watcher);
      if (since === undefined) unvouched.add(watcher);
      else if (validator.hasChanged(since, group.tags)) fire(watcher);
      if (timer === undefined) {
        confirmations = validator.confirmations();
        schedule();
      }
      return () => disarm(watcher);
    },

    /** The validator has applied a change: up to a version, or (undefined) the tag is pending. */
    onChange(tag: string, version: number | undefined): void {
      const found = version === undefined ? undefined : index.get(tag);
      if (found === undefined) return;
      for (const { watchers } of [...found]) {
        for (const watcher of watchers) {
          if (watcher.since === undefined || watcher.since.sequence < version!) fire(watcher);
        }
      }
    },

    /** Anything may have changed. */
    onReset(): void {
      for (const watcher of armed) fire(watcher);
    },

    /** There is probably something new: asks at once, if anybody watches. */
    wake(): void {
      if (armed.size > 0) validator.validate(() => {});
    },

    count: (): number => armed.size,

    /** Forgets all watchers without a call. */
    close(): void {
      isClosed = true;
      for (const watcher of armed) disarm(watcher);
    },
  };
}
