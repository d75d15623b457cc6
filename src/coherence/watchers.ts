import { withTypeTags } from "./tags.ts";
import type { Instant, Validator } from "./validator.ts";

export interface WatchersOptions {
  readonly validator: Pick<Validator, "validate" | "hasChanged" | "confirmations">;
  /** How often the version table is asked while there are watchers and no request asks it, in ms. */
  readonly pollMs?: number;
  /** After how long a watcher is told to look for itself while the cache can vouch for nothing, in ms. */
  readonly fallbackMs?: number;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

interface Watcher {
  readonly group: Group;
  /** Undefined: the cache could vouch for nothing when the watch began. */
  readonly since: Instant | undefined;
  readonly armedAt: number;
  readonly onChange: () => void;
}

/**
 * Watchers of the same list of tags. Watchers of one answer pass the same array, so they share its entries in
 * the index: the memory for them and the work.
 */
interface Group {
  readonly key: readonly string[];
  readonly tags: readonly string[];
  readonly watchers: Set<Watcher>;
}

export type Watchers = ReturnType<typeof createWatchers>;

/**
 * Calls each watcher back once when one of its tags has changed. A change costs one step per watcher of its
 * tag, however many other tags are watched.
 *
 * A call means that the watcher must look again, not that there is certainly something new. After a reset of
 * this process's copy of the version table, or while the table cannot be asked, every watcher is called.
 */
export function createWatchers(options: WatchersOptions) {
  const { validator, pollMs = 100, fallbackMs = 2_000, now = () => performance.now() } = options;
  const groups = new Map<readonly string[], Group>();
  const index = new Map<string, Set<Group>>();
  /** In the order in which they began, which is also the order in which `fallbackMs` expires for them. */
  const armed = new Set<Watcher>();
  /** The armed watchers without an instant: the cache could vouch for nothing when they began. */
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

  /**
   * Calls back in a microtask: changes arrive while the validator is still applying them, and the callback
   * may ask the validator again.
   */
  const fire = (watcher: Watcher): void => {
    disarm(watcher);
    queueMicrotask(watcher.onChange);
  };

  /** Called when the version table has answered: the watchers without an instant have to look again. */
  const onAnswer = (): void => {
    confirmations = validator.confirmations();
    for (const watcher of unvouched) fire(watcher);
  };

  /** Called when the table could not be asked: fires watchers that began `fallbackMs` ago or earlier. */
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
     * Calls back once when any of the tags has got a version above `since`, or may have, also if that was
     * before this call. A pending tag has not changed yet.
     *
     * @param tags pass the same array for the same answer, so that its watchers share one group
     * @param since undefined: the cache could vouch for nothing, so the watcher is called once the version
     *   table answers, or after `fallbackMs`
     * @returns ends the watch; without effect once `onChange` has been called
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

    /** Called when the validator applies a change. `version` undefined: the tag is pending. */
    onChange(tag: string, version: number | undefined): void {
      const found = version === undefined ? undefined : index.get(tag);
      if (found === undefined) return;
      for (const { watchers } of [...found]) {
        for (const watcher of watchers) {
          if (watcher.since === undefined || watcher.since.sequence < version!) fire(watcher);
        }
      }
    },

    /** Called when anything may have changed. */
    onReset(): void {
      for (const watcher of armed) fire(watcher);
    },

    /** Called when something has probably changed: asks the version table at once if there are watchers. */
    wake(): void {
      if (armed.size > 0) validator.validate(() => {});
    },

    count: (): number => armed.size,

    /** Ends all watches without calling back. */
    close(): void {
      isClosed = true;
      for (const watcher of armed) disarm(watcher);
    },
  };
}
