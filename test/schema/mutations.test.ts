import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { captureLogs } from "../support/logs.ts";
import { fingerprint, insertRows, keyOf } from "../support/rows.ts";

const logs = captureLogs();
const { app, execute } = await createTestApp(
  { ENCRYPTION_KEY: randomBytes(32).toString("hex") },
  { log: logs.log },
);
const { pool } = app.database;

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  await insertRows(pool, { users: 2, projects: 3, jobs: 3 });
});

const user = (n: number) => `User:${keyOf(n)}`;
const project = (n: number) => `Project:${keyOf(n)}`;
const job = (n: number) => `ConversionJob:${keyOf(n)}`;

const capitalized = (name: string) => name[0]!.toUpperCase() + name.slice(1);

/** Runs a mutation that must succeed. */
async function change(name: string, input: unknown, selection: string) {
  const { data, errors } = await execute(
    `mutation ($input: ${capitalized(name)}Input!) { ${name}(input: $input) { ${selection} } }`,
    { input },
  );
  expect(errors).toBeUndefined();
  return data[name];
}

/** Runs a mutation that must be refused without any effect. @returns the error's code, paths and details */
async function refusal(name: string, input: unknown) {
  const before = await fingerprint(pool);
  const { data, errors } = await execute(
    `mutation ($input: ${capitalized(name)}Input!) { ${name}(input: $input) { __typename } }`,
    { input },
  );
  expect(data).toBeNull();
  expect(errors).toHaveLength(1);
  expect(errors![0].path).toEqual([name]);
  expect(await fingerprint(pool)).toEqual(before);
  const { code, issues, ...details } = errors![0].extensions;
  return issues === undefined
    ? { code, ...details }
    : { code, paths: issues.map(({ path }: { path: unknown[] }) => path.join(".")) };
}

async function read(query: string, variables?: Record<string, unknown>) {
  const { data, errors } = await execute(query, variables);
  expect(errors).toBeUndefined();
  return data;
}

const STACK = "language framework database runtime buildTool packageManager deployment additional";
const FULL_STACK = {
  language: "TypeScript",
  framework: "Fastify",
  database: "PostgreSQL 16",
  runtime: "Node.js 20",
  buildTool: "tsc",
  packageManager: "npm",
  deployment: "Docker",
  additional: ["vitest", "biome"],
};
const PROJECT = `id name description githubUrl status version owner { id } originalTechStack { ${STACK} } targetTechStack { ${STACK} }`;
const readProject = async (id: string) =>
  (await read(`query ($id: ID!) { project(id: $id) { ${PROJECT} } }`, { id })).project;
const EMPTY_STACK = {
  language: null,
  framework: null,
  database: null,
  runtime: null,
  buildTool: null,
  packageManager: null,
  deployment: null,
  additional: [],
};

describe("importProject", () => {
  test("adds a project with everything that it was given, trimmed", async () => {
    const { project: added } = await change(
      "importProject",
      {
        ownerId: user(2),
        name: "  express ",
        description: "web framework",
        githubUrl: "https://github.com/expressjs/express",
        originalTechStack: { language: " JavaScript " },
        targetTechStack: FULL_STACK,
      },
      `project { ${PROJECT} }`,
    );

    expect(added).toEqual({
      id: expect.stringMatching(/^Project:[0-9a-f-]{36}$/),
      name: "express",
      description: "web framework",
      githubUrl: "https://github.com/expressjs/express",
      status: "IMPORTED",
      version: 1,
      owner: { id: user(2) },
      originalTechStack: { ...EMPTY_STACK, language: "JavaScript" },
      targetTechStack: FULL_STACK,
    });
    expect(await readProject(added.id)).toEqual(added);
  });

  test.each(["https://x/y", "http://x/y", "ssh://git@x/y.git", "git://x/y.git", "file:///srv/y"])(
    "accepts the address %s",
    async (githubUrl) => {
      const { project: added } = await change(
        "importProject",
        { ownerId: user(1), name: "n", githubUrl },
        "project { githubUrl }",
      );
      expect(added).toEqual({ githubUrl });
    },
  );

  test.each([
    "",
    "x",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://user:secret@x/y",
    `https://x/${"y".repeat(2_050)}`,
  ])("refuses the address %s", async (githubUrl) => {
    const { code, paths } = await refusal("importProject", { ownerId: user(1), name: "n", githubUrl });
    expect(code).toBe("VALIDATION_FAILED");
    expect(new Set(paths)).toEqual(new Set(["input.githubUrl"]));
  });

  test("names the path of every problem at once", async () => {
    expect(
      await refusal("importProject", {
        ownerId: user(1),
        name: " ",
        description: "x".repeat(5_001),
        githubUrl: "https://x/y",
        originalTechStack: { language: "x".repeat(101), additional: ["ok", ""] },
        targetTechStack: { additional: Array(51).fill("x") },
      }),
    ).toEqual({
      code: "VALIDATION_FAILED",
      paths: [
        "input.name",
        "input.description",
        "input.originalTechStack.language",
        "input.originalTechStack.additional.1",
        "input.targetTechStack.additional",
      ],
    });
  });

  test("refuses an owner that is missing, is of another type, or does not exist", async () => {
    const valid = { name: "n", githubUrl: "https://x/y" };
    // The administrator who asks has no row, so without an `ownerId` there is no owner.
    expect(await refusal("importProject", valid)).toEqual({ code: "CONFLICT" });
    expect(await refusal("importProject", { ...valid, ownerId: project(1) })).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.ownerId"],
    });
    expect(await refusal("importProject", { ...valid, ownerId: user(9) })).toEqual({ code: "CONFLICT" });
  });
});

