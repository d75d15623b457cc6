import { beforeAll, describe, expect, test } from "vitest";
import { EXAMPLE_OPERATIONS } from "../../src/server/exampleOperations.ts";
import { createTestApp } from "../support/app.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";

describe("the page", async () => {
  const { app } = await createTestApp();

  test("is served to a browser, with its scripts inlined and the examples as its tabs", async () => {
    const response = await app.fetch("http://test/graphql", { headers: { accept: BROWSER } });
    const html = await response.text();

    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    // Neither the page nor its styles and scripts load anything from another server.
    const loads = [
      ...html.matchAll(/<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["']?([^"'\s>]+)/gi),
    ];
    expect(
      loads.map(([, address]) => address).filter((address) => /^(https?:)?\/\//.test(address ?? "")),
    ).toEqual([]);
    expect(
      [...html.matchAll(/(?:@import|url\()\s*["']?(?:https?:)?\/\/[^)"']*/gi)].map(([text]) => text),
    ).toEqual([]);
    expect(
      [...html.matchAll(/(?:import\(|importScripts\(|from\s)\s*["'](?:https?:)?\/\/[^"']*/g)].map(
        ([text]) => text,
      ),
    ).toEqual([]);
    for (const { query } of EXAMPLE_OPERATIONS) {
      const name = /(?:query|mutation) (\w+)/.exec(query)?.[1];
      expect(html).toContain(`${name}`);
    }
  });

  test("is not served to a program", async () => {
    const response = await app.fetch("http://test/graphql?query={__typename}", {
      headers: { accept: "*/*" },
    });

    expect(await response.json()).toEqual({ data: { __typename: "Query" } });
  });
});

test.each([{ GRAPHIQL: "false" }, { NODE_ENV: "production" }])("with %j there is no page", async (env) => {
  const { app } = await createTestApp(env);
  const response = await app.fetch("http://test/graphql", { headers: { accept: BROWSER } });

  expect(response.headers.get("content-type")).not.toMatch(/html/);
  expect(response.status).not.toBe(200);
});

describe("every example", async () => {
  const { app, execute } = await createTestApp();
  beforeAll(async () => {
    await insertRows(app.database.pool, { users: 2, projects: 20, jobs: 60 });
    await app.database.pool.query("UPDATE projects SET name = 'converter' WHERE id = $1", [keyOf(1)]);
    await app.repositories.projectFiles.add(
      keyOf(1),
      [{ path: "a.ts", sizeBytes: 1, language: "TypeScript" }],
      true,
    );
  });

  test.each(
    EXAMPLE_OPERATIONS.map(({ query, variables }) => [/(\w+)(?: \{|\()/.exec(query)?.[1], query, variables]),
  )("%s runs without errors and finds something", async (_, query, text) => {
    const variables = text === undefined ? undefined : JSON.parse(text);
    // On the embedded database every request comes from its owner. The viewer here has no row, so the input
    // names an owner.
    if (variables?.input && /mutation/.test(query!)) variables.input.ownerId = `User:${keyOf(1)}`;

    const { data, errors } = await execute(query!, variables);
    expect(errors).toBeUndefined();
    for (const value of Object.values(data)) {
      expect(value).not.toBeNull();
      if (Array.isArray((value as { nodes?: unknown[] }).nodes)) {
        expect((value as { nodes: unknown[] }).nodes.length).toBeGreaterThan(0);
      }
    }
  });
});
