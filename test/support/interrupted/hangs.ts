import { Redis } from "ioredis";
import pg from "pg";
import { inject, test } from "vitest";
import { createTestDatabase } from "../postgres.ts";
import { startCommand } from "../process.ts";
import { redisUrl, startRedis } from "../redis.ts";
import type { Started } from "./started.ts";

test("tells what runs, and hangs", async () => {
  await createTestDatabase();
  const own = await startRedis();
  const program = startCommand("sleep", { args: ["300"] });
  const servers = await Promise.all([
    describePostgres(inject("postgresUrl")),
    describeRedis(redisUrl()),
    describeRedis(own.url),
  ]);
  const started: Started = {
    pids: [program.pid, process.pid, ...servers.map(({ pid }) => pid)],
    folders: servers.map(({ folder }) => folder),
  };
  console.log(`\nstarted ${JSON.stringify(started)}`);
  await new Promise(() => {});
});

async function describePostgres(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number; folder: string }>(
    `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid,
            regexp_replace(current_setting('data_directory'), '/data$', '') AS folder`,
  );
  await client.end();
  return rows[0]!;
}

async function describeRedis(url: string) {
  const redis = new Redis(url);
  const pid = Number(/process_id:(\d+)/.exec(await redis.info("server"))?.[1]);
  // `as`: a flat list of names and values, which ioredis types as unknown.
  const [, folder] = (await redis.config("GET", "dir")) as string[];
  redis.disconnect();
  return { pid, folder: folder! };
}
