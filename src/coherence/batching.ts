export interface BatchingOptions<Item> {
  /**
   * Begins a batch. The function that it returns is called with each item in turn, and returns whether the
   * batch takes it. A batch takes its first item whatever the function returns.
   */
  readonly open: () => (item: Item) => boolean;
  readonly send: (batch: readonly Item[]) => void;
  /** Runs `work` once everything that is ready to run now has run. */
  readonly defer?: ((work: () => void) => void) | undefined;
}

/**
 * Collects the items of all requests that arrive in the same turn of the event loop, and sends them in
 * batches. One call per item would cost as much for each as a single call for all.
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
