import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMaintenance } from "../../src/database/embeddedMaintenance.ts";

describe("maintenance of the embedded database", () => {
  let database: PGlite;
  beforeAll(async () => {
    database = await PGlite.create();
    await database.exec("CREATE TABLE items (id int, text text)");
  }, 120_000);
  afterAll(() => database.close());

  const facts = async () => {
    const { rows } = await database.query<{ rows: number; checkpoint: string }>(
      `SELECT reltuples::int AS rows, (SELECT checkpoint_lsn::text FROM pg_control_checkpoint()) AS checkpoint
       FROM pg_class WHERE relname = 'items'`,
    );
    return rows[0];
  };

  it("analyzes the tables and makes a checkpoint once enough was written, not before", async () => {
    const maintain = createMaintenance(database, 1_000_000);
    expect(await maintain()).toBe(false);
    await database.exec("INSERT INTO items SELECT i, 'a' FROM generate_series(1, 100) AS i");
    expect(await maintain()).toBe(false);
    const before = await facts();
    expect(before?.rows).toBe(-1);

    await database.exec("INSERT INTO items SELECT i, repeat('x', 1000) FROM generate_series(1, 1900) AS i");
    expect(await maintain()).toBe(true);
    const after = await facts();
    expect(after?.rows).toBe(2000);
    expect(after?.checkpoint).not.toBe(before?.checkpoint);
    expect(await maintain()).toBe(false);
  });
});
