import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { beforeAll, describe, expect, it } from "vitest";
import { startService } from "../support/service.ts";

const entryPoints: Readonly<Record<string, string>> = {
  "stack-converter/sdk": new URL("../../src/sdk/index.ts", import.meta.url).pathname,
  "stack-converter/sdk/worker": new URL("../../src/sdk/worker.ts", import.meta.url).pathname,
};

/** Bundles a program that imports the SDK, as the program's own bundler would. */
async function bundle(program: string) {
  const build = await rolldown({
    input: "program",
    platform: "browser",
    plugins: [
      {
        name: "program",
        resolveId: (id) => (id === "program" ? id : null),
        load: (id) =>
          id === "program"
            ? program.replace(/(?<=")stack-converter[^"]*(?=")/g, (name) => entryPoints[name]!)
            : null,
      },
    ],
    // The package's manifest says this of its files, but here they are imported by their path.
    treeshake: { moduleSideEffects: false },
  });
  const { output } = await build.generate({
    format: "iife",
    name: "program",
    minify: true,
    codeSplitting: false,
  });
  await build.close();
  const [chunk] = output;
  return {
    code: chunk.code,
    modules: chunk.moduleIds.filter((id) => id !== "program"),
    imports: chunk.imports,
  };
}

const everything = `export { createClient, paginate, StackConverterError } from "stack-converter/sdk";`;
const oneOperation = `
  import { createRequestClient, ProjectDocument } from "stack-converter/sdk";
  export const read = (url, id) => createRequestClient({ url }).request(ProjectDocument, { id });`;

describe("a bundle with the SDK", () => {
  it("holds files of the SDK and nothing else", async () => {
    const { modules, imports } = await bundle(everything);
    expect(imports).toEqual([]);
    expect(modules.map((id) => id.slice(id.lastIndexOf("/src/"))).sort()).toEqual([
      "/src/sdk/client.ts",
      "/src/sdk/deadline.ts",
      "/src/sdk/error.ts",
      "/src/sdk/generated.ts",
      "/src/sdk/paginate.ts",
      "/src/sdk/request.ts",
      "/src/sdk/retry.ts",
      "/src/sdk/subscribe.ts",
      "/src/sdk/transport.ts",
      "/src/sdk/watch.ts",
    ]);
  });

  it("has every operation with `createClient`, in less than 6.5 KB compressed", async () => {
    const { code } = await bundle(everything);
    expect(code).toContain("query Projects(");
    expect(code).toContain("mutation CleanUpConversionJobs(");
    expect(gzipSync(code).byteLength).toBeLessThan(6_656);
  });

  it("has only the operations that it uses with `createRequestClient`, in less than 2 KB compressed", async () => {
    const { code } = await bundle(oneOperation);
    expect(code.match(/(query|mutation) \w+/g)).toEqual(["query Project"]);
    expect(gzipSync(code).byteLength).toBeLessThan(2_048);
  });
});

describe("a bundle with a worker", () => {
  const worker = `
    import { createRequestClient } from "stack-converter/sdk";
    import { createWorker } from "stack-converter/sdk/worker";
    export const create = (url, options) => createWorker({ client: createRequestClient({ url }), ...options });`;

  it("has only the worker's operations, in less than 6 KB compressed", async () => {
    const { code, imports } = await bundle(worker);
    expect(imports).toEqual([]);
    expect(code.match(/(query|mutation|subscription) \w+/g)?.sort()).toEqual([
      "mutation ClaimConversionJobs",
      "mutation CompleteConversionJobs",
      "mutation FailConversionJobs",
      "mutation ReleaseConversionJobs",
      "mutation ReportProgress",
      "mutation ReportTaskResult",
    ]);
    expect(gzipSync(code).byteLength).toBeLessThan(6_144);
  });
});

describe("in a browser", () => {
  let service: Awaited<ReturnType<typeof startService>>;
  beforeAll(async () => {
    service = await startService();
  });

  /** A global scope with what every browser has, and nothing of Node's. */
  function browser(code: string) {
    const context = createContext({
      fetch,
      AbortController,
      TextDecoder,
      URL,
      setTimeout,
      clearTimeout,
      performance,
    });
    runInContext(code, context);
    return (expression: string): Promise<unknown> => runInContext(`(async () => ${expression})()`, context);
  }

  it("runs without anything of Node's", async () => {
    const run = browser((await bundle(everything)).code);
    expect(await run("[typeof process, typeof Buffer, typeof require]")).toEqual(Array(3).fill("undefined"));
    await run(`{ client = program.createClient({ url: ${JSON.stringify(service.url)} }) }`);
    expect(await run(`(await client.user({ id: "${service.ownerId}" })).username`)).toBe("octocat");
    expect(
      await run(
        `client.user({ id: "x" }).catch((error) => [error instanceof program.StackConverterError, error.code, error.path[0]])`,
      ),
    ).toEqual([true, "VALIDATION_FAILED", "user"]);
    expect(
      await run(
        `{ const names = []; for await (const user of program.paginate(client.users)) names.push(user.username); return names }`,
      ),
    ).toEqual(["octocat"]);
    expect(
      await run(
        `{ const controller = new AbortController(); controller.abort(); return client.users({}, { signal: controller.signal }).catch(({ code }) => code) }`,
      ),
    ).toBe("ABORTED");
  });

  it("runs with one document", async () => {
    const run = browser((await bundle(oneOperation)).code);
    const id = "Project:01890a5d-ac96-774b-bcce-b302099a8057";
    expect(await run(`program.read(${JSON.stringify(service.url)}, "${id}")`)).toEqual({ project: null });
  });
});
