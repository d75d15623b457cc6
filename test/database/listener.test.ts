import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { listenUntilAborted } from "../../src/database/listener.ts";
import { atEndOfFile } from "../support/cleanup.ts";

test("listening ends when it is aborted, also while a server that says nothing is connected to", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEndOfFile(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };

  const stopping = new AbortController();
  const errors: unknown[] = [];
  const listening = listenUntilAborted(
    {
      connectionString: `postgres://user@127.0.0.1:${port}/database`,
      channel: "test",
      onNotification: () => {},
      onError: (error) => errors.push(error),
    },
    stopping.signal,
  );
  await once(server, "connection");
  stopping.abort();
  expect(await Promise.race([listening.then(() => "ended"), sleep(5_000, "hangs")])).toBe("ended");
  expect(errors).toEqual([]);
});
