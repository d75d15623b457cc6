import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { createHeartbeat, EventStream, type Message } from "../../src/server/eventStream.ts";

/** Numbered messages. `asked` counts how many were asked for. */
function createMessages(count: number) {
  const messages = {
    asked: 0,
    hasReturned: false,
    async next(): Promise<IteratorResult<Message>> {
      const n = ++messages.asked;
      if (n > count) return { done: true, value: undefined };
      const text = JSON.stringify({ data: { n } });
      return { done: false, value: { data: { n }, stringify: () => text, eventId: String(n) } };
    },
    async return(): Promise<IteratorResult<Message>> {
      messages.hasReturned = true;
      return { done: true, value: undefined };
    },
  };
  return messages;
}

it("an event stream asks for a message only when the previous one was taken, however long that takes", async () => {
  const messages = createMessages(1_000);
  const stream = new EventStream(messages, createHeartbeat());
  for (let round = 0; round < 20; round++) await turn();
  expect(messages.asked).toBe(0);
  expect(String(stream.read())).toBe(":\n\n");
  for (let round = 0; round < 20; round++) await turn();
  expect(messages.asked).toBe(1);
  expect(String(stream.read())).toBe('event: next\nid: 1\ndata: {"data":{"n":1}}\n\n');
  for (let round = 0; round < 20; round++) await turn();
  expect(messages.asked).toBe(2);
  stream.destroy();
  await turn();
  expect(messages.hasReturned).toBe(true);
});

it("an event stream ends with a `complete` event, and sends heartbeats while it is silent", async () => {
  const chunks: string[] = [];
  for await (const chunk of new EventStream(createMessages(1), createHeartbeat())) chunks.push(String(chunk));
  expect(chunks).toEqual([
    ":\n\n",
    'event: next\nid: 1\ndata: {"data":{"n":1}}\n\n',
    "event: complete\ndata:\n\n",
  ]);

  const silent = { next: () => new Promise<IteratorResult<Message>>(() => {}) };
  const stream = new EventStream(silent, createHeartbeat(1));
  let beats = 0;
  for await (const chunk of stream) {
    expect(String(chunk)).toBe(":\n\n");
    if (++beats === 3) break;
  }
  expect(stream.destroyed).toBe(true);
});
