import { beforeAll, expect, test } from "vitest";
import { createSharing } from "../../src/database/sharing.ts";
import { type Access, TO_EVERYTHING } from "../../src/repositories/access.ts";
import type { ObjectShape } from "../../src/repositories/answerShape.ts";
import { createComposedRows } from "../../src/repositories/composedRows.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

const { pool, database, repositories } = await createTestRepositories();
const { users, projects, conversionJobs } = repositories;
const sharing = createSharing({ cancellation: undefined, replicas: undefined, tracing: undefined });
const rowText = createComposedRows(
  { query: database.query, sharing },
  { User: users.source, Project: projects.source, ConversionJob: conversionJobs.source },
);
const NAME: ObjectShape = [{ kind: "value", key: "name", column: "name", form: "text", isNullable: false }];

// Projects belong to users in turn: the first to the first.
beforeAll(() => insertRows(pool, { users: 3, projects: 6 }));

test("rows that are asked for in the same moment are one statement, and each sees but their own", async () => {
  const recording = recordStatements(pool);
  const owner: Extract<Access, { to: "owned" }> = { to: "owned", userId: keyOf(2) };
  const ask = (n: number, access: typeof owner | typeof TO_EVERYTHING = owner) =>
    rowText("Project", NAME, { id: keyOf(n), access: access as typeof owner });

  const texts = await Promise.all([
    ask(1, TO_EVERYTHING),
    ask(1),
    ask(2, TO_EVERYTHING),
    ask(2),
    ask(2),
    ask(99, TO_EVERYTHING),
    ask(5),
  ]);

  const text = (n: number) => `{"name":"project ${n}"}`;
  expect(texts).toEqual([text(1), undefined, text(2), text(2), text(2), undefined, text(5)]);
  expect(recording.statements).toHaveLength(1);
});
