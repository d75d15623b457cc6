import { execFile } from "node:child_process";
import { appendFile, cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url).pathname;
const parts = [
  "package.json",
  "tsconfig.json",
  "codegen.ts",
  "schema.graphql",
  "trustedDocuments.json",
  "src/sdk",
];
let copy: string;

beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), "stack-converter-codegen-"));
  for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
});

afterEach(() => rm(copy, { recursive: true, force: true }));

function check(folder = copy): Promise<{ exitCode: number; stderr: string }> {
  const args = ["--import", "tsx", join(folder, "codegen.ts"), "--check"];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd: folder }, (_, __, stderr) =>
      resolve({ exitCode: child.exitCode ?? -1, stderr }),
    );
  });
}

describe("codegen --check", () => {
  it("accepts the generated file as it is committed", async () => {
    expect(await check(root)).toEqual({ exitCode: 0, stderr: "" });
  });

  it("says what to run when an operation has changed", async () => {
    await appendFile(join(copy, "src/sdk/operations/user.graphql"), "query Me { viewer { id } }\n");
    expect(await check()).toEqual({
      exitCode: 1,
      stderr:
        "src/sdk/generated.ts differs from schema.graphql and src/sdk/operations: run `npm run codegen` and commit the result.\n" +
        "trustedDocuments.json differs from schema.graphql and src/sdk/operations: run `npm run codegen` and commit the result.\n",
    });
  });

  it("says what to run when the trusted documents differ", async () => {
    await writeFile(join(copy, "trustedDocuments.json"), '{"sha256:x": "{ users { totalCount } }"}\n');
    expect(await check()).toEqual({
      exitCode: 1,
      stderr:
        "trustedDocuments.json differs from schema.graphql and src/sdk/operations: run `npm run codegen` and commit the result.\n",
    });
  });

  it("names the fields that the API has and the SDK lacks", async () => {
    await writeFile(join(copy, "src/sdk/operations/user.graphql"), "");
    await rm(join(copy, "src/sdk/operations/user.graphql"));
    const { exitCode, stderr } = await check();
    expect(exitCode).toBe(1);
    expect(stderr).toContain("No operation in src/sdk/operations asks for Query.viewer.");
    expect(stderr).toContain("No operation in src/sdk/operations asks for Mutation.upsertUser.");
    expect(stderr).not.toContain("Query.project.");
  });

  it("refuses an operation whose method would not have exactly one value to give", async () => {
    await appendFile(
      join(copy, "src/sdk/operations/user.graphql"),
      "query Two { viewer { id } health { status } }\n",
    );
    const { exitCode, stderr } = await check();
    expect(exitCode).toBe(1);
    expect(stderr).toContain("src/sdk/operations/user.graphql: Two: expected exactly one root field");
  });
});
