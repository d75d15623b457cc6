import { GraphQLInt, GraphQLList, GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { createYoga, type Plugin } from "graphql-yoga";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { viewerOf } from "../../src/auth/viewer.ts";
import { Dependencies } from "../../src/coherence/dependencies.ts";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { Epoch, VersionTable } from "../../src/coherence/versionTable.ts";
import { cacheControl, cacheControlDirective } from "../../src/schema/cacheControl.ts";
import { createCachedResponse } from "../../src/server/cachedResponse.ts";
import type { RequestContext } from "../../src/server/context.ts";
import { responseCache } from "../../src/server/plugins/responseCache.ts";
import { open } from "../coherence/versionTableSpecification.ts";
import { collectGarbage } from "../support/garbage.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

const EPOCH: Epoch = "1.a";
const LIFETIMES = {
  user: 60_000,
  project: 60_000,
  conversionJob: 60_000,
  collection: 60_000,
  statistics: 60_000,
};

interface TestContext extends RequestContext {
  readonly dependencies: Dependencies;
}

/** A node that holds nodes, for results of any depth. */
const Nested: GraphQLObjectType = new GraphQLObjectType({
  name: "Nested",
  fields: () => ({ id: { type: GraphQLInt }, nodes: { type: new GraphQLList(Nested) } }),
});
const ONE_NODE = { id: 1, nodes: [{}] };
ONE_NODE.nodes = [ONE_NODE];

const Secret = new GraphQLObjectType({
  name: "Secret",
  extensions: cacheControl({ scope: "PRIVATE" }),
  fields: { value: { type: GraphQLInt } },
});

/** A service with a few fields. `state.run` resolves most of them, and `state.runs` counts how often. */
async function createService(plugins: Plugin[] = []) {
  const table: VersionTable = createMemoryVersionTable();
  await open(table, EPOCH);
  const store = createCoherentStore({
    table,
    maxBytes: 1_000_000,
    heldEpoch: () => EPOCH,
    timeoutMs: 60_000,
  });
  const state = {
    runs: 0,
    run: async (): Promise<unknown> => state.runs,
    /** For each request: what the plugin holds, and a weak reference to what the request has read. */
    held: [] as unknown[],
    dependencies: [] as WeakRef<Dependencies>[],
  };
  const counted = {
    type: GraphQLInt,
    args: { n: { type: GraphQLInt } },
    resolve: (_: unknown, __: unknown, { dependencies }: TestContext) => {
      state.runs++;
      dependencies.add("row");
      return state.run();
    },
  };
  const schema = new GraphQLSchema({
    directives: [cacheControlDirective],
    mutation: new GraphQLObjectType({ name: "Mutation", fields: { change: counted } }),
    query: new GraphQLObjectType({
      name: "Query",
      fields: {
        value: counted,
        who: {
          type: GraphQLString,
          resolve: (_, __, { viewer, dependencies }: TestContext) => {
            dependencies.add("row");
            return viewer?.userId;
          },
        },
        unkept: { ...counted, extensions: cacheControl({ maxAge: 0 }) },
        short: { ...counted, extensions: cacheControl({ maxAge: 7 }) },
        mine: { ...counted, extensions: cacheControl({ scope: "PRIVATE" }) },
        secret: {
          ...counted,
          type: Secret,
          resolve: async (source: unknown, args: unknown, context: TestContext) => ({
            value: await counted.resolve(source, args, context),
          }),
        },
        nested: {
          type: Nested,
          resolve: (_, __, { dependencies }: TestContext) => {
            dependencies.add("row");
            return ONE_NODE;
          },
        },
      },
    }),
  });
  const yoga = createYoga<object, TestContext>({
    schema,
    logging: false,
    context: ({ request }) => {
      const dependencies = new Dependencies();
      const response = createCachedResponse(store, dependencies);
      // The plugin holds it, too.
      state.held.push(response.cache);
      state.dependencies.push(new WeakRef(dependencies));
      const userId = request.headers.get("authorization");
      // Safe: the parts of the context that the plugin and these resolvers read.
      return {
        dependencies,
        response,
        execution: {},
        viewer: userId === null ? null : viewerOf(userId, "USER"),
      } as unknown as TestContext;
    },
    plugins: [
      ...plugins,
      ...responseCache({
        schema,
        ttlMs: LIFETIMES,
        isExplained: true,
        sampler: { isDue: () => false, take: () => {} },
      }),
    ],
  });
  async function ask(body: string | object, viewer?: string) {
    const response = await yoga.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...(viewer && { authorization: viewer }) },
      body: JSON.stringify(typeof body === "string" ? { query: body } : body),
    });
    return (await response.json()) as {
      data?: Record<string, unknown>;
      errors?: { message: string }[];
      extensions?: { responseCache?: { hit: boolean; ttlMs: number; tags: string[]; ageMs?: number } };
    };
  }
  /** How often the field ran for two such requests, one after the other. */
  async function runsOfTwo(
    body: string | object,
    viewers: readonly (string | undefined)[] = [undefined, undefined],
  ) {
    const before = state.runs;
    for (const viewer of viewers) await ask(body, viewer);
    return state.runs - before;
  }
  return { ask, runsOfTwo, state, table };
}

