import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDocuments, loadDocuments } from "../../src/server/documents.ts";
import { createTestApp } from "../support/app.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startServed } from "../support/served.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const folder = await mkdtemp(join(tmpdir(), "stack-converter-documents-"));
atEndOfFile(() => rm(folder, { recursive: true, force: true }));
const manifest = JSON.parse(
  await readFile(new URL("../../trustedDocuments.json", import.meta.url), "utf8"),
) as Record<string, string>;
const published = Object.values(manifest).find((text) => text.startsWith("query Health"))!;

type App = Awaited<ReturnType<typeof createTestApp>>["app"];
async function send(app: App, body: object | string) {
  const response =
    typeof body === "string"
      ? await app.fetch(`http://test/graphql?${body}`)
      : await app.fetch("http://test/graphql", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
  const { data, errors } = (await response.json()) as {
    data?: unknown;
    errors?: { message: string; extensions: { code: string } }[];
  };
  return { data, code: errors?.[0]?.extensions.code, message: errors?.[0]?.message };
}
const apollo = (text: string) => ({ persistedQuery: { version: 1, sha256Hash: sha256(text) } });

test("the manifest has every operation of the SDK under its SHA-256", () => {
  expect(Object.keys(manifest).length).toBeGreaterThan(40);
  for (const [digest, text] of Object.entries(manifest)) expect(digest).toBe(sha256(text));
});

describe("by default", async () => {
  const { app } = await createTestApp();
  const OWN = "{ __typename }";

  test("a document of the SDK can be named by documentId or by Apollo's extension, in a POST and in a GET", async () => {
    const digest = sha256(published);
    for (const body of [
      { documentId: `sha256:${digest}` },
      { extensions: apollo(published) },
      `documentId=sha256:${digest}`,
      `extensions=${encodeURIComponent(JSON.stringify(apollo(published)))}`,
    ])
      expect(await send(app, body)).toMatchObject({
        data: { health: { status: "HEALTHY" } },
        code: undefined,
      });
  });

  test("an unknown document is asked for, and known by its digest once a client has sent it", async () => {
    const text = "{ a: __typename }";
    const unknown = { data: undefined, code: "PERSISTED_QUERY_NOT_FOUND", message: "PersistedQueryNotFound" };
    expect(await send(app, { extensions: apollo(text) })).toEqual(unknown);
    expect(await send(app, { documentId: `sha256:${sha256(text)}` })).toEqual(unknown);
    expect(await send(app, { query: text, extensions: apollo(text) })).toMatchObject({
      data: { a: "Query" },
    });
    expect(await send(app, { extensions: apollo(text) })).toMatchObject({ data: { a: "Query" } });
    expect(await send(app, { documentId: `sha256:${sha256(text)}` })).toMatchObject({ data: { a: "Query" } });
  });

  test("no text can be registered under another text's digest", async () => {
    const other = { extensions: apollo("{ b: __typename }") };
    expect(await send(app, { query: OWN, ...other })).toMatchObject({
      data: undefined,
      code: "VALIDATION_FAILED",
    });
    expect(await send(app, other)).toMatchObject({ code: "PERSISTED_QUERY_NOT_FOUND" });
  });

  test.each([
    [{ documentId: 7 }, "BAD_REQUEST"],
    [{ documentId: "sha256:" }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ documentId: "__proto__" }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ extensions: { persistedQuery: null } }, "BAD_REQUEST"],
    [{ extensions: { persistedQuery: { sha256Hash: ["x"] } } }, "BAD_REQUEST"],
    [{ extensions: { persistedQuery: { sha256Hash: "constructor" } } }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ extensions: "x", query: "" }, "BAD_REQUEST"],
  ])("%j is refused as %s", async (body, code) => {
    expect(await send(app, body)).toMatchObject({ data: undefined, code });
  });

  test("a document that is named by its digest is subject to the limits like any other", async () => {
    const { app: strict } = await createTestApp({ MAX_COMPLEXITY: "1" });
    expect(await send(strict, { documentId: `sha256:${sha256(published)}` })).toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
  });
});

test("no more documents are remembered than allowed, and a long one takes the place of several", () => {
  const documents = createDocuments({ trusted: new Map(), areAlone: false, maxRegistered: 3 });
  const register = (query: string) => documents.textOf({ query, extensions: apollo(query) });
  const isKnown = (query: string) => documents.recall({ extensions: apollo(query) }) === query;
  for (const text of ["a", "b", "c", "d"]) register(text);
  expect(["a", "b", "c", "d"].map(isKnown)).toEqual([false, true, true, true]);
  register("x".repeat(20_000));
  expect(documents.statistics().registered).toBe(3);
  register("y".repeat(24_000));
  expect(documents.statistics().registered).toBe(1);
  register("z".repeat(1_000_000));
  expect(documents.statistics().registered).toBe(1);
});

