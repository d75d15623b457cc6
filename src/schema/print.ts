import { readFileSync, writeFileSync } from "node:fs";
import { printedSchema } from "./index.ts";

// `npm run schema` writes schema.graphql; with --check it only says whether the file is up to date.
const file = new URL("../../schema.graphql", import.meta.url);
const printed = printedSchema();

if (!process.argv.includes("--check")) writeFileSync(file, printed);
else if (readFileSync(file, "utf8") !== printed) {
  console.error(
    "schema.graphql differs from the schema in src/schema: run `npm run schema` and commit the result.",
  );
  process.exitCode = 1;
}
