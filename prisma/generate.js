// Generates the Prisma client and the Pothos types: `npm run generate`.
//
// `prisma generate` looks for the schema engine, and would download it, without ever starting
// it. Naming any existing file keeps the build working offline and free of install scripts.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";

const cli = createRequire(import.meta.url).resolve("prisma/build/index.js");
const schema = fileURLToPath(new URL("schema.prisma", import.meta.url));
const madeFrom = [schema, cli, fileURLToPath(import.meta.url)];
const made = ["../src/database/generated/client.ts", "../src/schema/generated/pothos.ts"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

// It takes a second, and every build asks for it.
const time = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (Math.min(...made.map(time)) > Math.max(...madeFrom.map(time))) process.exit(0);

const { status } = spawnSync(process.execPath, [cli, "generate", "--schema", schema, "--no-hints"], {
  stdio: ["ignore", "ignore", "inherit"],
  env: {
    ...process.env,
    // The Pothos generator is found on the PATH, which has this folder only under `npm run`.
    PATH: [fileURLToPath(new URL("../node_modules/.bin", import.meta.url)), process.env.PATH].join(delimiter),
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: "1",
  },
});
process.exit(status ?? 1);
