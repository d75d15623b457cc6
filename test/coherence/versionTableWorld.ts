import fc from "fast-check";
import type { Changes, VersionTable } from "../../src/coherence/versionTable.ts";
import { open } from "./versionTableSpecification.ts";

/**
 * A small world around a version table: rows with a counter that grows with each commit, readers, and writers
 * that follow the protocol but may die at any step. The rule is not stated in terms of versions: an answer
 * that is served must equal the rows as they are at that moment.
 */
type Step =
  | { readonly kind: "begin" | "fill" | "get" | "commit" | "release" | "resolve"; readonly slot: number }
  | {
      readonly kind: "mark" | "read" | "answer" | "bump" | "unrelated";
      readonly slot: number;
      readonly tags: readonly string[];
    };

const TAGS = ["a", "b", "c"];
const slot = fc.nat(2);
const tags = fc.subarray(TAGS, { minLength: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("begin", "fill", "get"), slot }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("mark", "read", "answer", "answer"), slot, tags }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("commit", "release", "resolve"), slot }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("bump", "unrelated"), slot, tags }) },
) as fc.Arbitrary<Step>;

/**
 * Runs `count` random histories.
 *
 * @returns how many answers were served; if the table served none, the histories prove nothing
 */
export async function checkAgainstWorld(create: () => Promise<VersionTable>, count: number): Promise<number> {
  let hits = 0;
  const history = fc.array(step, { minLength: 10, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      hits += await runHistory(await create(), steps);
    }),
    { numRuns: count, seed: 20_261_124 },
  );
  return hits;
}

async function runHistory(table: VersionTable, steps: readonly Step[]): Promise<number> {
  const epoch = "1.a";
  await open(table, epoch);
  const rows = new Map(TAGS.map((tag) => [tag, 0]));
  const snapshot = (of: readonly string[]) => JSON.stringify(of.map((tag) => [tag, rows.get(tag)]));
  const readers: { stamp?: number; read?: { tags: readonly string[]; value: string } }[] = [{}, {}, {}];
  const writers: { xid?: string; tags?: readonly string[] | undefined; isCommitted?: boolean }[] = [
    {},
    {},
    {},
  ];
  let hits = 0;
  let xids = 0;

  for (const { slot, ...action } of steps) {
    const reader = readers[slot]!;
    const writer = writers[slot]!;
    switch (action.kind) {
      case "begin":
        readers[slot] = { stamp: ((await table.since(epoch, -1)) as Changes).sequence };
        break;
      case "answer":
        // A whole read in one step, because most reads are not interrupted.
        if (!("tags" in action)) break;
        await table.fill(epoch, [
          {
            key: action.tags.join(),
            stamp: ((await table.since(epoch, -1)) as Changes).sequence,
            tags: action.tags,
            value: snapshot(action.tags),
            ttlMs: 60_000,
          },
        ]);
        break;
      case "read":
        if ("tags" in action) reader.read = { tags: action.tags, value: snapshot(action.tags) };
        break;
      case "fill":
        if (reader.stamp === undefined || reader.read === undefined) break;
        await table.fill(epoch, [
          { key: reader.read.tags.join(), ...reader.read, stamp: reader.stamp, ttlMs: 60_000 },
        ]);
        break;
      case "get":
        for (const key of ["a", "b", "c", "a,b", "a,c", "b,c", "a,b,c"]) {
          const [entry] = (await table.get(epoch, [key])) as ({ value: string } | undefined)[];
          if (entry === undefined) continue;
          hits++;
          if (entry.value !== snapshot(key.split(","))) {
            throw new Error(`served ${entry.value}, the rows are ${snapshot(key.split(","))}`);
          }
        }
        break;
      case "mark":
        if (writer.xid !== undefined || !("tags" in action)) break;
        writers[slot] = { xid: String(++xids), tags: action.tags };
        await table.mark(epoch, String(xids), action.tags);
        break;
      case "commit":
        for (const tag of writer.tags ?? []) rows.set(tag, rows.get(tag)! + 1);
        // Without tags, so that another `commit` of this writer changes no row: its transaction is over.
        writers[slot] = { ...writer, tags: undefined };
        break;
      case "release":
      case "resolve":
        // Sent by the writer after COMMIT, or by a process that PostgreSQL has told of the transaction's end.
        if (writer.xid !== undefined) await table.release(epoch, writer.xid);
        if (writer.xid !== undefined && action.kind === "resolve") await table.release(epoch, writer.xid);
        writers[slot] = {};
        break;
      case "bump":
      case "unrelated":
        if ("tags" in action) {
          await table.bump(
            epoch,
            action.kind === "bump" ? action.tags : action.tags.map((tag) => `${tag}${slot}`),
          );
        }
        break;
    }
  }
  return hits;
}