describe("importProjects", () => {
  const one = (n: number) => ({ ownerId: user(1), name: `p${n}`, githubUrl: `https://x/${n}` });

  test("adds the projects in the input's order", async () => {
    const { projects } = await change(
      "importProjects",
      { projects: [3, 1, 2].map(one) },
      "projects { id name }",
    );

    expect(projects.map(({ name }: { name: string }) => name)).toEqual(["p3", "p1", "p2"]);
    expect((await read("{ projects { totalCount } }")).projects.totalCount).toBe(6);
    expect(await readProject(projects[1].id)).toMatchObject({ name: "p1", version: 1 });
  });

  test("adds none if one is invalid or has a bad owner, or if there are too many or none", async () => {
    expect(
      await refusal("importProjects", {
        projects: [one(1), { ...one(2), name: "" }, { ...one(3), githubUrl: "x" }],
      }),
    ).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.projects.1.name", "input.projects.2.githubUrl"],
    });
    expect(await refusal("importProjects", { projects: [one(1), { ...one(2), ownerId: job(1) }] })).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.projects.1.ownerId"],
    });
    expect(await refusal("importProjects", { projects: [one(1), { ...one(2), ownerId: user(9) }] })).toEqual({
      code: "CONFLICT",
    });
    expect(
      await refusal("importProjects", { projects: Array.from({ length: 1_001 }, (_, n) => one(n)) }),
    ).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.projects"],
    });
    expect(await refusal("importProjects", { projects: [] })).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.projects"],
    });
  });
});

describe("addProjectFiles", () => {
  const FILES = "project { status version fileStructure { totalCount nodes { path sizeBytes language } } }";

  test("adds and overwrites files, and makes the project READY with the last", async () => {
    const first = await change(
      "addProjectFiles",
      { projectId: project(1), files: [{ path: "a.ts", sizeBytes: 1 }], isLast: false },
      FILES,
    );
    expect(first.project).toMatchObject({
      status: "ANALYZING",
      version: 2,
      fileStructure: { totalCount: 1 },
    });

    const last = await change(
      "addProjectFiles",
      {
        projectId: project(1),
        files: [
          { path: "a.ts", sizeBytes: 5_000_000_000, language: "TypeScript" },
          { path: "b/c.py", sizeBytes: 0 },
        ],
        isLast: true,
      },
      FILES,
    );
    expect(last.project).toEqual({
      status: "READY",
      version: 3,
      fileStructure: {
        totalCount: 2,
        nodes: [
          { path: "a.ts", sizeBytes: 5_000_000_000, language: "TypeScript" },
          { path: "b/c.py", sizeBytes: 0, language: null },
        ],
      },
    });
    const again = await read(
      `query ($id: ID!) { project(id: $id) { status fileStructure { totalCount } } }`,
      { id: project(1) },
    );
    expect(again.project).toEqual({ status: "READY", fileStructure: { totalCount: 2 } });
  });

  test("names every bad file, and refuses too many files and an unknown project", async () => {
    const file = (path: string) => ({ path, sizeBytes: 1 });
    const paths = ["/abs", "a/../b", "./a", "a/.", "..", "ok", "ok"];
    expect(
      await refusal("addProjectFiles", { projectId: project(1), files: paths.map(file), isLast: true }),
    ).toEqual({
      code: "VALIDATION_FAILED",
      paths: [0, 1, 2, 3, 4, 6].map((n) => `input.files.${n}.path`),
    });
    expect(
      await refusal("addProjectFiles", {
        projectId: project(1),
        files: [{ path: "a", sizeBytes: -1 }],
        isLast: true,
      }),
    ).toEqual({ code: "VALIDATION_FAILED", paths: ["input.files.0.sizeBytes"] });
    const many = Array.from({ length: 5_001 }, (_, n) => file(`f${n}`));
    expect(await refusal("addProjectFiles", { projectId: project(1), files: many, isLast: true })).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.files"],
    });
    expect(await refusal("addProjectFiles", { projectId: project(9), files: [], isLast: true })).toEqual({
      code: "NOT_FOUND",
      type: "Project",
      id: keyOf(9),
    });
  });

  test("accepts 5,000 files at once", async () => {
    const files = Array.from({ length: 5_000 }, (_, n) => ({ path: `src/${n}.ts`, sizeBytes: n }));
    const { project: full } = await change(
      "addProjectFiles",
      { projectId: project(1), files, isLast: true },
      FILES,
    );
    expect(full.fileStructure.totalCount).toBe(5_000);
  });
});

