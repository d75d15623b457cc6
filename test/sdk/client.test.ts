import { beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import {
  type Client,
  createClient,
  createRequestClient,
  type ProjectFieldsFragment,
  ProjectsDocument,
  paginate,
  type ServiceErrorCode,
  StackConverterError,
  TypedDocumentString,
} from "../../src/sdk/index.ts";
import { startService } from "../support/service.ts";

let service: Awaited<ReturnType<typeof startService>>;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = createClient({ url: service.url, fetch: service.fetch });
});

const unknownProject = "Project:01890a5d-ac96-774b-bcce-b302099a8057";

const failureOf = async (call: Promise<unknown>): Promise<StackConverterError> => {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StackConverterError)) throw new Error("expected the call to fail", { cause: error });
  return error;
};

describe("a method for each operation", () => {
  it("imports a project and reads it back", async () => {
    const { project } = await client.importProject({
      input: {
        ownerId: service.ownerId,
        name: "widget",
        githubUrl: "https://github.com/acme/widget",
        originalTechStack: { language: "Ruby", additional: ["Sidekiq"] },
        description: undefined,
      },
    });
    const read = await client.project({ id: project.id });
    expect(read).toEqual(project);
    expect(read).toMatchObject({
      name: "widget",
      status: "IMPORTED",
      version: 1,
      owner: { id: service.ownerId, username: "octocat", avatarUrl: null },
      originalTechStack: { language: "Ruby", framework: null, additional: ["Sidekiq"] },
      targetTechStack: null,
    });
    expectTypeOf(read).toEqualTypeOf<ProjectFieldsFragment | null>();
  });

  it("gives null for a row that does not exist", async () => {
    expect(await client.project({ id: unknownProject })).toBeNull();
  });

  it("takes a project and its job through all of their operations", async () => {
    const { project } = await client.importProject({
      input: { ownerId: service.ownerId, name: "life", githubUrl: "https://github.com/acme/life" },
    });
    await client.addProjectFiles({
      input: { projectId: project.id, files: [{ path: "a.rb", sizeBytes: 2 ** 40 }], isLast: false },
    });
    const { project: ready } = await client.addProjectFiles({
      input: { projectId: project.id, files: [{ path: "b.rb", sizeBytes: 1 }], isLast: true },
    });
    expect(ready.status).toBe("READY");
    const files = await client.projectFiles({ id: project.id, withTotalCount: true });
    expect(files?.fileStructure).toMatchObject({
      totalCount: 2,
      nodes: [
        { path: "a.rb", sizeBytes: 2 ** 40, language: null },
        { path: "b.rb", sizeBytes: 1, language: null },
      ],
    });
    await client.updateProject({ input: { id: project.id, name: "life 2" } });
    await client.setTargetTechStack({ input: { id: project.id, targetTechStack: { language: "Go" } } });
    const { conversionJob } = await client.createConversionJob({
      input: {
        projectId: project.id,
        plan: { tasks: [{ id: "1", type: "port", description: "Port it.", agentType: "coder" }] },
      },
    });
    expect(conversionJob).toMatchObject({ status: "PENDING", plan: { tasks: [{ id: "1", priority: 0 }] } });
    expect(await client.conversionJob({ id: conversionJob.id })).toEqual(conversionJob);
    const plan = { tasks: [{ id: "2", type: "test", description: "Test it.", agentType: "tester" }] };
    await client.updateConversionJob({ input: { id: conversionJob.id, plan } });
    expect((await client.conversionJobs({ projectId: project.id })).nodes).toHaveLength(1);
    expect((await client.activeConversionJobs()).nodes.map(({ id }) => id)).toEqual([conversionJob.id]);
    expect(await client.conversionJobStatistics({ projectId: project.id })).toMatchObject({ total: 1 });
    const nodes = await client.nodes({
      ids: [project.id, conversionJob.id, service.ownerId, unknownProject],
    });
    expect(nodes).toMatchObject([
      { __typename: "Project", name: "life 2", targetTechStack: { language: "Go" } },
      { __typename: "ConversionJob", jobStatus: "PENDING", project: { name: "life 2" } },
      { __typename: "User", username: "octocat" },
      null,
    ]);
    expect((await client.node({ id: project.id }))?.__typename).toBe("Project");
    expect(await client.deleteConversionJob({ input: { id: conversionJob.id } })).toEqual({
      deletedId: conversionJob.id,
    });
    expect(await client.cleanUpConversionJobs({ input: { olderThanDays: 1 } })).toEqual({
      deletedCount: 0,
      thinnedEventCount: 0,
    });
    expect(await client.deleteProject({ input: { id: project.id } })).toEqual({ deletedId: project.id });
  });

  it("reads and writes users", async () => {
    expect(await client.viewer()).toBeNull();
    expect(await client.user({ id: service.ownerId })).toMatchObject({
      username: "octocat",
      role: "USER",
      email: null,
    });
    const { user } = await client.upsertUser({ input: { githubId: "77", username: "hubot" } });
    expect(await client.user({ githubId: "77" })).toEqual(user);
    const changed = await client.updateUser({ input: { id: user.id, role: "WORKER" } });
    expect(changed.user.role).toBe("WORKER");
    await client.setGithubToken({ input: { userId: user.id, token: null } });
    expect((await client.users({ first: 1, withTotalCount: true })).totalCount).toBe(2);
    expect((await client.users({ first: 1 })).totalCount).toBeUndefined();
    expect(await client.userStatistics()).toMatchObject({ total: 2 });
    expect(await client.deleteUser({ input: { id: user.id } })).toEqual({ deletedId: user.id });
  });

  it("reads health and statistics", async () => {
    expect((await client.health()).components.map(({ name, status }) => [name, status])).toEqual([
      ["database", "HEALTHY"],
      ["migrations", "HEALTHY"],
      ["cache", "HEALTHY"],
      ["users", "HEALTHY"],
      ["projects", "HEALTHY"],
      ["conversionJobs", "HEALTHY"],
    ]);
    expect(Object.keys((await client.statistics()).pool).sort()).toEqual(
      ["idle", "idleErrors", "max", "min", "peakInUse", "peakWaiting", "total", "waiting"].sort(),
    );
    expect(await client.poolStatistics()).toMatchObject({ max: 20, errors: [], advice: [] });
    expect(await client.slowQuery({ id: "none" })).toEqual({ slowQueries: [] });
  });

  it("can be passed around without its client", async () => {
    const { user } = client;
    expect((await user({ githubId: "1" }))?.username).toBe("octocat");
  });
});

