import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, inject, it, vi } from "vitest";
import { paths, schemaDifference } from "../../prisma/difference.ts";

// Each case starts programs, and one starts an embedded database, while other tests do the same.
vi.setConfig({ testTimeout: 120_000 });

const root = await mkdtemp(join(tmpdir(), "difference-test-"));
afterAll(() => rm(root, { recursive: true, force: true }));
const databaseUrl = inject("postgresUrl");

const editedSchema = async (from: string, to: string) => {
  const text = await readFile(paths.schema, "utf8");
  expect(text.split(from)).toHaveLength(2);
  const file = join(root, "schema.prisma");
  await writeFile(file, text.replace(from, to));
  return file;
};

function run(...args: string[]): Promise<{ code: number; output: string }> {
  const script = fileURLToPath(new URL("../../prisma/migration.ts", import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, ["--import", "tsx", script, ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
}

describe("schema.prisma and the migrations", () => {
  it("agree on PostgreSQL", async () => {
    expect(await schemaDifference({ databaseUrl })).toBe("");
  });

  it("agree on the embedded database", async () => {
    expect(await schemaDifference()).toBe("");
  });

  it.each([
    [
      "a column",
      "  username  String\n",
      "  username  String\n  nickname  String?\n",
      'ADD COLUMN     "nickname" TEXT',
    ],
    ["a type", "sizeBytes BigInt ", "sizeBytes Int ", 'ALTER COLUMN "size_bytes" SET DATA TYPE INTEGER'],
    ["an enum", "  PAUSED\n", "  PAUSED\n  STALLED\n", "ADD VALUE 'STALLED'"],
    [
      "a trigram index",
      '  @@index([name(ops: raw("gin_trgm_ops"))], type: Gin, map: "projects_name_trigram_idx")\n',
      "",
      'DROP INDEX "projects_name_trigram_idx"',
    ],
  ])("disagree over %s when the schema is changed", async (_, from, to, sql) => {
    const schemaFile = await editedSchema(from, to);
    expect(await schemaDifference({ databaseUrl, schemaFile })).toContain(sql);
  });
});

describe("the migration script", () => {
  it("fails the check, writes the missing migration, and then passes the check", async () => {
    const migrations = join(root, "migrations");
    await cp(paths.migrations, migrations, { recursive: true });
    const schema = await editedSchema("  username  String\n", "  username  String\n  nickname  String?\n");
    const options = ["--schema", schema, "--migrations", migrations, "--database-url", databaseUrl];

    const failed = await run("check", ...options);
    expect(failed.code).toBe(1);
    expect(failed.output).toContain('ALTER TABLE "users" ADD COLUMN     "nickname" TEXT;');

    expect((await run("new", "add_nickname", ...options)).code).toBe(0);
    const added = (await readdir(migrations)).filter((name) => name.endsWith("_add_nickname"));
    expect(added).toEqual([expect.stringMatching(/^\d{14}_add_nickname$/)]);
    expect(await readFile(join(migrations, added[0] ?? "", "migration.sql"), "utf8")).toBe(
      '-- AlterTable\nALTER TABLE "users" ADD COLUMN     "nickname" TEXT;\n',
    );

    expect(await run("check", ...options)).toEqual({
      code: 0,
      output: "The migrations and schema.prisma agree.\n",
    });
  });

  it.each(["", "nothing", "new", "new ../escape"])('refuses the arguments "%s"', async (line) => {
    expect((await run(...line.split(" "))).code).toBe(1);
  });
});
