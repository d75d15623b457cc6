import { type DocumentNode, parse } from "graphql";
import { expect, test } from "vitest";
import { createDocumentCache } from "../../src/server/documentCache.ts";

const MEBIBYTE = 1_048_576;

test("documents are kept by how much memory they take, however few or short they are", () => {
  const cache = createDocumentCache<DocumentNode>((document) => document);
  const document = parse("{ a }");
  for (let index = 0; index < 2_000; index++) cache.set(`{ a } # ${index}`, document);
  expect(cache.size).toBe(1_000);

  for (let index = 0; index < 50; index++) cache.set(`{ a } # ${index} ${"x".repeat(MEBIBYTE)}`, document);
  expect(cache.size).toBeLessThanOrEqual(32);

  const manyTokens = parse(`{${" a".repeat(2_000)} }`);
  for (let index = 0; index < 100; index++) cache.set(`{ b } # ${index}`, manyTokens);
  expect(cache.size).toBeLessThanOrEqual(64);
});
