export interface BatchingOptions<Item> {
  /** Begins a batch. What it returns is asked for each item in turn, and takes it or does not; it takes the first. */
  readonly open: () => (item: Item) => boolean;
  readonly send: (batch: readonly Item[]) => void;
  /** Runs a function once everything that is ready to run now has run. */
  readonly defer?: ((work: () => void) => void) | undefined;
}

/**
 * Collects what comes in the same moment, from all requests, and sends it in batches: a call of its own for every item
 * would cost as much as all of them together.
 */
export function createBatching<Item>({ open, send, defer = setImmediate }: BatchingOptions<Item>) {
  let waiting: Item[] = [];

  const sendAll = (): void => {
    const items = waiting;
    waiting = [];
    let batch: Item[] = [];
    let takes = open();
    for (const item of items) {
      if (!takes(item) && batch.length > 0) {
        send(batch);
        batch = [];
        takes = open();
        takes(item);
      }
      batch.push(item);
    }
    send(batch);
  };

  return (item: Item): void => {
    if (waiting.length === 0) defer(sendAll);
    waiting.push(item);
  };
}
