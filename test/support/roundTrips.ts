import { connect, createServer, type Socket } from "node:net";
import { atEndOfFile } from "./cleanup.ts";

/** A TCP proxy that counts round trips: how often the client sends after the server has sent. */
export async function countRoundTrips(serverUrl: string) {
  const { hostname, port } = new URL(serverUrl);
  let roundTrips = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isClientsTurn = true;
    client.on("data", (chunk) => {
      if (isClientsTurn) roundTrips++;
      isClientsTurn = false;
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      isClientsTurn = true;
      client.write(chunk);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEndOfFile(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port.");
  const url = new URL(serverUrl);
  url.host = `127.0.0.1:${address.port}`;
  return {
    /** The server's address through the proxy. */
    url: url.href,
    /** Counts the round trips that `work` takes. Nothing else may use the proxy meanwhile. */
    async count(work: () => Promise<unknown>): Promise<number> {
      const before = roundTrips;
      await work();
      return roundTrips - before;
    },
  };
}
