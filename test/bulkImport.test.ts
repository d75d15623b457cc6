import { beforeEach, expect, test } from "vitest";
import { createTestApp } from "./support/app.ts";
import { fingerprint, insertRows, keyOf } from "./support/rows.ts";

const { app, execute } = await createTestApp();
const { url } = await app.listen();
const { pool } = app.database;

const PER_CALL = 1_000;
const IMPORT = `mutation ($input: ImportProjectsInput!) { importProjects(input: $input) { projects { id name } } }`;
const projectsOf = (call: number) =>
  Array.from({ length: PER_CALL }, (_, n) => ({
    ownerId: `User:${keyOf(1 + (n % 3))}`,
    name: `project ${call}/${n}`,
    description: n % 2 === 0 ? `The ${n}th of call ${call}.` : null,
    githubUrl: `https://github.com/acme/project-${call}-${n}`,
    originalTechStack: { language: "JavaScript", framework: "Express", additional: ["mocha", "eslint"] },
    ...(n % 5 === 0 && { targetTechStack: { language: "TypeScript" } }),
  }));

async function send(projects: unknown[]) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: IMPORT, variables: { input: { projects } } }),
  });
  return (await response.json()) as {
    data: { importProjects: { projects: { id: string; name: string }[] } } | null;
    errors?: { extensions: { code: string; issues?: { path: unknown[] }[] } }[];
  };
}

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  await insertRows(pool, { users: 3 });
});

test("10,000 projects arrive in 10 calls of 1,000, each in its order", { timeout: 60_000 }, async () => {
  for (let call = 0; call < 10; call++) {
    const projects = projectsOf(call);
    const { data, errors } = await send(projects);
    expect(errors).toBeUndefined();
    expect(data?.importProjects.projects.map(({ name }) => name)).toEqual(projects.map(({ name }) => name));
  }

  const { data } = await execute(
    `{ projects(first: 1) { totalCount } projectStatistics(ownerId: "User:${keyOf(1)}") { total } searchProjects(query: "project-9-999") { nodes { name description originalTechStack { framework additional } owner { id } } } }`,
  );
  expect(data).toEqual({
    projects: { totalCount: 10_000 },
    projectStatistics: { total: 3_340 },
    searchProjects: {
      nodes: [
        {
          name: "project 9/999",
          description: null,
          originalTechStack: { framework: "Express", additional: ["mocha", "eslint"] },
          owner: { id: `User:${keyOf(1)}` },
        },
      ],
    },
  });
});

test("a call is all or none: one bad project, or one unknown owner, and nothing of it is there", async () => {
  await send(projectsOf(0));
  const before = await fingerprint(pool);

  const invalid = projectsOf(1).map((project, n) => (n === 998 ? { ...project, name: "" } : project));
  expect((await send(invalid)).errors).toMatchObject([
    { extensions: { code: "VALIDATION_FAILED", issues: [{ path: ["input", "projects", 998, "name"] }] } },
  ]);
  const orphaned = projectsOf(1).map((project, n) =>
    n === 999 ? { ...project, ownerId: `User:${keyOf(9)}` } : project,
  );
  expect((await send(orphaned)).errors).toMatchObject([{ extensions: { code: "CONFLICT" } }]);

  expect(await fingerprint(pool)).toEqual(before);
});
