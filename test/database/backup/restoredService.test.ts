import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { endLastEpoch, renewEpoch } from "../../../src/coherence/epochs.ts";
import { takeBackup } from "../../../src/database/backup/backup.ts";
import { restoreDatabase } from "../../../src/database/backup/restore.ts";
import { dropDatabase, withDatabase } from "../../../src/database/backup/target.ts";
import { atEndOfFile } from "../../support/cleanup.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { startRedis } from "../../support/redis.ts";
import { insertRows, keyOf } from "../../support/rows.ts";
import { startServed } from "../../support/served.ts";

const PROJECT = `{ project(id: "Project:${keyOf(1)}") { name version } projects(first: 10) { totalCount } }`;
const RENAME = `mutation ($name: String!) {
  updateProject(input: { id: "Project:${keyOf(1)}", name: $name }) { project { name } } }`;

/** Answers while the database is swapped may be errors. Once it is restored, none shows the former data. */
describe.each([
  ["two instances with Redis", true],
  ["one instance without", false],
])("a backup that is restored under %s", { timeout: 120_000 }, (_, hasRedis) => {
  test("is what every read shows from the moment when it is restored", async () => {
    const { url } = await createTestDatabase();
    const directory = await mkdtemp(join(tmpdir(), "stack-converter-restored-"));
    atEndOfFile(() => rm(directory, { recursive: true, force: true }));
    const env = { DATABASE_URL: url, ...(hasRedis && { REDIS_URL: (await startRedis()).url }) };
    const instances = [await startServed(env)];
    if (hasRedis) instances.push(await startServed(env));
    const [first] = instances;
    await insertRows(first!.app.database.pool, { users: 1, projects: 3 });
    const tools = { env: process.env };
    const manifest = await takeBackup({
      connectionString: url,
      directory,
      format: "pg_dump",
      key: undefined,
      tools,
    });

    await first!.ask(RENAME, { name: "after the backup" });
    for (const instance of instances) {
      const { data } = await instance.untilHit(PROJECT);
      expect(data.project).toEqual({ name: "after the backup", version: 2 });
    }

    let isRestored = false;
    const readAll = async (instance: (typeof instances)[number]) => {
      const seen = new Set<string>();
      for (let after = 0; after < 40; after += isRestored ? 1 : 0) {
        // Noted before the request is sent: one sent before the swap may be answered from either database.
        const wasRestored = isRestored;
        const answer = await instance.ask(PROJECT);
        if (answer.data?.project)
          seen.add(`${wasRestored ? "after" : "before"}: ${answer.data.project.name}`);
      }
      return seen;
    };
    const reading = instances.map(readAll);
    const former = await restoreDatabase(url, {
      directory,
      manifest,
      key: undefined,
      tools,
      keepsPrivileges: true,
      mayReplace: true,
      epochs: { end: endLastEpoch, renew: renewEpoch },
    });
    isRestored = true;
    for (const seen of await Promise.all(reading)) {
      expect(seen).toContain("after: project 1");
      expect(seen).not.toContain("after: after the backup");
    }

    // The cache serves again, and every instance shows writes at once.
    for (const instance of instances)
      expect((await instance.untilHit(PROJECT)).data.project).toEqual({ name: "project 1", version: 1 });
    await first!.ask(RENAME, { name: "renamed since" });
    for (const instance of instances)
      expect((await instance.ask(PROJECT)).data.project).toEqual({ name: "renamed since", version: 2 });
    for (const instance of instances) await instance.app.close();
    await dropDatabase(withDatabase(url, former!));
  });
});
