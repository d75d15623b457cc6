import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { existingLocalSecret, findLocalToken, leaveLocalToken, localSecret } from "../../src/auth/local.ts";

const URL = "http://127.0.0.1:4000/graphql";
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-converter-local-"));
  return () => rm(folder, { recursive: true, force: true });
});

const modeOf = async (file: string) => (await stat(join(folder, "data", file))).mode & 0o777;

test("the secret is created once, whole, and readable only by its owner", async () => {
  const directory = join(folder, "data");
  expect(await existingLocalSecret(directory)).toBeUndefined();
  const secrets = await Promise.all([localSecret(directory), localSecret(directory)]);
  expect(secrets[0]).toMatch(/^[\w-]{64}$/);
  expect(new Set([...secrets, await localSecret(directory), await existingLocalSecret(directory)]).size).toBe(
    1,
  );
  expect(await modeOf("jwt-secret")).toBe(0o600);
  expect(await readdir(directory)).toEqual(["jwt-secret"]);
});

test("a token is left for its owner's commands, for one address, and removed again", async () => {
  const directory = join(folder, "data");
  await localSecret(directory);
  // A file that others can read does not stay readable for them.
  await writeFile(join(directory, "token.json"), "{}", { mode: 0o644 });
  const remove = await leaveLocalToken(directory, { url: URL, token: "t" });
  expect(await modeOf("token.json")).toBe(0o600);
  expect(await findLocalToken(directory, URL)).toBe("t");
  for (const other of [
    "http://127.0.0.1:4001/graphql",
    "http://127.0.0.1:4000/",
    "https://example.com/graphql",
  ])
    expect(await findLocalToken(directory, other)).toBeUndefined();
  await remove();
  expect(await findLocalToken(directory, URL)).toBeUndefined();
});

test.each(["", "null", "{", '{"url":1}', `{"url":"${URL}"}`, `{"url":"${URL}","token":5}`])(
  "a file with %j has no token",
  async (text) => {
    await writeFile(join(folder, "token.json"), text);
    expect(await findLocalToken(folder, URL)).toBeUndefined();
    expect(await readFile(join(folder, "token.json"), "utf8")).toBe(text);
  },
);