describe("a document that the program chooses", () => {
  it("is answered with its whole data, typed", async () => {
    const { projects } = await createRequestClient({ url: service.url }).request(ProjectsDocument, {
      first: 0,
      withTotalCount: true,
    });
    expect(projects).toMatchObject({ nodes: [], totalCount: expect.any(Number) });
    expectTypeOf(projects.nodes).toEqualTypeOf<readonly ProjectFieldsFragment[]>();
  });
});

describe("a failed call", () => {
  it("says what is wrong with the input, and where", async () => {
    const error = await failureOf(
      client.importProject(
        { input: { ownerId: service.ownerId, name: "", githubUrl: "gopher://x" } },
        { headers: { "X-Request-Id": "r-1" } },
      ),
    );
    expect(error).toMatchObject({ code: "VALIDATION_FAILED", path: ["importProject"], requestId: "r-1" });
    expect(error.issues.map(({ path }) => path)).toEqual([
      ["input", "name"],
      ["input", "githubUrl"],
    ]);
    expect(error.status).toBe(200);
    expect(error.errors).toHaveLength(1);
  });

  it("has the code of a missing row and of an outdated version", async () => {
    expect((await failureOf(client.deleteProject({ input: { id: unknownProject } }))).code).toBe("NOT_FOUND");
    const { project } = await client.importProject({
      input: { ownerId: service.ownerId, name: "v", githubUrl: "https://github.com/acme/v" },
    });
    const error = await failureOf(
      client.updateProject({ input: { id: project.id, name: "w", expectedVersion: 9 } }),
    );
    expect(error.code).toBe("VERSION_CONFLICT");
    expect(error.errors[0]?.extensions).toMatchObject({ currentVersion: 1 });
  });

  it("keeps all errors and the fields that succeeded", async () => {
    const document = new TypedDocumentString<unknown, { good: string; bad: string }>(
      'query ($good: ID!, $bad: ID!) { good: project(id: $good) { id } bad: project(id: $bad) { id } user(githubId: "1") { username } }',
    );
    const error = await failureOf(client.request(document, { good: unknownProject, bad: "nonsense" }));
    expect(error.data).toEqual({ good: null, bad: null, user: { username: "octocat" } });
    expect(error).toMatchObject({ code: "VALIDATION_FAILED", path: ["bad"] });
  });

  it("knows every code that the service has", () => {
    expectTypeOf<Exclude<ErrorCode, ServiceErrorCode>>().toBeNever();
  });
});

describe("paginate", () => {
  it("walks a whole list a page at a time", async () => {
    const { user } = await client.upsertUser({ input: { githubId: "500", username: "many" } });
    await client.importProjects({
      input: {
        projects: Array.from({ length: 7 }, (_, index) => ({
          ownerId: user.id,
          name: `p${index}`,
          githubUrl: `https://github.com/acme/p${index}`,
        })),
      },
    });
    service.sent.length = 0;
    const names: string[] = [];
    for await (const project of paginate(client.projects, { ownerId: user.id, first: 3 })) {
      expectTypeOf(project).toEqualTypeOf<ProjectFieldsFragment>();
      names.push(project.name);
    }
    expect(names.sort()).toEqual(["p0", "p1", "p2", "p3", "p4", "p5", "p6"]);
    expect(service.sent).toHaveLength(3);
  });

  it("reads no page that the loop does not reach", async () => {
    service.sent.length = 0;
    for await (const project of paginate(client.searchProjects, { query: "acme", first: 2 })) {
      if (project) break;
    }
    expect(service.sent).toHaveLength(1);
  });

  it("walks a list inside another object, and gives nothing if that object is missing", async () => {
    const { project } = await client.importProject({
      input: { ownerId: service.ownerId, name: "files", githubUrl: "https://github.com/acme/files" },
    });
    const paths = ["a", "b", "c"];
    await client.addProjectFiles({
      input: { projectId: project.id, files: paths.map((path) => ({ path, sizeBytes: 1 })), isLast: true },
    });
    const read = async (id: string) => {
      const found: string[] = [];
      const files = paginate(
        async (page, options) => (await client.projectFiles({ id, ...page }, options))?.fileStructure,
        { first: 2 },
      );
      for await (const file of files) found.push(file.path);
      return found;
    };
    expect(await read(project.id)).toEqual(paths);
    expect(await read(unknownProject)).toEqual([]);
  });

  it("refuses a list whose cursor does not advance, instead of reading it for ever", async () => {
    const stuck = async () => ({ nodes: [1], pageInfo: { hasNextPage: true, endCursor: "same" } });
    const read = async () => {
      for await (const _ of paginate(stuck));
    };
    expect(await failureOf(read())).toMatchObject({ code: "BAD_RESPONSE" });
  });
});
