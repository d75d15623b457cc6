import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { redisUrl, startRedis } from "./redis.ts";

test("the run's Redis answers", async () => {
  expect(await command(redisUrl(), "PING")).toBe("PONG");
});

test("a private Redis forgets its keys when it is killed, and comes back on the same port", async () => {
  const server = await startRedis();
  await command(server.url, "SET", "key", "value");
  expect(await command(server.url, "GET", "key")).toBe("value");

  await server.kill();
  expect(server.pid()).toBeUndefined();
  await expect(command(server.url, "PING")).rejects.toThrow("Connection is closed.");

  await server.restart();
  expect(await command(server.url, "GET", "key")).toBeNull();
});

test("a private Redis takes arguments, and with a log of its writes it keeps its keys", async () => {
  const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  await command(server.url, "SET", "key", "value");

  await server.kill();
  await server.restart();
  expect(await command(server.url, "GET", "key")).toBe("value");

  await server.restart(); // While it runs.
  expect(await command(server.url, "GET", "key")).toBe("value");
});

async function command(url: string, name: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null });
  redis.on("error", () => {}); // `connect` rejects with the same error.
  try {
    await redis.connect();
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}
