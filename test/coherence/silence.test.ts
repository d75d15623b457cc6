import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { expect, test } from "vitest";
import { createCoherence } from "../../src/coherence/coherence.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";

/** A TCP proxy that can forget its connections, as a firewall does: nobody is told, and no byte passes any more. */
async function startForgetfulProxy(target: { host: string; port: number }) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEndOfFile(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    forget(): void {
      for (const socket of sockets) socket.unpipe().resume();
    },
  };
}

test("the cache serves again, and closes, after its connections to PostgreSQL have silently ceased to work", async () => {
  const url = new URL((await createTestDatabase()).url);
  const proxy = await startForgetfulProxy({ host: url.hostname, port: Number(url.port) });
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  const coherence = createCoherence({
    connectionString: url.href,
    redis: undefined,
    namespace: "t",
    transaction: async () => {
      throw new Error("not used");
    },
    isEnabled: true,
    maxBytes: 1_000_000,
    log: pino({ level: "silent" }),
  });
  coherence.start({ listen: undefined });
  const obstacle = async () => (await coherence.status()).obstacle;
  await expect.poll(obstacle, { timeout: 20_000 }).toBeUndefined();

  proxy.forget();
  await expect.poll(obstacle, { timeout: 10_000 }).toBeDefined();
  await expect.poll(obstacle, { timeout: 30_000 }).toBeUndefined();

  proxy.forget();
  const closed = await Promise.race([coherence.close().then(() => "closed"), sleep(30_000, "hangs")]);
  expect(closed).toBe("closed");
}, 120_000);
