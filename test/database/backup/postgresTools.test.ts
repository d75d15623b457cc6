import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { dump } from "../../../src/database/backup/postgresTools.ts";
import { atEndOfFile } from "../../support/cleanup.ts";

test.each([
  ["ssl=true", "sslmode=require"],
  ["ssl=1&schema=x", "sslmode=require"],
  ["ssl=0", ""],
  ["sslmode=no-verify", "sslmode=require"],
  ["ssl=true&sslmode=verify-full", "sslmode=verify-full"],
])(
  "an address with ?%s is ?%s for PostgreSQL's programs: they do not go without TLS",
  async (given, expected) => {
    const bin = await mkdtemp(join(tmpdir(), "stack-converter-tools-"));
    atEndOfFile(() => rm(bin, { recursive: true, force: true }));
    await writeFile(join(bin, "pg_dump"), '#!/bin/sh\nprintf "%s %s" "$4" "$PGPASSWORD"', { mode: 0o755 });
    const printed = await text(dump(`postgres://u:p@h/d?${given}`, "1", { env: { PATH: bin } }));
    expect(printed).toBe(`--dbname=postgres://u@h/d${expected && `?${expected}`} p`);
  },
);
