import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url).pathname;
const packages = ["@graphql-typed-document-node/core", "graphql"];
const browser = ["--lib", "es2022,dom", "--types", "", "--target", "es2022", "--strict"];
let folder: string;

/** Prepares a folder for another program, with the SDK's declarations as the package has them. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-converter-types-"));
  const installed = join(folder, "node_modules/stack-converter");
  const emitted = await compile([
    ...["--emitDeclarationOnly", "--declaration", "--rootDir", join(root, "src/sdk")],
    ...["--module", "nodenext", "--rewriteRelativeImportExtensions", "--verbatimModuleSyntax"],
    ...[
      "--outDir",
      join(installed, "dist/sdk"),
      join(root, "src/sdk/index.ts"),
      join(root, "src/sdk/worker.ts"),
    ],
  ]);
  expect(emitted).toBe("");
  await writeFile(
    join(installed, "package.json"),
    JSON.stringify({
      type: "module",
      exports: {
        "./sdk": { types: "./dist/sdk/index.d.ts" },
        "./sdk/worker": { types: "./dist/sdk/worker.d.ts" },
      },
    }),
  );
  for (const name of packages) {
    await mkdir(dirname(join(folder, "node_modules", name)), { recursive: true });
    await symlink(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The compiler's messages: an empty text if there are no errors. */
function compile(args: readonly string[]): Promise<string> {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, "--ignoreConfig", ...browser, ...args], { cwd: folder }, (_, stdout) =>
      resolve(stdout),
    );
  });
}

const program = `
import { createClient, paginate, ProjectDocument, type ProjectFieldsFragment } from "stack-converter/sdk";
import { createWorker, JobFailure } from "stack-converter/sdk/worker";

const client = createClient({ url: "/graphql", token: async () => "t" });
export const project: ProjectFieldsFragment | null = await client.project({ id: "Project:1" });
export const { project: same } = await client.request(ProjectDocument, { id: "Project:1" });
export const names: string[] = [];
for await (const { name } of paginate(client.projects, { status: "READY", first: 3 })) names.push(name);
for await (const { name } of paginate(client.searchProjects, { query: "x" })) names.push(name);
const node = await client.node({ id: "User:1" });
if (node?.__typename === "User") names.push(node.username);
for await (const { type, progress } of client.watchJob("ConversionJob:1", { after: 3 })) names.push(type + progress);
const worker = createWorker({
  client,
  agentTypes: ["a"],
  async handle({ job, signal, checkpoint, reportTaskResult }) {
    await checkpoint();
    signal.throwIfAborted();
    await reportTaskResult({ taskId: job.plan.tasks[0]!.id, status: "COMPLETED" });
    throw new JobFailure("no", { isRetryable: true });
  },
});
await Promise.all([worker.run(), worker.stop({ timeoutMs: 1 })]);
`;

it.each([
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
])(
  "the published types fit a browser's program that resolves modules by %s and %s",
  async (module, moduleResolution) => {
    await writeFile(join(folder, "program.ts"), program);
    const args = ["--noEmit", "--module", module, "--moduleResolution", moduleResolution, "program.ts"];
    expect(await compile(args)).toBe("");
  },
);

describe("the published types refuse", () => {
  const refused = [
    ["a number for an id", "await client.project({ id: 1 });"],
    ["an unknown variable", "await client.projects({ frist: 1 });"],
    ["an unknown status", 'await client.projects({ status: "DONE" });'],
    ["no variables where some are required", "await client.deleteProject();"],
    ["paginating backwards", "paginate(client.projects, { last: 3 });"],
    ["paginating without any variables where some are required", "paginate(client.searchProjects);"],
    ["paginating without the list's own variables", "paginate(client.searchProjects, { first: 1 });"],
    ["a field that the operation does not select", "project?.conversionJobs;"],
  ] as const;
  const fileOf = (index: number) => `refused${index}.ts`;
  let output: string;

  /** Compiles all at once: reading the libraries takes the compiler longer than all of these programs. */
  beforeAll(async () => {
    for (const [index, [, line]] of refused.entries())
      await writeFile(join(folder, fileOf(index)), `${program}\n${line}\n`);
    output = await compile(["--noEmit", "--module", "nodenext", ...refused.map((_, index) => fileOf(index))]);
  });

  it.each(refused.map(([name, line], index) => [name, line, fileOf(index)] as const))(
    "%s",
    (_, line, file) => {
      const errors = output.split("\n").filter((each) => each.startsWith(file));
      const lines = `${program}\n${line}`.split("\n").length;
      expect(errors).toEqual([
        expect.stringMatching(new RegExp(`^${file}\\(${lines},\\d+\\): error TS\\d+: `)),
      ]);
    },
  );
});
