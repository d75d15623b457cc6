import { expect, test } from "vitest";
import { Dependencies } from "../../src/coherence/dependencies.ts";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { Epoch } from "../../src/coherence/versionTable.ts";
import { createCached, createRepeated } from "../../src/loaders/cached.ts";
import { createComposedAnswerLoader } from "../../src/loaders/composedAnswer.ts";
import type { ObjectShape } from "../../src/repositories/answerShape.ts";
import { open } from "../coherence/versionTableSpecification.ts";
import { collectGarbage } from "../support/garbage.ts";

const EPOCH: Epoch = "1.a";
const MINUTE = 60_000;
const ttlMs = {
  user: MINUTE,
  project: MINUTE,
  conversionJob: MINUTE,
  collection: MINUTE,
  statistics: MINUTE,
};

const PROJECT: ObjectShape = [{ key: "owner", kind: "row", column: "userId", type: "User", shape: [] }];
const PROJECTS: ObjectShape = [
  {
    key: "projects",
    kind: "page",
    type: "Project",
    index: 0,
    parts: [{ key: "nodes", kind: "nodes", shape: PROJECT }],
  },
];
const LIST = { where: [], order: { column: "created_at", type: "timestamptz", direction: "ASC" } } as const;

test("of an answer that is not kept any more, no row stays in memory", async () => {
  const table = createMemoryVersionTable();
  await open(table, EPOCH);
  const store = createCoherentStore({ table, maxBytes: 1_000_000, heldEpoch: () => EPOCH });

  /** Loads the answer, and returns a weak reference to the text of its row. */
  async function load() {
    const instant = await store.instant();
    const reads = new Dependencies();
    const options = { reads, store, ttlMs, begun: () => instant };
    const answerOf = createComposedAnswerLoader({
      composedAnswers: {
        load: async () => undefined,
        loadFrame: async () => ({ texts: ["[", "]"], places: [{ part: 0, id: "1" }], tags: ["Project#"] }),
        loadParts: async () => [{ text: "x".repeat(10_000), tags: ["Project:1"] }],
      },
      access: { to: "everything" },
      scope: "",
      cached: createCached(options),
      repeated: createRepeated(options),
      isKept: () => true,
      isNoted: () => true,
      ttlMs,
    });
    const request = { want: "page", page: {}, list: { ...LIST, tags: ["Project#"] } } as const;
    await answerOf({ shape: PROJECTS, lists: [{ type: "Project", request }], named: [] });
    const [text] = [...reads.parts].map(({ value }) => value).filter(Buffer.isBuffer);
    return new WeakRef(text!);
  }

  const row = await load();
  await table.bump(EPOCH, ["Project!"]);
  await store.instant();
  await expect
    .poll(() => {
      collectGarbage();
      return row.deref() === undefined;
    })
    .toBe(true);
});
