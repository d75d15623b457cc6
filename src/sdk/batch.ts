/**
 * Combines items that are added at the same moment, or while a call is in flight, into one call. There is one
 * call at a time, with at most `maxItems` items, and at most `maxBytes` unless a single item has more. The
 * results are in the items' order.
 */
export function createBatch<Item, Result>(
  send: (items: readonly Item[]) => Promise<readonly Result[]>,
  {
    maxItems,
    maxBytes = Number.POSITIVE_INFINITY,
    bytesOf = () => 0,
  }: { maxItems: number; maxBytes?: number; bytesOf?: (item: Item) => number },
): (item: Item) => Promise<Result> {
  interface Waiting {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }
  const waiting: Waiting[] = [];
  let isSending = false;

  function take(): readonly Waiting[] {
    let size = 0;
    let bytes = 0;
    for (const { item } of waiting) {
      bytes += bytesOf(item);
      if (size === maxItems || (size > 0 && bytes > maxBytes)) break;
      size++;
    }
    return waiting.splice(0, size);
  }

  async function sendAll(): Promise<void> {
    isSending = true;
    // Items that are added in the same turn join this call.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = take();
      try {
        const results = await send(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, index) => {
          // Safe: the service answers for each item.
          resolve(results[index] as Result);
        });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isSending = false;
  }

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isSending) void sendAll();
    });
}
