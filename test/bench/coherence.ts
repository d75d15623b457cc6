import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createRedisVersionTable, createScriptRunner } from "../../src/coherence/redisVersionTable.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { Epoch, VersionTable } from "../../src/coherence/versionTable.ts";
import { open } from "../coherence/versionTableSpecification.ts";
import { launchRedis } from "../support/redisServer.ts";
import { machine, short, spreadOf } from "./machine.ts";

const HELP = `Measures what the coherent store costs, and that the cost does not grow with the number of entries kept.

  npm run bench:coherence -- [--rounds 5] [--json] [--help]

Everything runs in one process; only Redis is a server, which this program starts. Every figure is the
median of the rounds, with the least and the greatest, in microseconds for each operation.`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: expected 1 or more, got ${values.rounds}`);

const EPOCH: Epoch = "1.bench";
const LIFETIME_MS = 3_600_000;
const rows: { what: string; median: number; min: number; max: number }[] = [];

/**
 * @param work performs `operations` operations
 * @param before the set-up of each round, which is not timed
 */
async function measure(what: string, operations: number, work: () => unknown, before?: () => unknown) {
  const samples: number[] = [];
  // Round -1 does not count: V8 compiles the code in it.
  for (let round = -1; round < rounds; round++) {
    await before?.();
    const startedAt = performance.now();
    await work();
    if (round >= 0) samples.push(((performance.now() - startedAt) * 1_000) / operations);
  }
  rows.push({ what, ...spreadOf(samples) });
  if (!values.json) console.error(`  ${what}`);
}

const namesOf = (count: number, prefix: string) => Array.from({ length: count }, (_, n) => `${prefix}:${n}`);

async function filledStore(entries: number, tagsOf: (n: number) => readonly string[]) {
  const table = createMemoryVersionTable({ maxLagMs: 2 ** 31, maxTags: 2_000_000, maxChanges: 1_000_000 });
  await open(table, EPOCH);
  const store = createCoherentStore({ table, maxBytes: 4e9, heldEpoch: () => EPOCH, timeoutMs: 60_000 });
  const fill = (keys: readonly string[]) =>
    store.getMany(keys, {
      kind: "bench",
      ttlMs: LIFETIME_MS,
      loadMany: async (missing) =>
        missing.map((key) => ({ value: key, tags: tagsOf(Number(key.slice(key.indexOf(":") + 1))) })),
    });
  const keys = namesOf(entries, "key");
  await fill(keys);
  return { table, store, fill, keys };
}

/** Many look-ups at the same moment, as in a busy server: they share a round trip. */
const lookUps = (
  store: { lookUp: ReturnType<typeof createCoherentStore>["lookUp"] },
  keys: readonly string[],
) =>
  new Promise<void>((resolve) => {
    let left = 0;
    let hits = 0;
    for (let n = 0; n < 20_000; n++) {
      left++;
      store.lookUp("bench", keys[n % keys.length]!, (entry) => {
        if (entry !== undefined) hits++;
        if (--left > 0) return;
        if (hits !== 20_000) throw new Error(`Expected 20,000 hits, got ${hits}.`);
        resolve();
      });
    }
  });

for (const tags of [1, 100, 10_000]) {
  const { store, keys } = await filledStore(10, () => namesOf(tags, "Tag"));
  await measure(`hit, ${tags} tags on the entry`, 20_000, () => lookUps(store, keys));
}
for (const entries of [1, 100, 10_000, 100_000]) {
  const { store, keys } = await filledStore(entries, (n) => [`Tag:${n}`]);
  await measure(`hit, ${entries} entries kept`, 20_000, () => lookUps(store, keys));
}

/** Measures a change together with the look-up that learns of it. */
for (const tags of [1, 100, 10_000]) {
  const { table, store, fill, keys } = await filledStore(10_000, (n) => [`Tag:${n}`]);
  const changed = namesOf(tags, "Tag");
  await measure(
    `change of ${tags} tags, 10000 entries kept, per change`,
    1,
    async () => {
      await table.bump(EPOCH, changed);
      await new Promise<void>((resolve) => store.lookUp("bench", keys[0]!, () => resolve()));
    },
    () => fill(keys),
  );
}
for (const entries of [1, 100, 10_000, 100_000]) {
  const { table, store, fill, keys } = await filledStore(entries, (n) => [`Tag:${n}`]);
  await measure(
    `change of 1 tag, ${entries} entries kept`,
    200,
    async () => {
      for (let n = 0; n < 200; n++) {
        await table.bump(EPOCH, [`Tag:${n % entries}`]);
        await new Promise<void>((resolve) => store.lookUp("bench", keys[0]!, () => resolve()));
      }
    },
    () => fill(keys),
  );
}

const redis = await launchRedis();
const client = new Redis(redis.url);
try {
  const table: VersionTable = createRedisVersionTable({
    redis: createScriptRunner(client),
    namespace: randomUUID(),
    maxLagMs: 2 ** 31,
  });
  await open(table, EPOCH);
  for (const tags of [1, 20, 100]) {
    const [stored] = await table.fill(EPOCH, [
      {
        key: `entry:${tags}`,
        stamp: 1_000_000,
        tags: namesOf(tags, "Tag"),
        value: "x".repeat(4_096),
        ttlMs: LIFETIME_MS,
      },
    ]);
    if (stored !== "stored") throw new Error(`Expected the entry to be stored, it is ${stored}.`);
    await measure(`Redis get, ${tags} tags, 4 KB`, 5_000, async () => {
      for (let batch = 0; batch < 50; batch++) {
        await Promise.all(Array.from({ length: 100 }, () => table.get(EPOCH, [`entry:${tags}`])));
      }
    });
  }
  let xid = 0;
  await measure("Redis mark and release, a pair", 5_000, async () => {
    for (let batch = 0; batch < 50; batch++) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const name = String(++xid);
          await table.mark(EPOCH, name, [`Tag:${xid}`]);
          await table.release(EPOCH, name);
        }),
      );
    }
  });
} finally {
  client.disconnect();
  await redis.stop();
}

if (values.json) console.log(JSON.stringify({ machine: machine(), rounds, microseconds: rows }));
else {
  console.log(`${machine()}; ${rounds} rounds\n`);
  console.log("| operation | µs | min–max | per second |\n|---|---|---|---|");
  for (const { what, median, min, max } of rows)
    console.log(`| ${what} | ${short(median)} | ${short(min)}–${short(max)} | ${Math.round(1e6 / median)} |`);
}
