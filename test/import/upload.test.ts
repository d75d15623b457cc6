import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runImport } from "../../src/commands/import.ts";
import { createProgressBar } from "../../src/import/progressBar.ts";
import { chunksOf, type ImportProgress, importSource, UploadError } from "../../src/import/upload.ts";
import { createClient, type StackConverterError } from "../../src/sdk/index.ts";
import { startService } from "../support/service.ts";

let service: Awaited<ReturnType<typeof startService>>;
let folder: string;
let small: string;
let large: string;

beforeAll(async () => {
  service = await startService();
  folder = await mkdtemp(join(tmpdir(), "stack-converter-upload-"));
  small = join(folder, "small");
  large = join(folder, "large");
  await mkdir(small);
  await writeFile(
    join(small, "package.json"),
    JSON.stringify({ name: "small", description: "A small one.", dependencies: { express: "5" } }),
  );
  await writeFile(join(small, "index.js"), "require('express')();\n");
  await mkdir(large);
  await Promise.all(Array.from({ length: 5_001 }, (_, index) => writeFile(join(large, `f${index}.txt`), "")));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const connect = (fetch: typeof globalThis.fetch = service.fetch) => createClient({ url: service.url, fetch });
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
const isFileUpload = (init: RequestInit | undefined) =>
  String(init?.body).includes("mutation AddProjectFiles");

function recorder(isTTY = false) {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY }), text: () => text };
}

describe("importSource", () => {
  it("stores a folder as a READY project, with its stack, its files and its address", async () => {
    const client = connect();
    const { projectId } = await importSource({ client, source: small, ownerId: service.ownerId });
    expect(await client.project({ id: projectId })).toMatchObject({
      name: "small",
      description: "A small one.",
      status: "READY",
      githubUrl: pathToFileURL(small).href,
      owner: { id: service.ownerId },
      originalTechStack: { language: "JavaScript", framework: "Express" },
    });
    const files = await client.projectFiles({ id: projectId });
    expect(files?.fileStructure.nodes.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
      ["index.js", 22],
      ["package.json", 76],
    ]);
  });

  it("uses the given name and address", async () => {
    const { name, githubUrl } = await importSource({
      client: connect(),
      source: small,
      ownerId: service.ownerId,
      name: "other",
      githubUrl: "https://github.com/acme/other",
    });
    expect({ name, githubUrl }).toEqual({ name: "other", githubUrl: "https://github.com/acme/other" });
  });

  it("reports its progress", async () => {
    const progress: ImportProgress[] = [];
    await importSource({
      client: connect(),
      source: large,
      ownerId: service.ownerId,
      onProgress: (step) => progress.push(step),
    });
    expect(
      progress.filter(({ phase }) => phase === "upload").map(({ done, total }) => [done, total]),
    ).toEqual([
      [0, 5_001],
      [5_000, 5_001],
      [5_001, 5_001],
    ]);
  });

  it("stores nothing when the source cannot be read", async () => {
    service.sent.length = 0;
    const source = join(folder, "nowhere");
    expect(await failureOf(importSource({ client: connect(), source }))).toMatchObject({
      code: "SOURCE_NOT_FOUND",
    });
    expect(service.sent).toEqual([]);
  });

  it("passes on the service's reasons for refusing the project", async () => {
    const error = await failureOf(
      importSource({ client: connect(), source: small, ownerId: service.ownerId, name: "x".repeat(201) }),
    );
    expect((error as StackConverterError).issues.map(({ path }) => path)).toEqual([["input", "name"]]);
  });
});

describe("an upload that is interrupted", () => {
  it("leaves a FAILED project, says how to resume, and can be resumed so", async () => {
    let uploads = 0;
    const client = connect(async (input, init) => {
      if (isFileUpload(init) && ++uploads === 2) throw new TypeError("connection lost");
      return fetch(input, init);
    });
    const error = await failureOf(importSource({ client, source: large, ownerId: service.ownerId }));
    if (!(error instanceof UploadError)) throw new Error("expected an UploadError", { cause: error });
    const { projectId } = error;
    expect(error).toMatchObject({ code: "UPLOAD_STOPPED", storedFiles: 5_000, totalFiles: 5_001 });
    expect(error.message).toContain(`again with --project ${projectId}.`);
    expect((await client.project({ id: projectId }))?.status).toBe("FAILED");

    const resumed = await importSource({ client, source: large, projectId });
    expect(resumed.projectId).toBe(projectId);
    const files = await client.projectFiles({ id: projectId, first: 0, withTotalCount: true });
    expect(files).toMatchObject({ status: "READY", fileStructure: { totalCount: 5_001 } });
  });

  it("leaves the same when it is aborted", async () => {
    const controller = new AbortController();
    const error = await failureOf(
      importSource({
        client: connect(),
        source: large,
        ownerId: service.ownerId,
        signal: controller.signal,
        onProgress: ({ phase, done }) => {
          if (phase === "upload" && done === 5_000) controller.abort();
        },
      }),
    );
    if (!(error instanceof UploadError)) throw new Error("expected an UploadError", { cause: error });
    expect(error.cause).toMatchObject({ code: "ABORTED" });
    expect((await connect().project({ id: error.projectId }))?.status).toBe("FAILED");
  });

  it("fails at its first call when the given project does not exist", async () => {
    const projectId = "Project:01890a5d-ac96-774b-bcce-b302099a8057";
    service.sent.length = 0;
    expect(await failureOf(importSource({ client: connect(), source: small, projectId }))).toMatchObject({
      code: "NOT_FOUND",
    });
    expect(service.sent).toHaveLength(1);
  });
});

