import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, test, vi } from "vitest";
import { createCancel } from "../../src/database/cancellation.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";

test("a cancellation that could not be sent is forgotten: later it would end another statement", async () => {
  const { url } = await createTestDatabase();
  let isRefusing = true;
  const gate = createServer((socket: Socket) => {
    if (isRefusing) return void socket.destroy();
    const server = connect(Number(new URL(url).port), new URL(url).hostname);
    for (const end of [socket, server]) end.on("error", () => end.destroy());
    socket.pipe(server).pipe(socket);
  });
  await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve));
  atEndOfFile(async () => void gate.close());
  // Safe: a server that listens on a port has such an address.
  const throughGate = Object.assign(new URL(url), {
    host: `127.0.0.1:${(gate.address() as { port: number }).port}`,
  });
  const log = { warn: vi.fn() };
  const cancel = createCancel(throughGate.href, log);

  const clients = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })];
  await Promise.all(clients.map((client) => client.connect()));
  // Safe: a connected client has the id of its server process, which the types leave out.
  const [first, second] = clients.map((client) => (client as unknown as { processID: number }).processID);
  try {
    await cancel(first!);
    expect(log.warn).toHaveBeenCalledOnce();

    isRefusing = false;
    const [another, slow] = clients.map((client) => client.query("SELECT pg_sleep(2)"));
    const slowFails = expect(slow).rejects.toThrow("canceling statement due to user request");
    const anotherEnds = expect(another).resolves.toBeDefined();
    await sleep(200);
    await cancel(second!);
    await slowFails;
    await anotherEnds;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
});
