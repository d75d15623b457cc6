import { expect, test } from "vitest";
import { startLoad } from "../support/load.ts";
import { startProxy } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { createServedDatabase, startServing } from "../support/serving.ts";

const PROJECTS = 4;

test("two services behind a load balancer are restarted one after the other without a failed request or an old answer", {
  timeout: 120_000,
}, async () => {
  const DATABASE_URL = await createServedDatabase(PROJECTS);
  const redis = await startRedis();
  // Longer than it takes the load balancer to notice, however busy the machine is.
  const env = { DATABASE_URL, REDIS_URL: redis.url, SHUTDOWN_DELAY: "3000" };
  const services = await Promise.all([startServing(env), startServing(env)]);
  const proxy = await startProxy(services.map(({ origin }) => origin));
  expect(proxy.ready()).toHaveLength(2);
  const load = startLoad({ origin: () => proxy.origin, readers: 16, writers: PROJECTS, pauseMs: 10 });
  const goOn = async () => {
    const { length } = load.failures();
    const then = load.reads();
    await expect.poll(() => load.reads() - then, { timeout: 20_000 }).toBeGreaterThan(200);
    expect(load.failures()).toHaveLength(length);
  };
  await goOn();

  for (const { port, origin, stop } of services) {
    expect(await stop()).toEqual({ code: 0, signal: null });
    expect(proxy.ready()).not.toContain(origin);
    await goOn();
    await startServing(env, { port });
    await expect.poll(proxy.ready, { timeout: 20_000 }).toHaveLength(2);
    await goOn();
  }
  const { reads, hits, writes, stale, failures } = await load.stop();
  console.log(`two services restarted: ${reads} reads (${hits} hits), ${writes} writes, none failed`);
  expect(stale).toEqual([]);
  expect(failures).toEqual([]);
});
