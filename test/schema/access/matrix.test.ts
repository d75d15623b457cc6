import { type GraphQLObjectType, getNamedType, isIntrospectionType, isObjectType } from "graphql";
import { beforeAll, describe, expect, test } from "vitest";
import { API_KEY_SCOPES } from "../../../src/auth/viewer.ts";
import { schema } from "../../../src/schema/index.ts";
import { fingerprint } from "../../support/rows.ts";
import { EXCEPTIONS, FIELD_SCOPES, FIELDS, ROOT_FIELDS } from "./expected.ts";
import { type Operation, readsOf, writesOf } from "./operations.ts";
import { ADAS, createAccessWorld, VIEWER_NAMES, VIEWERS, type ViewerName } from "./world.ts";

const world = await createAccessWorld();

type Outcomes = Readonly<Record<ViewerName, string>>;

/** The rows of a table whose columns are named in its first line. */
function rowsOf(table: string): Map<string, Outcomes & { scopes: string }> {
  const [head, ...lines] = table.trim().split("\n");
  const columns = head!.trim().split(/\s+/);
  return new Map(
    lines.map((line) => {
      const cells = line.trim().split(/\s+/);
      expect(cells, line).toHaveLength(columns.length);
      // Safe: the table's columns are the names of the type.
      const row = Object.fromEntries(
        columns.map((name, index) => [name, cells[index]!]),
      ) as unknown as Outcomes & {
        field: string;
        scopes: string;
      };
      return [row.field, row];
    }),
  );
}

const ROOT = rowsOf(ROOT_FIELDS);
const operations = { ...readsOf(ADAS), ...writesOf(ADAS) };
const rootTypes = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!];
const WORDS: Readonly<Record<string, string>> = { UNAUTHENTICATED: "who?", FORBIDDEN: "no" };

const send = (authorization: string, { query, variables }: Operation) =>
  query.startsWith("subscription")
    ? world.listen(authorization, query)
    : world.ask(authorization, query, variables);

/** The answer to the operation, in the table's words. */
async function outcome(authorization: string, operation: Operation): Promise<string> {
  const { data, errors } = await send(authorization, operation);
  if (errors) {
    const codes = new Set(errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code));
    expect(codes.size, JSON.stringify(errors)).toBe(1);
    const [code] = codes;
    return WORDS[code as string] ?? (code as string);
  }
  const text = JSON.stringify(data);
  const refused = /"error":\{"code":"([A-Z_]+)","from":(null|"[A-Z]+"),"allowed":(null|\[.*?\])\}/.exec(text);
  if (refused) {
    // A viewer who must not know of the job learns nothing else about it either.
    expect(text).toContain('"directive":"STOP","conversionJob":null');
    expect(refused.slice(2)).toEqual(["null", "null"]);
    return refused[1]!;
  }
  return (operation.marker ?? /./).test(text) ? "yes" : "none";
}

beforeAll(world.reset);

test("the tables have every field of the schema, and no other", () => {
  const inSchema = rootTypes.flatMap((type) =>
    Object.keys(type.getFields()).map((name) => `${type.name}.${name}`),
  );
  expect([...ROOT.keys()].sort()).toEqual(inSchema.sort());
  expect(Object.keys(operations).sort()).toEqual(inSchema.sort());

  const types = Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType =>
      isObjectType(type) && !isIntrospectionType(type) && !rootTypes.includes(type),
  );
  const fields = Object.fromEntries(
    types.map((type) => [type.name, Object.keys(type.getFields()).sort().join(" ")]),
  );
  expect(FIELDS).toEqual(fields);
});

describe("who may read", () => {
  test.each([...ROOT].filter(([field]) => !field.startsWith("Mutation.")))("%s", async (field, expected) => {
    const outcomes = Object.fromEntries(
      await Promise.all(
        VIEWER_NAMES.map(async (viewer) => [viewer, await outcome(VIEWERS[viewer], operations[field]!)]),
      ),
    );

    expect(outcomes).toEqual(pick(expected));
  });
});

describe("who may change", () => {
  test.each([...ROOT].filter(([field]) => field.startsWith("Mutation.")))("%s", async (field, expected) => {
    const outcomes: Record<string, string> = {};
    for (const viewer of VIEWER_NAMES) {
      const before = await fingerprint(world.pool);
      outcomes[viewer] = await outcome(VIEWERS[viewer], operations[field]!);
      if (outcomes[viewer] === "yes") await world.reset();
      else expect(await fingerprint(world.pool)).toEqual(before);
    }

    expect(outcomes).toEqual(pick(expected));
  });
});

describe("which scopes an administrator's API key needs for", () => {
  test.each([...ROOT])("%s", async (field, { scopes }) => {
    const enough = scopes === "-" ? undefined : [scopes, "admin"];
    for (const scope of [...API_KEY_SCOPES, "none"]) {
      // "none" is not the name of a scope.
      const outcomeOf = await outcome(`${VIEWERS.admin} ${scope}`, operations[field]!);
      const isEnough = enough === undefined || enough.includes(scope);
      expect([scope, outcomeOf]).toEqual([scope, isEnough ? "yes" : "no"]);
      if (field.startsWith("Mutation.") && isEnough) await world.reset();
    }
  });
});

