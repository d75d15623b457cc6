import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { AS_ADMINISTRATOR } from "../support/access.ts";
import { startLoad } from "../support/load.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { type Program, startCommand } from "../support/process.ts";
import { startRedis } from "../support/redis.ts";
import { createServedDatabase, startServing } from "../support/serving.ts";

vi.setConfig({ testTimeout: 240_000 });

const PROJECTS = 4;
/** Generous, because the machine may be busy. */
const PATIENT = { timeout: 60_000 };
const METRICS_TOKEN = "0123456789abcdef";

/** The workers' process ids, from the last log line that lists them. */
function workersOf({ output }: Program): number[] {
  const lines = output()
    .split("\n")
    .filter((line) => line.includes('"the workers answer"'));
  return (JSON.parse(lines.at(-1)!) as { workers: number[] }).workers;
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("with WEB_CONCURRENCY=2", () => {
  let service: Awaited<ReturnType<typeof startServing>>;
  let databaseUrl: string;

  beforeAll(async () => {
    databaseUrl = await createServedDatabase(PROJECTS);
    const redis = await startRedis();
    service = await startServing(
      {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redis.url,
        WEB_CONCURRENCY: "2",
        METRICS_TOKEN,
        SHUTDOWN_DELAY: "200",
      },
      { until: '"the workers answer"' },
    );
  });
  const load = (readers: number) =>
    startLoad({ origin: () => service.origin, readers, writers: PROJECTS, pauseMs: 10 });

  test("two processes answer on one port, and either reports the metrics of both", async () => {
    const ask = async () => {
      const response = await fetch(`${service.origin}/metrics`, {
        headers: { authorization: `Bearer ${METRICS_TOKEN}`, connection: "close" },
      });
      return response.text();
    };
    const counted = (text: string, worker: number) =>
      new RegExp(`^stack_converter_http_requests_total\\{.*worker="${worker}"\\} [1-9]`, "m").test(text);
    // The kernel decides which worker gets a connection. Of many at once, each gets some sooner or later.
    const bothHaveAnswered = async () => {
      await Promise.all(Array.from({ length: 20 }, ask));
      const text = await ask();
      return [1, 2].map((worker) => counted(text, worker));
    };
    await expect.poll(bothHaveAnswered, PATIENT).toEqual([true, true]);
    const text = await ask();
    for (const worker of [1, 2]) expect(text).toContain(`process_cpu_seconds_total{worker="${worker}"} `);
    expect(text.match(/^# TYPE process_cpu_seconds_total /gm)).toHaveLength(1);
  });

  test("a killed worker loses only its own connections, and another takes its place", async () => {
    const running = load(16);
    await expect.poll(running.reads, PATIENT).toBeGreaterThan(100);
    const [killed] = workersOf(service);
    process.kill(killed!, "SIGKILL");
    await service.waitForLine("another will take its place");
    const readsThen = running.reads();
    await expect.poll(running.reads, PATIENT).toBeGreaterThan(readsThen + 500);
    // The port was never closed.
    const clients = 16 + PROJECTS;
    await expect.poll(() => isAlive(killed!), PATIENT).toBe(false);
    const { stale, failures } = await running.stop();
    expect(stale).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(clients);
    expect(
      [...new Set(failures.map(({ code }) => code))].filter(
        (code) => code !== "ECONNRESET" && code !== "EPIPE",
      ),
    ).toEqual([]);
  });

  test("SIGHUP replaces the workers one after another without a failed request", async () => {
    // The worker that was killed in the previous test has a successor by now, or soon.
    await expect
      .poll(
        async () => (await metricsText(service.origin)).match(/^process_cpu_seconds_total\{/gm)?.length,
        PATIENT,
      )
      .toBe(2);
    const before = workersOf(service);
    const running = load(16);
    await expect.poll(running.reads, PATIENT).toBeGreaterThan(100);
    process.kill(service.pid, "SIGHUP");
    await service.waitForLine("replacing the workers");
    await expect
      .poll(() => workersOf(service).some((pid) => before.includes(pid)), { timeout: 120_000 })
      .toBe(false)
      .catch((error: unknown) => {
        const lines = service.output().split("\n");
        const told = lines.filter((line) => !line.includes('"msg":"request"'));
        throw new Error(`They are not replaced. What was told:\n${told.join("\n")}`, { cause: error });
      });
    const { reads, writes, stale, failures } = await running.stop();
    expect(before.map(isAlive)).toEqual([false, false]);
    expect(stale).toEqual([]);
    expect(failures).toEqual([]);
    console.log(`replaced under load: ${reads} reads, ${writes} writes, none failed`);
  }, 150_000);

  test("SIGTERM stops all workers", async () => {
    const workers = workersOf(service);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(workers.map(isAlive)).toEqual([false, false]);
  });
});

async function metricsText(origin: string): Promise<string> {
  return (await fetch(`${origin}/metrics`, { headers: AS_ADMINISTRATOR })).text();
}

test("the reason why the first worker cannot start is reported once, and ends the program", async () => {
  const { url } = await createEmptyDatabase();
  const redis = await startRedis();
  const program = startCommand(process.execPath, {
    args: ["dist/cli.js", "serve"],
    env: {
      DATABASE_URL: url,
      REDIS_URL: redis.url,
      WEB_CONCURRENCY: "3",
      PORT: "0",
      AUTH_JWT_SECRET: undefined,
    },
  });
  expect(await program.exited).toEqual({ code: 1, signal: null });
  expect(program.output()).toMatch(/The first of 3 workers ended before it answered \(exit code 1\)/);
  expect(program.output().match(/AUTH_JWT_SECRET: /g)).toHaveLength(1);
});

test("workers that fail again and again, until none is left, end the program", async () => {
  const databaseUrl = await createServedDatabase(1);
  const redis = await startRedis();
  const service = await startServing(
    { DATABASE_URL: databaseUrl, REDIS_URL: redis.url, WEB_CONCURRENCY: "2" },
    { until: '"the workers answer"' },
  );
  let hasEnded = false;
  void service.exited.then(() => {
    hasEnded = true;
  });
  const killed = new Set<number>();
  while (!hasEnded) {
    for (const [, pid] of service.output().matchAll(/"worker":(\d+),"msg":"a worker starts"/g)) {
      if (killed.has(Number(pid)) || !isAlive(Number(pid))) continue;
      killed.add(Number(pid));
      process.kill(Number(pid), "SIGKILL");
    }
    await sleep(20);
  }
  expect((await service.exited).code).toBe(1);
  expect(service.output()).toContain("workers in a row have failed, and none is left");
}, 60_000);

test("workers end with the process that started them", async () => {
  const databaseUrl = await createServedDatabase(1);
  const redis = await startRedis();
  const service = await startServing(
    { DATABASE_URL: databaseUrl, REDIS_URL: redis.url, WEB_CONCURRENCY: "2" },
    { until: '"the workers answer"' },
  );
  const workers = workersOf(service);
  process.kill(service.pid, "SIGKILL");
  await expect.poll(() => workers.map(isAlive), PATIENT).toEqual([false, false]);
});

test("several workers are refused without a database and a Redis to share", async () => {
  const program = startCommand(process.execPath, {
    args: ["dist/cli.js", "serve"],
    env: { DATABASE_URL: undefined, REDIS_URL: undefined, WEB_CONCURRENCY: "2" },
  });
  expect(await program.exited).toEqual({ code: 1, signal: null });
  expect(program.output()).toBe(
    `The configuration has 2 problem(s):
  - DATABASE_URL: expected a value, because WEB_CONCURRENCY is above 1; or set that to 1
  - REDIS_URL: expected a value, because WEB_CONCURRENCY is above 1; or set that to 1
`,
  );
});
