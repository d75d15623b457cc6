import { beforeAll, expect, test } from "vitest";
import { createSharing } from "../../src/database/sharing.ts";
import type { ComposedRequest, ObjectShape } from "../../src/repositories/answerShape.ts";
import { createComposedAnswers } from "../../src/repositories/composedAnswer.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

const { pool, database, repositories } = await createTestRepositories();
const { users, projects, conversionJobs } = repositories;
const sharing = createSharing({ cancellation: undefined, replicas: undefined, tracing: undefined });
const composed = createComposedAnswers(
  { query: database.query, sharing },
  { User: users.source, Project: projects.source, ConversionJob: conversionJobs.source },
);

const EVERYTHING = { to: "everything" } as const;
const NAME: ObjectShape = [{ kind: "value", key: "name", column: "name", form: "text", isNullable: false }];
const OWNER: ObjectShape = [{ kind: "value", key: "id", column: "id", form: "word", isNullable: false }];
const ROW: ObjectShape = [{ kind: "namedRow", key: "project", type: "Project", index: 0, shape: NAME }];
const LIST: ObjectShape = [
  {
    kind: "page",
    key: "projects",
    type: "Project",
    index: 0,
    parts: [
      {
        kind: "nodes",
        key: "nodes",
        shape: [...NAME, { kind: "row", key: "owner", column: "userId", type: "User", shape: OWNER }],
      },
    ],
  },
];

// The users own projects in turn: the first user owns the first project.
beforeAll(() => insertRows(pool, { users: 3, projects: 6 }));

test("concurrent requests for rows share one statement, and each viewer sees only the rows they may see", async () => {
  const recording = recordStatements(pool);
  const owner = { to: "owned", userId: keyOf(2) } as const;
  const ask = async (n: number, access: ComposedRequest["access"] = owner) => {
    const named = [{ type: "Project", id: keyOf(n) }] as const;
    return (await composed.load({ shape: ROW, lists: [], named, access }))?.text;
  };

  const texts = await Promise.all([
    ask(1, EVERYTHING),
    ask(1),
    ask(2, EVERYTHING),
    ask(2),
    ask(2),
    ask(99, EVERYTHING),
    ask(5),
  ]);

  const text = (n: number) => `{"project":{"name":"project ${n}"}}`;
  const none = `{"project":null}`;
  expect(texts).toEqual([text(1), none, text(2), text(2), text(2), none, text(5)]);
  expect(recording.statements).toHaveLength(1);
});

test("an answer's dependencies are reported only on request, and the answer is the same either way", async () => {
  const list = {
    where: [],
    order: { column: "created_at", type: "timestamptz", direction: "DESC" },
    tags: ["Project"],
  } as const;
  const request: ComposedRequest = {
    shape: LIST,
    lists: [{ type: "Project", request: { want: "page", list, page: { first: 2 } } }],
    named: [],
    access: EVERYTHING,
  };
  const projectIds = (await projects.findMany({}, { first: 2 })).rows.map(({ id }) => id);

  const told = await composed.load(request);
  const untold = await composed.load(request, false);

  expect(JSON.parse(told!.text).projects.nodes).toHaveLength(2);
  expect(untold!.text).toBe(told!.text);
  expect(untold!.tags).toEqual(["Project"]);
  const rows = (await projects.findByIds(projectIds)).map((row) => row!);
  expect(new Set(told!.tags)).toEqual(
    new Set(["Project", ...rows.flatMap(({ id, userId }) => [`Project:${id}`, `User:${userId}`])]),
  );
});