/**
 * For each type that a query can reach, a function that puts a query around a selection of the type. Where
 * possible, the query starts at the job that Ada's worker holds.
 */
function waysTo(): Map<string, (selection: string) => string> {
  const ways = new Map<string, (selection: string) => string>();
  const follow = (type: GraphQLObjectType, around: (selection: string) => string) => {
    if (ways.has(type.name)) return;
    ways.set(type.name, around);
    for (const field of Object.values(type.getFields())) {
      const next = getNamedType(field.type);
      if (isObjectType(next)) follow(next, (selection) => around(`${field.name} { ${selection} }`));
    }
  };
  const start = (text: string, type: string) =>
    // Safe: all of these are names of object types.
    follow(schema.getType(type) as GraphQLObjectType, (selection) => text.replace("$", selection));
  start(`{ conversionJob(id: "${ADAS.job}") { $ } }`, "ConversionJob");
  start("{ viewer { $ } }", "User");
  for (const field of Object.values(schema.getQueryType()!.getFields())) {
    const type = getNamedType(field.type);
    const args = field.name === "searchProjects" ? `(query: "project")` : "";
    if (isObjectType(type) && !field.args.some(({ name }) => name === "id"))
      start(`{ ${field.name}${args} { $ } }`, type.name);
  }
  start(`subscription { conversionJobEvents(jobId: "${ADAS.job}") { $ } }`, "ConversionJobNews");
  start(`subscription { projectActivity(projectId: "${ADAS.project}") { $ } }`, "ProjectNews");
  return ways;
}

/** Selects the field, with the selection that it needs below it. */
function selectionOf(type: GraphQLObjectType, name: string): string {
  const next = getNamedType(type.getFields()[name]!.type);
  return isObjectType(next) ? `${name} { __typename }` : name;
}

describe("the fields below the root", () => {
  const ways = waysTo();

  test("are of types that a query can reach, or that are part of a mutation's payload", () => {
    const unreached = Object.keys(FIELDS).filter((name) => !ways.has(name));
    expect(unreached.filter((name) => !name.endsWith("Payload"))).toEqual([
      "ConversionJobClaim",
      "ConversionJobError",
      "ConversionJobResult",
      "IndexMaintenance",
      "PrunedRows",
      "TableMaintenance",
    ]);
  });

  test.each([...ways])(
    "of %s are visible to everybody who may see their parent, except for the exceptions",
    async (name, around) => {
      const type = schema.getType(name) as GraphQLObjectType; // Safe: the names of object types.
      for (const viewer of ["owner", "holder", "admin"] as const) {
        // This viewer may not see what leads there, which the tables above say.
        if ((await outcome(VIEWERS[viewer], { query: around("__typename") })) !== "yes") continue;
        for (const field of FIELDS[name]!.split(" ")) {
          const refused = EXCEPTIONS[`${name}.${field}`] as readonly string[] | undefined;
          const asked = await outcome(VIEWERS[viewer], { query: around(selectionOf(type, field)) });
          expect([viewer, field, asked]).toEqual([viewer, field, refused?.includes(viewer) ? "no" : "yes"]);
        }
      }
    },
  );

  test("need a scope of their own from an API key where they lead to further data", async () => {
    const payloads: Readonly<Record<string, string>> = {
      ConversionJob: `mutation { reprioritizeConversionJob(input: { id: "${ADAS.job}", priority: 1 }) { conversionJob { $ } } }`,
      Health: "{ health { $ } }",
      Project: `mutation { updateProject(input: { id: "${ADAS.project}", name: "n" }) { project { $ } } }`,
      User: "{ viewer { $ } }",
    };
    const found: Record<string, string[]> = {};
    for (const [name, query] of Object.entries(payloads)) {
      const type = schema.getType(name) as GraphQLObjectType; // Safe: as above.
      for (const field of FIELDS[name]!.split(" ")) {
        const scopes: string[] = [];
        for (const scope of ["projects:read", "jobs:work", "users:read", "admin"]) {
          const operation = { query: query.replace("$", selectionOf(type, field)) };
          if ((await outcome(`${VIEWERS.admin} projects:write,${scope}`, operation)) === "yes")
            scopes.push(scope);
        }
        if (scopes.length < 4)
          found[`${name}.${field}`] = scopes.filter((scope) => scope !== "admin" || scopes.length === 1);
      }
    }
    expect(found).toEqual(FIELD_SCOPES);
  });
});

function pick(row: Outcomes): Outcomes {
  return Object.fromEntries(VIEWER_NAMES.map((name) => [name, row[name]])) as Outcomes; // Safe: all names.
}
