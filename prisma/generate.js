// Generates the Prisma client and the Pothos types: `npm run generate`.
//
// `prisma generate` looks for the schema engine, and would download it, without ever starting
// it. Naming any existing file keeps the build working offline and free of install scripts.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";

const cli = createRequire(import.meta.url).resolve("prisma/build/index.js");
const schema = fileURLToPath(new URL("schema.prisma", import.meta.url));
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
