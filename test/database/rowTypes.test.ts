import fc from "fast-check";
import pg from "pg";
import { expect, test } from "vitest";
import { parseTime, rowTypes } from "../../src/database/rowTypes.ts";
import { createTestDatabase } from "../support/postgres.ts";

const general = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, "text") as (text: string) => Date;

/** The form in PostgreSQL's JSON, which differs by a T, and by always giving the minutes of the zone. */
const inJson = (text: string) => text.replace(" ", "T").replace(/([+-]\d\d)( BC)?$/, "$1:00$2");

test("parseTime agrees with pg's general parser on every form in which PostgreSQL writes times", () => {
  const two = (min: number, max: number) =>
    fc.integer({ min, max }).map((number) => String(number).padStart(2, "0"));
  const time = fc
    .tuple(
      fc.oneof(fc.integer({ min: 1, max: 9_999 }), fc.integer({ min: 1_900, max: 2_100 })),
      two(1, 12),
      two(1, 28),
      two(0, 23),
      two(0, 59),
      two(0, 59),
      fc.constantFrom("", ".1", ".12", ".123", ".000", ".999", ".123456", ".000001", ".99999"),
      fc.constantFrom("+00", "+00", "+02", "-05", "+05:30", "+00:19:32"),
      fc.constantFrom("", "", "", " BC"),
    )
    .map(
      ([year, month, day, hour, minute, second, fraction, zone, era]) =>
        `${String(year).padStart(4, "0")}-${month}-${day} ${hour}:${minute}:${second}${fraction}${zone}${era}`,
    );
  fc.assert(
    fc.property(time, (text) => {
      expect(parseTime(text)).toEqual(general(text));
      expect(parseTime(inJson(text))).toEqual(general(text));
    }),
    { numRuns: 2_000 },
  );
  for (const text of ["infinity", "-infinity", "10000-01-01 00:00:00+00", "294276-12-31 23:59:59.999999+00"])
    expect(parseTime(text)).toEqual(general(text));
});

test("rowTypes reads times with that parser and leaves other types to pg", async () => {
  const client = new pg.Client({ connectionString: (await createTestDatabase()).url, types: rowTypes });
  await client.connect();
  const { rows } = await client
    .query(
      "SET TIME ZONE 'UTC'; SELECT timestamptz '2026-11-24 22:47:05.1239+00' AS at, 1.5::float8 AS number, '{a,b}'::text[] AS list",
    )
    .then((results) => (results as unknown as pg.QueryResult[])[1]!);
  expect(rows).toEqual([{ at: new Date("2026-11-24T22:47:05.123Z"), number: 1.5, list: ["a", "b"] }]);
  const { rows: sent } = await client.query(
    `SELECT to_json(at)#>>'{}' AS json, at FROM unnest(ARRAY['2026-11-24 22:47:05.1239+00', '0044-03-15 12:00:00+00 BC', 'infinity']::timestamptz[]) AS at`,
  );
  for (const { json, at } of sent) expect(parseTime(json)).toEqual(at);
  await client.query("SET TIME ZONE 'Asia/Kolkata'");
  const { rows: elsewhere } = await client.query(
    "SELECT to_json(timestamptz '2026-11-24 22:47:05.1239+00') AS at",
  );
  expect(parseTime(elsewhere[0].at)).toEqual(new Date("2026-11-24T22:47:05.123Z"));
  await client.end();
});
