// npm run migration:new -- <name>    writes a migration that brings the database to schema.prisma
// npm run migration:check            fails if the migrations do not lead to schema.prisma
//
// Both take --database-url <url> for the scratch database that they need; by default it is embedded.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { paths, schemaDifference } from "./difference.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    "database-url": { type: "string" },
    schema: { type: "string", default: paths.schema },
    migrations: { type: "string", default: paths.migrations },
  },
});
const [command, name] = positionals;

if (command !== "new" && command !== "check") fail("Expected one of: new <name>, check.");
if (command === "new" && !/^[a-z][a-z0-9_]{0,99}$/.test(name ?? "")) {
  fail(`Expected a name of small letters, digits and underscores, got "${name ?? ""}".`);
}
const difference = await schemaDifference({
  schemaFile: values.schema,
  directory: values.migrations,
  databaseUrl: values["database-url"],
});
if (difference === "") console.log("The migrations and schema.prisma agree.");
else if (command === "check") {
  fail(
    `The migrations do not lead to schema.prisma. What is missing (npm run migration:new -- <name> writes it):\n\n${difference}`,
  );
} else {
  // As Prisma names them: the time in UTC, to the second.
  const timestamp = new Date().toISOString().replaceAll(/\D/g, "").slice(0, 14);
  const folder = join(values.migrations, `${timestamp}_${name}`);
  await mkdir(folder);
  await writeFile(join(folder, "migration.sql"), difference, { flag: "wx" });
  console.log(
    `Wrote ${join(folder, "migration.sql")}. Read it: what is renamed looks like dropped and added.`,
  );
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