describe("an answer", () => {
  let service: Awaited<ReturnType<typeof createService>>;
  beforeEach(async () => {
    service = await createService();
  });

  test("is kept until what it depends on changes, which development mode reports in extensions", async () => {
    const first = await service.ask("{ value }");
    expect(first.extensions?.responseCache).toEqual({
      hit: false,
      didCache: true,
      ttlMs: 60_000,
      tags: ["row"],
    });
    const second = await service.ask("{ value }");
    expect(second.data).toEqual(first.data);
    expect(second.extensions?.responseCache).toEqual({
      hit: true,
      ageMs: expect.any(Number),
      ttlMs: 60_000,
      tags: ["row", "row!"],
    });
    await service.table.bump(EPOCH, ["row"]);
    expect((await service.ask("{ value }")).data).toEqual({ value: 2 });
  });

  test("holds nothing of its request any more once it is given, be it a miss, a hit or an error", async () => {
    await service.ask("{ value }");
    await service.ask("{ value }");
    service.state.run = () => Promise.reject(new Error("broken"));
    await service.ask("{ value(n: 1) }");
    // Yoga may hold the last request until the next one arrives, so there is one more.
    await service.ask("{ __typename }");
    await vi.waitFor(() => {
      collectGarbage();
      const isThere = service.state.dependencies.slice(0, 3).map((each) => each.deref() !== undefined);
      expect(isThere).toEqual([false, false, false]);
    });
    expect(service.state.held).toHaveLength(4);
  });

  test("is not kept if it is a mutation's, has errors, is introspection, or has a field of maxAge 0", async () => {
    expect(await service.runsOfTwo("mutation { change }")).toBe(2);
    expect(await service.runsOfTwo("{ unkept }")).toBe(2);
    expect(await service.runsOfTwo("{ value unkept }")).toBe(4);
    expect(await service.runsOfTwo("{ value __schema { queryType { name } } }")).toBe(2);
    expect(await service.runsOfTwo('{ value __type(name: "Query") { name } }')).toBe(2);
    service.state.run = () => Promise.reject(new Error("broken"));
    expect(await service.runsOfTwo("{ value }")).toBe(2);
  });

  test("lives as long as its shortest-lived field", async () => {
    const ttlOf = async (query: string) => (await service.ask(query)).extensions?.responseCache?.ttlMs;
    expect(await ttlOf("{ short }")).toBe(7_000);
    expect(await ttlOf("{ value nested { id } }")).toBe(60_000);
  });

  test("with a private field or type is kept only for authenticated viewers, and for each separately", async () => {
    for (const query of ["{ mine }", "{ secret { value } }", "{ secret { __typename } }"]) {
      expect(await service.runsOfTwo(query)).toBe(2);
      expect(await service.runsOfTwo(query, ["ann", "ann"])).toBe(1);
      expect(await service.runsOfTwo(query, ["ann", "bob"])).toBe(1);
    }
  });

  test("belongs to one viewer, one document, one operation and one set of variables", async () => {
    for (const viewer of ["ann", "bob", undefined, "ann", "bob", undefined]) {
      expect((await service.ask("{ who }", viewer)).data).toEqual({ who: viewer ?? null });
    }
    const query = "query A($n: Int) { value(n: $n) } query B($n: Int) { value(n: $n) other: value }";
    const bodies = [
      { query, operationName: "A" },
      { query, operationName: "B" },
      { query, operationName: "A", variables: { n: 1 } },
      { query, operationName: "A", variables: { n: 2 } },
      { query: `${query} `, operationName: "A" },
    ];
    const first = [];
    for (const body of bodies) first.push((await service.ask(body)).data);
    expect(new Set(first.map((data) => JSON.stringify(data))).size).toBe(bodies.length);
    for (const [index, body] of bodies.entries())
      expect((await service.ask(body)).data).toEqual(first[index]);
  });
});

