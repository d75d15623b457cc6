import type { Redis } from "ioredis";
import { startRedis } from "../support/redis.ts";
import { controlClient, until } from "./fixtures.ts";

export const SLOTS = 16_384;

/**
 * Starts three masters, as `redis-cli --cluster create` would set them up. One of them has a replica.
 *
 * @param options.replicated the index of that master; by default the last
 */
export async function startCluster({ replicated = 2, nodeTimeoutMs = 500 } = {}) {
  const args = [
    "--cluster-enabled",
    "yes",
    // Before the first MEET a node does not know its own address, and leaves itself out of CLUSTER SLOTS.
    "--cluster-announce-ip",
    "127.0.0.1",
    // Short, because a lost master is replaced only after about twice this time.
    "--cluster-node-timeout",
    String(nodeTimeoutMs),
    "--cluster-replica-validity-factor",
    "0",
  ];
  const servers = await Promise.all(Array.from({ length: 4 }, () => startRedis({ args })));
  const clients = servers.map(({ url }) => controlClient(url));
  const [a, b, c, replica] = clients as [Redis, Redis, Redis, Redis];
  const share = Math.ceil(SLOTS / 3);
  for (const [i, client] of [a, b, c].entries()) {
    await client.cluster("ADDSLOTSRANGE", i * share, Math.min((i + 1) * share, SLOTS) - 1);
    // Nodes with equal epochs would resolve that later, by a change of identity in the middle of a test.
    await client.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
  }
  for (const { port } of servers.slice(1)) await a.cluster("MEET", "127.0.0.1", port);
  const masterId = String(await clients[replicated]!.call("CLUSTER", "MYID"));
  await until(async () => String(await replica.call("CLUSTER", "NODES")).includes(masterId));
  await replica.cluster("REPLICATE", masterId);
  const isWhole = async (client: Redis) => {
    const info = String(await client.call("CLUSTER", "INFO"));
    return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:4");
  };
  for (const client of clients) await until(() => isWhole(client));
  await until(async () => String(await replica.info("replication")).includes("master_link_status:up"));
  const url = `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  return { servers, clients, masters: [a, b, c], url };
}
