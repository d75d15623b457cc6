import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { controlClient, until } from "../cache/fixtures.ts";
import { findBinaries } from "../support/binaries.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { startPostgres } from "../support/postgres.ts";
import { pingPostgres, unprivilegedUser } from "../support/postgresServer.ts";
import { startRedis } from "../support/redis.ts";
import { pingRedis } from "../support/redisServer.ts";
import { startServer } from "../support/server.ts";
import { composeOf, ROOT, textOf } from "./files.ts";

/** Runs the files that deploy/ has for other programs in those programs. Only addresses are replaced. */

const { postgres, redis } = findBinaries();
const services = composeOf("deploy/compose.yaml").services;

async function onServer(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

test.skipIf(postgres === undefined)(
  "PostgreSQL's scripts set up a primary, and a replica that follows it",
  {
    timeout: 60_000,
  },
  async () => {
    const settings = (services.postgres.command as string[]).filter((word) => word.includes("="));
    const primary = await startPostgres({
      settings: Object.fromEntries(settings.map((word) => word.split("=") as [string, string])),
    });
    const [{ data_directory: folder }] = (await onServer(primary.url, "SHOW data_directory")) as [
      { data_directory: string },
    ];
    const programs = dirname(realpathSync(join(postgres!, "postgres")));
    const env = { PATH: `${programs}:${process.env.PATH}`, REPLICATION_PASSWORD: "it's secret" };
    execFileSync("bash", [join(ROOT, "deploy/postgres/primary.sh")], {
      env: {
        ...env,
        POSTGRES_USER: "postgres",
        POSTGRES_DB: "postgres",
        PGDATA: folder,
        PGHOST: "127.0.0.1",
        PGPORT: String(primary.port),
      },
    });
    // The image's server requires a password, but the tests' server has to let every client in.
    const file = join(folder, "pg_hba.conf");
    const rule = readFileSync(file, "utf8").trimEnd().split("\n").at(-1)!;
    writeFileSync(file, `${rule}\nhost all postgres all trust\n`);
    await onServer(primary.url, "SELECT pg_reload_conf()");

    const user = unprivilegedUser();
    const replica = await startServer({
      name: "replica",
      command: "/bin/bash",
      args: (port) => [
        "-c",
        // The volume exists before the script runs, and may contain an interrupted copy.
        `mkdir -p data; [ -e data/PG_VERSION ] || touch data/half; chmod 700 data
       export PGDATA="$PWD/data" PATH="$1" REPLICATION_PASSWORD="$2" PRIMARY_HOST=127.0.0.1 PRIMARY_PORT=$3
       exec bash -c "$4" replica.sh -c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=400`,
        "replica",
        env.PATH,
        env.REPLICATION_PASSWORD,
        String(primary.port),
        // The script's text, because the server's user may have no access to the repository's folder.
        textOf("deploy/postgres/replica.sh"),
      ],
      url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
      ping: pingPostgres,
      stopSignal: "QUIT",
      crashSignal: "SIGQUIT",
      ...(user === undefined ? {} : { user }),
    });
    atEndOfFile(replica.stop);
    await onServer(primary.url, "CREATE TABLE told AS SELECT 42 AS answer");
    const answer = () =>
      onServer(replica.url, "SELECT answer, pg_is_in_recovery() AS follows FROM told").catch(() => []);
    await expect.poll(answer, { timeout: 20_000 }).toEqual([{ answer: 42, follows: true }]);
    await replica.restart();
    expect(await answer()).toEqual([{ answer: 42, follows: true }]);
  },
);

test.skipIf(redis === undefined)(
  "a Sentinel watches a Redis, both with the settings in deploy/",
  async () => {
    const [, ...args] = services["redis-1"].command as string[];
    const master = await startRedis({ args });
    const config = textOf("deploy/redis/sentinel.conf").replace("redis-1 6379", `127.0.0.1 ${master.port}`);
    const sentinel = await startServer({
      name: "sentinel",
      command: "/bin/sh",
      args: (port) => [
        "-c",
        'printf "%s" "$1" > sentinel.conf; exec "$0" sentinel.conf --sentinel --bind 127.0.0.1',
        redis!,
        config.replace("port 26379", `port ${port}`),
      ],
      url: (port) => `redis://127.0.0.1:${port}`,
      ping: pingRedis,
      stopSignal: "TERM",
      crashSignal: "SIGKILL",
    });
    atEndOfFile(sentinel.stop);
    const client = controlClient(sentinel.url);
    await until(async () => {
      const master = (await client.call("SENTINEL", "MASTER", "main")) as string[];
      return master[master.indexOf("flags") + 1] === "master";
    });
    const policy = await controlClient(master.url).config("GET", "maxmemory-policy");
    expect(Object.values(policy as object)).toContain("volatile-lru");
  },
);