describe("requests that wait for another's answer", () => {
  const gate = () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { open: () => open(), opened };
  };

  test("share one run, unless something has changed since that run began", async () => {
    const { ask, state, table } = await createService();
    const { open: letGo, opened } = gate();
    let row = "old";
    state.run = async () => {
      const read = row === "old" ? 1 : 2;
      await opened;
      return read;
    };
    const early = Array.from({ length: 20 }, () => ask("{ value }"));
    await expect.poll(() => state.runs).toBe(1);
    row = "new";
    await table.bump(EPOCH, ["row"]);
    const late = Array.from({ length: 20 }, () => ask("{ value }"));
    await ask("{ nested { id } }");
    letGo();
    await Promise.all(early);
    for (const { data } of await Promise.all(late)) expect(data).toEqual({ value: 2 });
    expect(state.runs).toBe(2);
  });

  test("each get an answer of their own if the one that they wait for has errors", async () => {
    const { ask, state } = await createService();
    const { open: letGo, opened } = gate();
    state.run = async () => {
      await opened;
      throw new Error("broken inside");
    };
    const answers = Array.from({ length: 10 }, () => ask("{ value }"));
    await expect.poll(() => state.runs).toBeGreaterThan(0);
    letGo();
    for (const { errors, data } of await Promise.all(answers)) {
      expect(data).toEqual({ value: null });
      expect(errors?.map(({ message }) => message)).toEqual(["Unexpected error."]);
    }
    state.run = async () => 5;
    expect((await ask("{ value }")).data).toEqual({ value: 5 });
  });

  test("run the operation themselves, one after the other, if the run that they wait for throws", async () => {
    let failures = 2;
    const { ask, state } = await createService([
      {
        onExecute({ executeFn, setExecuteFn }) {
          setExecuteFn(async (args) => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (failures-- > 0) throw new Error("the executor itself");
            return executeFn(args);
          });
        },
      },
    ]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask("{ value }")));
    expect(answers.filter(({ errors }) => errors !== undefined)).toHaveLength(2);
    expect(answers.filter(({ data }) => data?.value === 1)).toHaveLength(8);
    expect(state.runs).toBe(1);
  });
});

test("(k) a result of any depth is visited once, not once for every path into it", async () => {
  const DEPTH = 40;
  let visited = 0;
  const watched = (value: unknown): unknown =>
    typeof value !== "object" || value === null
      ? value
      : new Proxy(value, {
          ownKeys: (target) => {
            visited++;
            return Reflect.ownKeys(target);
          },
          get: (target, key) => watched(Reflect.get(target, key)),
        });
  const { ask } = await createService([
    {
      onExecute({ executeFn, setExecuteFn }) {
        setExecuteFn(async (args) => {
          // Safe: nothing is deferred or streamed here.
          const result = (await executeFn(args)) as { data: unknown };
          return { ...result, data: watched(result.data) };
        });
      },
    },
  ]);
  const query = `{ nested ${"{ id nodes ".repeat(DEPTH)}{ id }${" }".repeat(DEPTH)} }`;
  const first = await ask(query);
  expect(first.errors).toBeUndefined();
  // The data, and one object for each level.
  expect(visited).toBe(DEPTH + 2);
  expect((await ask(query)).extensions?.responseCache?.hit).toBe(true);
  expect(visited).toBe(DEPTH + 2);
});

describe("the service", async () => {
  const database = await createTestDatabase();
  const service = await startServed({ DATABASE_URL: database.url });
  await insertRows(service.app.database.pool, { users: 2, projects: 2 });

  test("never keeps live figures, not even beside other fields, and adds no extensions outside of development", async () => {
    const USERS = "{ users { totalCount } }";
    const { text } = await service.untilHit(USERS);
    expect(JSON.parse(text)).toEqual({ data: { users: { totalCount: 2 } } });
    for (const live of ["health { status }", "statistics { pool { max } }", "cacheStatistics { misses }"]) {
      for (const query of [`{ ${live} }`, `{ users { totalCount } ${live} }`]) {
        for (let round = 0; round < 3; round++) {
          const { cached, headers } = await service.ask(query);
          expect([query, cached, headers.get("etag")]).toEqual([query, undefined, null]);
          expect(headers.get("cache-control")).toBe("no-store");
        }
      }
    }
  });

  test("shows in a mutation's payload what the mutation wrote", async () => {
    const id = `Project:${keyOf(1)}`;
    for (let round = 0; round < 10; round++) {
      await service.untilHit(
        "query ($id: ID!) { project(id: $id) { name owner { projects { nodes { name } } } } }",
        {
          id,
        },
      );
      const { data } = await service.ask(
        `mutation ($id: ID!, $name: String!) {
          updateProject(input: { id: $id, name: $name }) { project { name owner { projects { nodes { name } } } } }
        }`,
        { id, name: `round ${round}` },
      );
      expect(data.updateProject.project).toEqual({
        name: `round ${round}`,
        owner: { projects: { nodes: [{ name: `round ${round}` }] } },
      });
    }
  });

  test.each([
    ["CACHE_TTL_PROJECT", "projects { nodes { name } }", `node(id: "Project:${keyOf(1)}") { id }`],
    ["CACHE_TTL_USER", "users { nodes { username } }", `node(id: "User:${keyOf(1)}") { __typename }`],
    ["CACHE_TTL_STATISTICS", "userStatistics { total }"],
  ])(
    "keeps no answer that contains a kind whose time to live is 0: %s",
    async (variable, ...fields) => {
      const { url } = await createTestDatabase();
      const without = await startServed({ DATABASE_URL: url, [variable]: "0" });
      await without.untilHit("{ conversionJobs { totalCount } }");
      for (const field of fields) {
        for (let round = 0; round < 3; round++) {
          const { cached, errors } = await without.ask(`{ conversionJobs { totalCount } ${field} }`);
          expect([errors, cached]).toEqual([undefined, undefined]);
        }
      }
    },
    60_000,
  );
});