test("with MAX_PERSISTED_QUERIES=0 clients are told to send their texts", async () => {
  const { app } = await createTestApp({ MAX_PERSISTED_QUERIES: "0" });
  expect(await send(app, { extensions: apollo("{ __typename }") })).toEqual({
    data: undefined,
    code: "PERSISTED_QUERY_NOT_SUPPORTED",
    message: "PersistedQueryNotSupported",
  });
  expect(await send(app, { extensions: apollo(published) })).toMatchObject({ code: undefined });
});

describe("with TRUSTED_DOCUMENTS_ONLY", async () => {
  const mine = "query Mine { projects { totalCount } }";
  const file = join(folder, "mine.json");
  await writeFile(file, JSON.stringify({ [`sha256:${sha256(mine)}`]: mine }));
  const { app } = await createTestApp({ TRUSTED_DOCUMENTS_ONLY: "true", TRUSTED_DOCUMENTS_FILE: file });

  test("the SDK's documents and those of the file are run, whether named by digest or sent as text", async () => {
    expect(await send(app, { query: published })).toMatchObject({ code: undefined });
    expect(await send(app, { documentId: `sha256:${sha256(published)}` })).toMatchObject({ code: undefined });
    expect(await send(app, { query: mine })).toMatchObject({ data: { projects: { totalCount: 0 } } });
    expect(await send(app, { documentId: sha256(mine) })).toMatchObject({
      data: { projects: { totalCount: 0 } },
    });
  });

  test("other documents and introspection are refused, and no document can be registered", async () => {
    const other = "{ projects { totalCount } }";
    for (const body of [
      { query: other },
      { query: `${published} ` },
      { query: "{ __schema { queryType { name } } }" },
      { query: other, extensions: apollo(other) },
      `query=${encodeURIComponent(other)}`,
    ])
      expect(await send(app, body)).toMatchObject({ data: undefined, code: "UNTRUSTED_DOCUMENT" });
    expect(await send(app, { extensions: apollo(other) })).toMatchObject({
      code: "PERSISTED_QUERY_NOT_SUPPORTED",
    });
    expect(await send(app, { documentId: `sha256:${sha256(other)}` })).toMatchObject({
      code: "PERSISTED_QUERY_NOT_FOUND",
    });
  });
});

test("a request that names its document by digest is replayed, and the sampler runs the document that it names", async () => {
  const database = await createTestDatabase();
  const served = await startServed({ DATABASE_URL: database.url, CACHE_SAMPLE_RATE: "1" });
  const text = "query Q { projects(first: 1) { totalCount } }";
  await served.send({ query: text, extensions: apollo(text) });
  const hits = async () =>
    (await served.ask("{ cacheStatistics { samples replay { hits } } }")).data.cacheStatistics as {
      samples: number;
      replay: { hits: number };
    };
  await expect
    .poll(
      async () => {
        const { data } = await served.send({ extensions: apollo(text) });
        expect(data).toEqual({ projects: { totalCount: 0 } });
        return (await hits()).replay.hits;
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(2);
  await expect.poll(async () => (await hits()).samples, { timeout: 10_000 }).toBeGreaterThan(0);
});

describe("a file is refused", () => {
  const load = async (content: string) => {
    const file = join(folder, "bad.json");
    await writeFile(file, content);
    return loadDocuments({ areAlone: false, file, maxRegistered: 0 });
  };

  test.each([
    ["that is not JSON", "{", /cannot be read/],
    ["that is not an object of texts", '{"a":1}', /Expected .*bad\.json to be an object of texts/],
    ["with a text under a wrong digest", JSON.stringify({ [sha256("a")]: "b" }), /has another SHA-256/],
    ["with names instead of digests", JSON.stringify({ Mine: "{ a }" }), /under "Mine" has another SHA-256/],
  ])("%s", async (_, content, message) => {
    await expect(load(content)).rejects.toThrow(message);
  });

  test("that does not exist, before anything is started", async () => {
    await expect(
      loadDocuments({ areAlone: false, file: join(folder, "nowhere.json"), maxRegistered: 0 }),
    ).rejects.toThrow(/nowhere\.json cannot be read/);
  });
});