describe("chunksOf", () => {
  const file = (path: string) => ({ path, sizeBytes: 1, language: null });
  const sizes = (files: Parameters<typeof chunksOf>[0]) => [...chunksOf(files)].map(({ length }) => length);

  it("makes one empty chunk of no files, because the last chunk makes the project READY", () => {
    expect(sizes([])).toEqual([0]);
  });

  it("puts at most 5,000 files into a chunk", () => {
    expect(sizes(Array.from({ length: 10_000 }, (_, index) => file(`${index}`)))).toEqual([5_000, 5_000]);
    expect(sizes(Array.from({ length: 10_001 }, (_, index) => file(`${index}`)))).toEqual([5_000, 5_000, 1]);
  });

  it("keeps a request with the longest paths below a megabyte, counted in bytes, not characters", () => {
    const files = Array.from({ length: 2_000 }, (_, index) => file(`${index}`.padEnd(1_024, "語")));
    const chunks = [...chunksOf(files)];
    expect(chunks.flat()).toEqual(files);
    const bytes = chunks.map((chunk) => Buffer.byteLength(JSON.stringify(chunk)));
    expect(Math.max(...bytes)).toBeLessThan(901_000);
    expect(Math.min(...bytes.slice(0, -1))).toBeGreaterThan(890_000);
  });
});

describe("runImport", () => {
  it("prints the outcome, and a line per phase when the output is no terminal", async () => {
    const lines: string[] = [];
    const { stream, text } = recorder();
    const { projectId } = await runImport(
      { url: service.url, source: small, ownerId: service.ownerId },
      { print: (line) => lines.push(line), progress: stream },
    );
    expect(lines.slice(0, 5)).toEqual([
      "Imported small: 2 files, 98 bytes",
      `  project         ${projectId}`,
      `  source          ${pathToFileURL(small).href}`,
      "  language        JavaScript",
      "  framework       Express",
    ]);
    expect(lines.at(-1)).toBe(
      `  look at it      ${service.url}?query=${encodeURIComponent(`{ project(id: "${projectId}") { name status } }`)}`,
    );
    expect(text()).toBe("Scanning …\nDetecting the stack …\nUploading 2 files …\n");
  });

  it("prints only the id with `isQuiet`", async () => {
    const lines: string[] = [];
    const { stream, text } = recorder();
    const { projectId } = await runImport(
      { url: service.url, source: small, ownerId: service.ownerId, isQuiet: true },
      { print: (line) => lines.push(line), progress: stream },
    );
    expect(lines).toEqual([projectId]);
    expect(text()).toBe("");
  });

  it("replaces control characters in names, so that they cannot control the terminal", async () => {
    const lines: string[] = [];
    await runImport(
      { url: service.url, source: small, ownerId: service.ownerId, name: "a\u001b[2Jb\u202e" },
      { print: (line) => lines.push(line), progress: recorder().stream },
    );
    expect(lines[0]).toBe("Imported a�[2Jb�: 2 files, 98 bytes");
  });
});

describe("the progress bar", () => {
  it("is drawn on a terminal", () => {
    // The properties of a terminal that the bar uses.
    const { stream, text } = recorder(true);
    const terminal = Object.assign(stream, { columns: 80 });
    const bar = createProgressBar({ stream: terminal });
    bar.onProgress({ phase: "scan", done: 100 });
    bar.onProgress({ phase: "upload", done: 0, total: 2_000 });
    bar.onProgress({ phase: "upload", done: 1_000, total: 2_000 });
    bar.stop();
    bar.stop();
    expect(text()).toContain("Scanning");
    expect(text()).toContain("1,000/2,000");
  });
});