describe("updateProject", () => {
  test("changes the fields that are given and no others, and null clears a field", async () => {
    const before = await readProject(project(1));
    const { project: changed } = await change(
      "updateProject",
      { id: project(1), description: "d", targetTechStack: FULL_STACK, status: "FAILED", expectedVersion: 1 },
      `project { ${PROJECT} }`,
    );
    expect(changed).toEqual({
      ...before,
      description: "d",
      targetTechStack: FULL_STACK,
      status: "FAILED",
      version: 2,
    });
    expect(await readProject(project(1))).toEqual(changed);

    // Null clears a field that may be null, and leaves any other field as it is.
    const { project: cleared } = await change(
      "updateProject",
      {
        id: project(1),
        description: null,
        targetTechStack: null,
        name: null,
        githubUrl: null,
        originalTechStack: null,
        status: null,
        expectedVersion: null,
      },
      `project { ${PROJECT} }`,
    );
    expect(cleared).toEqual({ ...before, status: "FAILED", version: 3 });
  });

  test("refuses an old version, an unknown project, and a status that follows from jobs", async () => {
    await change("updateProject", { id: project(1), name: "new" }, "project { version }");

    expect(await refusal("updateProject", { id: project(1), name: "newer", expectedVersion: 1 })).toEqual({
      code: "VERSION_CONFLICT",
      type: "Project",
      id: keyOf(1),
      expectedVersion: 1,
      currentVersion: 2,
    });
    expect(await refusal("updateProject", { id: project(9), name: "n" })).toMatchObject({
      code: "NOT_FOUND",
    });
    expect(await refusal("updateProject", { id: user(1), name: "n" })).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.id"],
    });
    expect(
      await refusal("updateProject", { id: project(1), status: "COMPLETED", name: "", expectedVersion: 0 }),
    ).toEqual({ code: "VALIDATION_FAILED", paths: ["input.name", "input.status", "input.expectedVersion"] });
  });
});

test("setTargetTechStack replaces the target as a whole", async () => {
  await change("setTargetTechStack", { id: project(1), targetTechStack: FULL_STACK }, "project { id }");
  const { project: changed } = await change(
    "setTargetTechStack",
    { id: project(1), targetTechStack: { language: "Rust" }, expectedVersion: 2 },
    `project { ${PROJECT} }`,
  );

  expect(changed).toMatchObject({ version: 3, targetTechStack: { ...EMPTY_STACK, language: "Rust" } });
  expect(await readProject(project(1))).toEqual(changed);
  expect(
    await refusal("setTargetTechStack", {
      id: project(1),
      targetTechStack: { runtime: "" },
      expectedVersion: 3,
    }),
  ).toEqual({
    code: "VALIDATION_FAILED",
    paths: ["input.targetTechStack.runtime"],
  });
  expect(
    await refusal("setTargetTechStack", { id: project(1), targetTechStack: {}, expectedVersion: 2 }),
  ).toMatchObject({
    code: "VERSION_CONFLICT",
    currentVersion: 3,
  });
});

