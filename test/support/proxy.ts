import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { atEndOfFile } from "./cleanup.ts";

const PROBE_EVERY_MS = 100;

/**
 * A small load balancer. It sends requests in turn to the upstreams whose `/readyz` answers 200, over
 * keep-alive connections. It never sends a request twice, so the client sees every request that an upstream
 * drops.
 */
export async function startProxy(upstreams: readonly string[]) {
  const agent = new Agent({ keepAlive: true });
  let ready: readonly string[] = [];
  let turn = 0;
  let isOver = false;

  const server = createServer((req, res) => {
    const upstream = ready[turn++ % ready.length];
    if (upstream === undefined) return void res.writeHead(503).end();
    const { url: path, method, headers } = req;
    const forwarded = request(upstream + path, { agent, method, headers }, (answer) => {
      const { connection: _, ...rest } = answer.headers;
      res.writeHead(answer.statusCode!, rest);
      answer.pipe(res);
      answer.on("error", () => res.destroy());
    });
    forwarded.on("error", () => res.destroy());
    req.pipe(forwarded);
  });
  const isReady = (upstream: string) =>
    fetch(`${upstream}/readyz`, { headers: { connection: "close" } }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
  const probe = async () => {
    const answers = await Promise.all(upstreams.map(isReady));
    ready = upstreams.filter((_, index) => answers[index]);
  };
  await probe();
  const probing = (async () => {
    for (; !isOver; await sleep(PROBE_EVERY_MS)) await probe();
  })();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEndOfFile(async () => {
    isOver = true;
    await probing;
    server.close();
    server.closeAllConnections();
    agent.destroy();
  });
  // Safe: a server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, ready: () => ready };
}
