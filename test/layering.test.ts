import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/**
 * Checks that imports in src only go down through its layers. The layers are listed here, so that a new
 * import between layers is a decision that shows up in this file.
 */

const ROOT = fileURLToPath(new URL("../src/", import.meta.url));

/** From the top down. A file may import from its own layer and from those below it. */
const LAYERS = [
  ["cli"],
  ["commands"],
  ["index"],
  ["app"],
  ["server"],
  ["schema"],
  ["auth"],
  ["jobs"],
  ["loaders"],
  ["cacheKinds"],
  ["repositories"],
  ["database", "coherence"],
  ["cache"],
  // Histograms and traces, with which all of the above are measured.
  ["observation"],
  // Scans source trees, and knows nothing of the service.
  ["import"],
  ["config", "errors"],
] as const;

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
}

const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts") && !file.includes("generated"));
const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");
/** The code without comments, which may mention anything. */
const codeOf = (file: string) => textOf(file).replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
const layerOf = (file: string) => file.split("/")[0]!.replace(/\.ts$/, "");

const imports: Import[] = files.flatMap((from) =>
  [...codeOf(from).matchAll(/^\s*(?:import|export)\s+(type\s+)?([^;]*?)\s*from\s+"(\.[^"]+)"/gm)].map(
    ([, type, names, path]) => ({
      from,
      to: relative(ROOT, join(ROOT, dirname(from), path!)).replaceAll("\\", "/"),
      isTypeOnly: type !== undefined || /^\{(\s*type\s+[^,}]+,?)+\s*\}$/.test(names!),
    }),
  ),
);
const sideEffects: Import[] = files.flatMap((from) =>
  [...codeOf(from).matchAll(/^\s*import\s+"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"\s*\)/gm)].map(
    ([, path, dynamic]) => ({
      from,
      to: relative(ROOT, join(ROOT, dirname(from), (path ?? dynamic)!)).replaceAll("\\", "/"),
      isTypeOnly: false,
    }),
  ),
);
const all = [...imports, ...sideEffects];

test("every file belongs to a layer", () => {
  const known = new Set<string>([...LAYERS.flat(), "sdk"]);
  expect(files.filter((file) => !known.has(layerOf(file)))).toEqual([]);
  // Proves that the parser above finds imports at all.
  expect(all.length).toBeGreaterThan(100);
});

test("imports go down through the layers alone", () => {
  const depthOf = (layer: string) =>
    LAYERS.findIndex((layers) => (layers as readonly string[]).includes(layer));
  const upward = all.filter(({ from, to }) => {
    const [fromLayer, toLayer] = [layerOf(from), layerOf(to)];
    if (fromLayer === toLayer || fromLayer === "sdk" || toLayer === "sdk") return false;
    return depthOf(toLayer) <= depthOf(fromLayer);
  });

  expect(upward.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("config and errors import nothing of ours, and the SDK nothing outside itself", () => {
  const outside = all.filter(({ from, to }) => {
    const layer = layerOf(from);
    return (layer === "config" || layer === "errors" || layer === "sdk") && layerOf(to) !== layer;
  });

  expect(outside).toEqual([]);
});

test("only the commands, which go through the API like any other client, use the SDK", () => {
  const users = new Set(all.flatMap(({ from, to }) => (layerOf(to) === "sdk" ? [layerOf(from)] : [])));
  users.delete("sdk");
  expect([...users].filter((layer) => layer !== "commands" && layer !== "cli")).toEqual([]);
});

test("there are no circles", () => {
  const next = new Map<string, string[]>();
  for (const { from, to, isTypeOnly } of all) {
    // Imports of types do not exist at run time.
    if (!isTypeOnly) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);

  expect(circles).toEqual([]);
});

describe("only the entry points touch the process", () => {
  /** The files that are programs of their own. */
  const ENTRY_POINTS = [
    "cli/main.ts",
    // Runs in the embedded database's process.
    "database/embeddedProcess.ts",
    // The program of `npm run schema`.
    "schema/print.ts",
  ];

  test("its environment, arguments and exit", () => {
    const users = files.filter((file) => /\bprocess\.(env|exit|exitCode|argv|on|once)\b/.test(codeOf(file)));
    expect(users.filter((file) => !ENTRY_POINTS.includes(file))).toEqual([]);
  });

  test("and each of them is still one", () => {
    for (const file of ENTRY_POINTS) expect([file, /\bprocess\./.test(codeOf(file))]).toEqual([file, true]);
  });
});

test("rows are written in repositories and by the database's own maintenance alone", () => {
  const SQL = /\b(INSERT\s+INTO|DELETE\s+FROM|TRUNCATE|UPDATE\s+"?\w+"?\s+SET|\$executeRaw|\$queryRaw)/;
  const PRISMA =
    /\.(create|createMany|createManyAndReturn|update|updateMany|updateManyAndReturn|upsert|delete|deleteMany)\(\s*\{\s*(data|where)\b/;
  const writers = files.filter((file) => SQL.test(codeOf(file)) || PRISMA.test(codeOf(file)));

  expect(writers.length).toBeGreaterThan(2);
  // The bookkeeping of the cache's protocol: the epoch's row, and the outbox that the relay empties.
  const protocol = ["coherence/epochs.ts", "coherence/relay.ts"];
  const others = writers.filter((file) => !["repositories", "database"].includes(layerOf(file)));
  expect(others.sort()).toEqual(protocol);
});

test("rows of the entities are written through the coherent write alone", () => {
  // A file that has neither Prisma's client nor its transaction can only write by the functions that app.ts
  // hands out.
  const holders = files.filter((file) =>
    /\b(prisma|statement)Transaction\b|\bprisma\.\$?\w+\(|database\.prisma\b/.test(codeOf(file)),
  );
  expect(holders.sort()).toEqual(["app.ts", "database/database.ts"]);
});

test("SQL is read in repositories and in the database alone", () => {
  const readers = files.filter((file) => /\bSELECT\b[\s\S]{1,400}\bFROM\b/.test(codeOf(file)));

  expect(
    readers.filter((file) => !["repositories", "database", "coherence"].includes(layerOf(file))),
  ).toEqual([]);
});

test("no file is longer than 400 lines", () => {
  const long = files.flatMap((file) => {
    const lines = textOf(file).trimEnd().split("\n").length;
    return lines > 400 ? [`${file}: ${lines}`] : [];
  });

  expect(long).toEqual([]);
});