test("deleteProject deletes the project with its jobs, once, and only at the expected version", async () => {
  expect(await refusal("deleteProject", { id: project(1), expectedVersion: 2 })).toMatchObject({
    code: "VERSION_CONFLICT",
  });
  expect(await change("deleteProject", { id: project(1), expectedVersion: 1 }, "deletedId")).toEqual({
    deletedId: project(1),
  });

  expect(
    await read(
      `{ nodes(ids: ["${project(1)}", "${job(1)}", "${project(2)}"]) { id } projects { totalCount } }`,
    ),
  ).toEqual({
    nodes: [null, null, { id: project(2) }],
    projects: { totalCount: 2 },
  });
  expect(await refusal("deleteProject", { id: project(1) })).toMatchObject({ code: "NOT_FOUND" });
});

describe("conversion jobs", () => {
  const JOB =
    "id status progress version project { id } plan { complexity warnings feasible tasks { id dependencies priority status inputFiles } } results { taskId }";
  const readJob = async (id: string) =>
    (await read(`query ($id: ID!) { conversionJob(id: $id) { ${JOB} } }`, { id })).conversionJob;
  const task = (id: string, dependencies: string[] = []) => ({
    id,
    type: "t",
    description: "d",
    agentType: "a",
    dependencies,
  });

  test("createConversionJob adds a job, with defaults for what the plan leaves out", async () => {
    const { conversionJob } = await change(
      "createConversionJob",
      { projectId: project(1), plan: { tasks: [task("a"), task("b", ["a"])] } },
      `conversionJob { ${JOB} }`,
    );

    const defaults = { priority: 0, status: "PENDING", inputFiles: [] };
    expect(conversionJob).toEqual({
      id: expect.stringMatching(/^ConversionJob:/),
      status: "PENDING",
      progress: 0,
      version: 1,
      project: { id: project(1) },
      plan: {
        complexity: "MEDIUM",
        warnings: [],
        feasible: true,
        tasks: [
          { id: "a", dependencies: [], ...defaults },
          { id: "b", dependencies: ["a"], ...defaults },
        ],
      },
      results: [],
    });
    expect(await readJob(conversionJob.id)).toEqual(conversionJob);
  });

  test.each<[string, unknown[], string[]]>([
    ["no task", [], ["input.plan.tasks"]],
    ["a repeated id", [task("a"), task("a")], ["input.plan.tasks.1.id"]],
    ["an unknown dependency", [task("a", ["b"])], ["input.plan.tasks.0.dependencies.0"]],
    ["a task that depends on itself", [task("a", ["a"])], ["input.plan.tasks"]],
    ["a cycle", [task("a", ["b"]), task("b", ["c"]), task("c", ["a"])], ["input.plan.tasks"]],
    [
      "several problems",
      [
        { ...task(""), priority: 1_001 },
        { ...task("b"), estimatedDuration: -1, inputFiles: [""] },
      ],
      [
        "input.plan.tasks.0.id",
        "input.plan.tasks.0.priority",
        "input.plan.tasks.1.inputFiles.0",
        "input.plan.tasks.1.estimatedDuration",
      ],
    ],
    ["501 tasks", Array.from({ length: 501 }, (_, n) => task(`t${n}`)), ["input.plan.tasks"]],
  ])("a plan with %s is refused with the path of each problem", async (_, tasks, paths) => {
    const expected = { code: "VALIDATION_FAILED", paths };
    expect(await refusal("createConversionJob", { projectId: project(1), plan: { tasks } })).toEqual(
      expected,
    );
    expect(await refusal("updateConversionJob", { id: job(1), plan: { tasks } })).toEqual(expected);
  });

  test("a chain of 500 tasks and a wide fan are accepted", async () => {
    const chain = Array.from({ length: 500 }, (_, n) =>
      task(`t${n}`, n === 0 ? [] : [`t${n - 1}`]),
    ).reverse();
    const fan = [
      task(
        "end",
        Array.from({ length: 499 }, (_, n) => `t${n}`),
      ),
      ...chain.slice(1),
    ];
    for (const tasks of [chain, fan]) {
      await change("createConversionJob", { projectId: project(1), plan: { tasks } }, "conversionJob { id }");
    }
  });

  test("a job for an unknown project is a CONFLICT", async () => {
    expect(
      await refusal("createConversionJob", { projectId: project(9), plan: { tasks: [task("a")] } }),
    ).toEqual({ code: "CONFLICT" });
  });

  test("updateConversionJob replaces the plan only while the job is PENDING", async () => {
    const { conversionJob } = await change(
      "updateConversionJob",
      { id: job(1), plan: { tasks: [task("new")] }, expectedVersion: 1 },
      `conversionJob { ${JOB} }`,
    );
    expect(conversionJob).toMatchObject({ version: 2, plan: { tasks: [{ id: "new" }] } });
    expect(await readJob(job(1))).toEqual(conversionJob);

    expect(
      await refusal("updateConversionJob", { id: job(1), plan: { tasks: [task("x")] }, expectedVersion: 1 }),
    ).toMatchObject({
      code: "VERSION_CONFLICT",
      currentVersion: 2,
    });
    await pool.query("UPDATE conversion_jobs SET status = 'RUNNING', started_at = now() WHERE id = $1", [
      keyOf(1),
    ]);
    expect(await refusal("updateConversionJob", { id: job(1), plan: { tasks: [task("x")] } })).toMatchObject({
      code: "CONFLICT",
      status: "RUNNING",
    });
    expect(await refusal("updateConversionJob", { id: job(9), plan: { tasks: [task("x")] } })).toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("deleteConversionJob deletes the job once, and only at the expected version", async () => {
    expect(await refusal("deleteConversionJob", { id: job(1), expectedVersion: 5 })).toMatchObject({
      code: "VERSION_CONFLICT",
    });
    expect(await change("deleteConversionJob", { id: job(1) }, "deletedId")).toEqual({ deletedId: job(1) });
    expect(await readJob(job(1))).toBeNull();
    expect(await refusal("deleteConversionJob", { id: job(1) })).toMatchObject({ code: "NOT_FOUND" });
  });

  test("cleanUpConversionJobs deletes the jobs that ended more than `olderThanDays` ago", async () => {
    await pool.query(
      `UPDATE conversion_jobs SET status = 'FAILED', completed_at = now() - CASE WHEN id = $1 THEN interval '40 days' ELSE interval '20 days' END
        WHERE id <> $2`,
      [keyOf(1), keyOf(3)],
    );

    expect(await change("cleanUpConversionJobs", { olderThanDays: 30 }, "deletedCount")).toEqual({
      deletedCount: 1,
    });
    expect((await read("{ conversionJobs { nodes { id } } }")).conversionJobs.nodes).toEqual([
      { id: job(3) },
      { id: job(2) },
    ]);
    for (const olderThanDays of [0, -1, 36_501]) {
      expect(await refusal("cleanUpConversionJobs", { olderThanDays })).toEqual({
        code: "VALIDATION_FAILED",
        paths: ["input.olderThanDays"],
      });
    }
  });
});

describe("users", () => {
  const USER = "id githubId username email avatarUrl role";
  const readUser = async (id: string) =>
    (await read(`query ($id: ID!) { user(id: $id) { ${USER} } }`, { id })).user;

  test("upsertUser adds a user, then updates the fields that are given and leaves the rest", async () => {
    const { user: added } = await change(
      "upsertUser",
      { githubId: "583231", username: "octocat", email: "o@github.com", avatarUrl: "https://x/a.png" },
      `user { ${USER} }`,
    );
    expect(added).toMatchObject({
      githubId: "583231",
      username: "octocat",
      email: "o@github.com",
      role: "USER",
    });

    const { user: changed } = await change(
      "upsertUser",
      { githubId: "583231", username: "hubot", email: null },
      `user { ${USER} }`,
    );
    expect(changed).toEqual({ ...added, username: "hubot", email: null });
    expect(await readUser(added.id)).toEqual(changed);
  });

  test("upsertUser names every problem of a profile", async () => {
    expect(
      await refusal("upsertUser", {
        githubId: "x",
        username: " ",
        email: "no",
        avatarUrl: "javascript:alert(1)",
      }),
    ).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.githubId", "input.username", "input.email", "input.avatarUrl"],
    });
  });

  test("updateUser changes the fields that are given; null clears a field or leaves it", async () => {
    const { user: changed } = await change(
      "updateUser",
      { id: user(1), username: "new", email: "n@x.org", role: "WORKER" },
      `user { ${USER} }`,
    );
    expect(changed).toEqual({
      ...(await readUser(user(1))),
      username: "new",
      email: "n@x.org",
      role: "WORKER",
    });

    const { user: cleared } = await change(
      "updateUser",
      { id: user(1), email: null, username: null, role: null },
      `user { ${USER} }`,
    );
    expect(cleared).toEqual({ ...changed, email: null });
    expect(await refusal("updateUser", { id: user(9), username: "n" })).toMatchObject({ code: "NOT_FOUND" });
    expect(await refusal("updateUser", { id: user(1), username: "x".repeat(101) })).toEqual({
      code: "VALIDATION_FAILED",
      paths: ["input.username"],
    });
  });

  test("an empty change changes nothing", async () => {
    const before = await readUser(user(1));
    expect((await change("updateUser", { id: user(1) }, `user { ${USER} }`)).user).toEqual(before);
    expect((await change("updateProject", { id: project(1) }, "project { name }")).project).toEqual({
      name: "project 1",
    });
  });

  test("deleteUser deletes the user with their projects and jobs, once", async () => {
    expect(await change("deleteUser", { id: user(1) }, "deletedId")).toEqual({ deletedId: user(1) });
    expect(await read("{ projects { totalCount } conversionJobs { totalCount } }")).toEqual({
      projects: { totalCount: 1 },
      conversionJobs: { totalCount: 1 },
    });
    expect(await refusal("deleteUser", { id: user(1) })).toMatchObject({ code: "NOT_FOUND" });
  });

  test("a GitHub token appears nowhere: not in an answer, an error, a log, a row or the schema", async () => {
    const token = `ghp_${randomBytes(18).toString("hex")}`;
    const answer = await execute(
      `mutation ($input: SetGithubTokenInput!) { setGithubToken(input: $input) { user { ${USER} } } }`,
      { input: { userId: user(1), token } },
    );
    expect(answer.data).toMatchObject({ setGithubToken: { user: { id: user(1) } } });
    expect(await app.repositories.users.getGithubToken(keyOf(1))).toBe(token);

    const refused = [
      await execute(
        `mutation ($input: SetGithubTokenInput!) { setGithubToken(input: $input) { user { id } } }`,
        {
          input: { userId: user(9), token },
        },
      ),
      await execute(
        `mutation ($input: SetGithubTokenInput!) { setGithubToken(input: $input) { user { id } } }`,
        {
          input: { userId: user(1), token: token.repeat(30) },
        },
      ),
    ];
    expect(refused.map(({ errors }) => errors?.[0].extensions.code)).toEqual([
      "NOT_FOUND",
      "VALIDATION_FAILED",
    ]);
    await pool.query("ALTER TABLE github_credentials RENAME TO hidden");
    const failed = await execute(
      `mutation ($input: SetGithubTokenInput!) { setGithubToken(input: $input) { user { id } } }`,
      {
        input: { userId: user(1), token },
      },
    );
    await pool.query("ALTER TABLE hidden RENAME TO github_credentials");
    expect(failed.errors?.[0].extensions.code).toBe("INTERNAL_SERVER_ERROR");

    const { rows } = await pool.query("SELECT ciphertext FROM github_credentials");
    expect(rows).toHaveLength(1);
    expect(rows[0].ciphertext.includes(Buffer.from(token))).toBe(false);
    expect(rows[0].ciphertext).toHaveLength(12 + 16 + token.length);
    expect(logs.lines.length).toBeGreaterThan(0);
    for (const text of [logs.text(), JSON.stringify([answer, ...refused, failed])])
      expect(text).not.toContain(token);
    const { __schema } = await read(
      "{ __schema { types { name kind fields { name type { name ofType { name } } } } } }",
    );
    const readable = __schema.types
      .filter(({ kind }: { kind: string }) => kind === "OBJECT" || kind === "INTERFACE")
      .flatMap(({ name, fields }: { name: string; fields: { name: string }[] }) =>
        fields.map((field) => `${name}.${field.name}`),
      );
    expect(readable.filter((field: string) => /token|credential|secret|cipher/i.test(field))).toEqual([
      // None of these shows a GitHub token: they are what an actor authenticated with (never the token
      // itself), a number that counts claims, a new key's secret (shown once), and the mutation that sets the
      // token.
      "AuditEntry.credential",
      "ConversionJobClaim.fencingToken",
      "CreateApiKeyPayload.secret",
      "Mutation.setGithubToken",
    ]);

    await change("setGithubToken", { userId: user(1), token: null }, "user { id }");
    expect(await app.repositories.users.getGithubToken(keyOf(1))).toBeNull();
  });

  test("without an encryption key a token is NOT_CONFIGURED, and the message names the variable", async () => {
    const { app: bare, execute: ask } = await createTestApp();
    await insertRows(bare.database.pool, { users: 1 });
    const { errors } = await ask(
      `mutation { setGithubToken(input: { userId: "${user(1)}", token: "t" }) { user { id } } }`,
    );
    expect(errors).toMatchObject([
      { extensions: { code: "NOT_CONFIGURED" }, message: expect.stringContaining("ENCRYPTION_KEY") },
    ]);
  });
});
