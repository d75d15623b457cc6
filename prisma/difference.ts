import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startEmbeddedDatabase } from "../src/database/embedded.ts";
import { applyMigrations } from "../src/database/migrations.ts";
import { createSchemaEngine, noFilter } from "./engine.ts";

/** This package's own. */
export const paths = {
  schema: fileURLToPath(new URL("schema.prisma", import.meta.url)),
  migrations: fileURLToPath(new URL("migrations", import.meta.url)),
};

/**
 * The SQL that leads from what the migrations make to what schema.prisma says; empty if they
 * agree. The migrations are applied to a scratch database, which the engine then reads.
 *
 * The engine does not see what Prisma cannot express: checks, partial indexes, triggers,
 * functions, collations. Those it neither compares nor drops.
 *
 * @param options.databaseUrl a server to create (and drop) the scratch database on; without one, an embedded one is started
 */
export async function schemaDifference(
  options: { schemaFile?: string; directory?: string; databaseUrl?: string | undefined } = {},
): Promise<string> {
  const { schemaFile = paths.schema, directory = paths.migrations, databaseUrl } = options;
  const schema = await readFile(schemaFile, "utf8");
  const scratch = databaseUrl ? await scratchOn(databaseUrl) : await scratchEmbedded();
  try {
    await applyMigrations({ connectionString: scratch.url, directory });
    const { engine, close } = await createSchemaEngine(scratch.url, schema);
    try {
      const files = [{ path: "schema.prisma", content: schema }];
      const result = await engine.diff({
        // The database that the engine is connected to.
        from: { tag: "schemaDatasource", files, configDir: "." },
        to: { tag: "schemaDatamodel", files },
        script: true,
        exitCode: true,
        filters: noFilter,
      });
      return result.exitCode === 0 ? "" : (result.stdout ?? "");
    } finally {
      await close();
    }
  } finally {
    await scratch.remove();
  }
}

async function scratchEmbedded() {
  const directory = await mkdtemp(join(tmpdir(), "stack-converter-schema-"));
  const removeFiles = () => rm(directory, { recursive: true, force: true });
  try {
    const database = await startEmbeddedDatabase({ dataDirectory: directory });
    const remove = async () => {
      await database.stop();
      await removeFiles();
    };
    return { url: database.connectionString, remove };
  } catch (error) {
    await removeFiles();
    throw error;
  }
}

async function scratchOn(databaseUrl: string) {
  const name = `stack_converter_schema_${randomUUID().replaceAll("-", "")}`;
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await run(`CREATE DATABASE "${name}" TEMPLATE template0`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => run(`DROP DATABASE "${name}" WITH (FORCE)`) };
}
