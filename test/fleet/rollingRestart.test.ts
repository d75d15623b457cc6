import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { composeOf, textOf } from "../deploy/files.ts";
import { AS_ADMINISTRATOR } from "../support/access.ts";
import { findProgram } from "../support/binaries.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { openEvents } from "../support/events.ts";
import { startLoad } from "../support/load.ts";
import { startCommand } from "../support/process.ts";
import { startProxy } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { keyOf } from "../support/rows.ts";
import { findFreePort } from "../support/server.ts";
import { createServedDatabase, startServing } from "../support/serving.ts";

const PROJECTS = 4;
const READERS = 16;
const PATIENT = { timeout: 60_000 };

/** Two services on one database and one Redis. */
async function startTwo(settings: Readonly<Record<string, string>>) {
  const DATABASE_URL = await createServedDatabase(PROJECTS);
  const redis = await startRedis();
  const env = { ...settings, DATABASE_URL, REDIS_URL: redis.url };
  return { env, services: await Promise.all([startServing(env), startServing(env)]) };
}

/**
 * Restarts the services one after the other, while clients read and write at the address. `left` and `joined`
 * resolve when the load balancer has taken a service out and in again.
 */
async function restartUnderLoad(
  { env, services }: Awaited<ReturnType<typeof startTwo>>,
  origin: string,
  { left, joined }: { left: (origin: string) => Promise<void>; joined: (origin: string) => Promise<void> },
) {
  const load = startLoad({ origin: () => origin, readers: READERS, writers: PROJECTS, pauseMs: 10 });
  const goOn = async () => {
    const [then, failed] = [load.reads(), load.failures().length];
    await expect.poll(() => load.reads() - then, PATIENT).toBeGreaterThan(200);
    expect(load.failures()).toHaveLength(failed);
  };
  await goOn();
  for (const { port, origin, stop } of services) {
    expect(await stop()).toEqual({ code: 0, signal: null });
    await left(origin);
    await goOn();
    await startServing(env, { port });
    await joined(origin);
    await goOn();
  }
  return load.stop();
}

test("two services behind a load balancer with probes are restarted without a failed request or a stale answer", {
  timeout: 300_000,
}, async () => {
  // Longer than the load balancer takes to notice, however busy the machine is.
  const two = await startTwo({ SHUTDOWN_DELAY: "3000" });
  const proxy = await startProxy(two.services.map(({ origin }) => origin));
  expect(proxy.ready()).toHaveLength(2);
  const { reads, hits, writes, stale, failures } = await restartUnderLoad(two, proxy.origin, {
    left: async (origin) => expect(proxy.ready()).not.toContain(origin),
    joined: async (origin) => expect.poll(proxy.ready, PATIENT).toContain(origin),
  });
  console.log(`two services restarted: ${reads} reads (${hits} hits), ${writes} writes, none failed`);
  expect(stale).toEqual([]);
  expect(failures).toEqual([]);
});

const nginx = findProgram("nginx");

/** Starts nginx with deploy/nginx.conf, in which only addresses and paths are replaced. */
async function startNginx(upstreams: readonly number[]) {
  const folder = mkdtempSync(join(tmpdir(), "stack-converter-nginx-"));
  atEndOfFile(() => rm(folder, { recursive: true, force: true }));
  const port = await findFreePort();
  const [first, second] = upstreams;
  const config = textOf("deploy/nginx.conf")
    .replace("api-1:4000", `127.0.0.1:${first}`)
    .replace("api-2:4000", `127.0.0.1:${second}`)
    .replace("listen 4000", `listen 127.0.0.1:${port}`)
    .replace(
      "worker_processes auto;",
      `worker_processes 1; daemon off; pid ${folder}/pid; error_log stderr warn;`,
    )
    .replace(
      "http {",
      `http {
        access_log off;
        ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")}`,
    );
  writeFileSync(join(folder, "nginx.conf"), config);
  // nginx writes its complaints to this program's output.
  const program = startCommand(nginx!, {
    args: ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")],
  });
  const origin = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${origin}/livez`).then(
      ({ status }) => status,
      () => program.output(),
    );
  await expect.poll(answers, PATIENT).toBe(200);
  return origin;
}

describe.skipIf(nginx === undefined)("behind nginx, as deploy/ configures it", () => {
  const settings = composeOf("deploy/compose.yaml").services["api-1"].environment as Record<string, string>;
  const own = { SHUTDOWN_DELAY: settings.SHUTDOWN_DELAY!, TRUST_PROXY: "loopback" };

  test("two services are restarted, requests fail only as a port closes, and events are not held back", {
    timeout: 300_000,
  }, async () => {
    const two = await startTwo(own);
    const origin = await startNginx(two.services.map(({ port }) => port));
    const stream = await openEvents(
      `${origin}/graphql`,
      `query @live { project(id: "Project:${keyOf(1)}") { name } }`,
      {},
      AS_ADMINISTRATOR,
    );
    await stream.until(1);
    expect((await fetch(`${origin}/metrics`)).status).toBe(404);

    const { reads, hits, writes, stale, failures } = await restartUnderLoad(two, origin, {
      left: async () => {},
      // The time after which nginx tries the service again.
      joined: () => sleep(2_500),
    });
    console.log(
      `two services behind nginx restarted: ${reads} reads (${hits} hits), ${writes} writes, ${failures.length} failed`,
    );
    expect(stream.messages.length).toBeGreaterThan(5);
    expect(await stream.ended).toBe("cut");
    expect(stale).toEqual([]);
    expect(failures.filter(({ code }) => code !== "HTTP 502")).toEqual([]);
    // At most one per connection that waits at the moment when a service closes its port, for two services.
    expect(failures.length).toBeLessThanOrEqual(2 * (READERS + PROJECTS));
  });
});
