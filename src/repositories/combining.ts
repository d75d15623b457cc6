import { createGroups } from "../database/groups.ts";
import { isUnavailable } from "../errors.ts";

/**
 * How calls that come at the same moment do not get in each other's way.
 *
 * A transaction costs about the same for one job as for ten, and two at a time wait for each other's
 * locks, each as long as the other's commit takes. So on one instance the same kind of work is done one
 * after the other, and what has gathered meanwhile is done together: 16 workers finished three times as many jobs.
 */

/** At most so many jobs in one run, unless one call alone has more. */
const MAX_SIZE = 500;

export interface CombineOptions<Item> {
  /** Calls are run together whose items have the same; all, unless given. */
  readonly keyOf?: (item: Item) => string;
  /** How many jobs an item is about; one, unless given. */
  readonly sizeOf?: (item: Item) => number;
}

interface Call<Item, Outcome> {
  readonly items: readonly Item[];
  readonly resolve: (outcomes: Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs calls together. No two items of a run have the same id: the second call has to wait for what the first
 * one does. When a run of several calls fails, each is run by itself, so that it fails for its own reasons alone. When
 * the database does not answer, nothing is run again: each would wait for it in turn, and where nobody knows whether it has committed, a
 * claim would be made twice.
 *
 * @param run gives one outcome for each item, in order; a call has one item at least
 */
export function combineCalls<Item extends { readonly id: string }, Outcome>(
  run: (items: readonly Item[]) => Promise<Outcome[]>,
  { keyOf = () => "", sizeOf = () => 1 }: CombineOptions<Item> = {},
) {
  function takeGroup(waiting: Call<Item, Outcome>[]): Call<Item, Outcome>[] {
    const group: Call<Item, Outcome>[] = [];
    const rest: Call<Item, Outcome>[] = [];
    const ids = new Set<string>();
    let key: string | undefined;
    let size = 0;
    for (const call of waiting.splice(0)) {
      const more = call.items.reduce((sum, item) => sum + sizeOf(item), 0);
      key ??= keyOf(call.items[0]!);
      const fits =
        group.length === 0 ||
        (size + more <= MAX_SIZE && call.items.every((item) => keyOf(item) === key && !ids.has(item.id)));
      if (!fits) {
        rest.push(call);
        continue;
      }
      group.push(call);
      size += more;
      for (const { id } of call.items) ids.add(id);
    }
    waiting.push(...rest);
    return group;
  }

  async function runGroup(group: readonly Call<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await run(group.flatMap(({ items }) => items));
      let from = 0;
      for (const { items, resolve } of group) {
        resolve(outcomes.slice(from, from + items.length));
        from += items.length;
      }
    } catch (error) {
      if (group.length === 1 || isUnavailable(error)) for (const { reject } of group) reject(error);
      else for (const call of group) await runGroup([call]);
    }
  }
  const add = createGroups(takeGroup, runGroup);

  return (items: readonly Item[]): Promise<Outcome[]> =>
    new Promise((resolve, reject) => {
      add({ items, resolve, reject });
    });
}
