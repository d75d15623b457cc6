import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create as createTar } from "tar";
import { beforeAll, describe, expect, it } from "vitest";
import { dropDatabase, withDatabase } from "../src/database/backup/target.ts";
import { createClient } from "../src/sdk/index.ts";
import { atEndOfFile } from "./support/cleanup.ts";
import { openEvents } from "./support/events.ts";
import { createEmptyDatabase } from "./support/postgres.ts";
import { type Program, startCommand } from "./support/process.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CLI = join(ROOT, "dist/cli.js");

/**
 * Does what the README says, to check its promises: runs the compiled command on an embedded database. The
 * only differences are a separate folder for the data and a free port.
 */
describe("the README's commands", () => {
  let service: Program;
  let url: string;
  let token: string;
  let folder: string;
  let readme: string;

  beforeAll(async () => {
    readme = await readFile(join(ROOT, "README.md"), "utf8");
    folder = await mkdtemp(join(tmpdir(), "stack-converter-readme-"));
    atEndOfFile(() => rm(folder, { recursive: true, force: true }));
    service = startCommand(process.execPath, {
      args: [CLI, "serve"],
      env: {
        DATA_DIRECTORY: join(folder, "data"),
        PORT: "0",
        LOG_LEVEL: "info",
        DATABASE_URL: undefined,
        REDIS_URL: undefined,
        NODE_ENV: undefined,
      },
    });
    const line = await service.waitForLine("GraphQL is at", { timeoutMs: 120_000 });
    url = (JSON.parse(line) as { url: string }).url;
    const left = join(folder, "data/token.json");
    expect((await stat(left)).mode & 0o777).toBe(0o600);
    ({ token } = JSON.parse(await readFile(left, "utf8")) as { token: string });
  }, 150_000);
  /** The environment for commands: they find the token where the service has left it. */
  const environment = () => ({ ...process.env, DATA_DIRECTORY: join(folder, "data") });

  const importAs = (...args: string[]) =>
    run(process.execPath, [CLI, "import", "--url", url, ...args], { cwd: folder, env: environment() });

  it("start a service that imports this repository as its sample", async () => {
    await service.waitForLine("imported this package itself as a sample", { timeoutMs: 60_000 });
    const { nodes } = await createClient({ url, token }).projects({ first: 10 });
    expect(nodes).toMatchObject([
      {
        name: "stack-converter",
        status: "READY",
        originalTechStack: { language: "TypeScript", database: "PostgreSQL", packageManager: "npm" },
        owner: { username: "developer" },
      },
    ]);
  }, 90_000);

  it("answer the query that the README shows", async () => {
    const query = /```graphql\n(.*?)```/s.exec(readme)?.[1];
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query }),
    });
    expect(await response.json()).toMatchObject({
      data: {
        projects: {
          totalCount: 1,
          nodes: [
            { name: "stack-converter", owner: { username: "developer" }, conversionJobs: { nodes: [] } },
          ],
        },
      },
    });
  });

  it("follow the live query that the README shows", async () => {
    const body = /curl -N .*?-d '(\{.*?\})'/s.exec(readme)?.[1];
    const stream = await openEvents(
      url,
      (JSON.parse(body!) as { query: string }).query,
      {},
      {
        authorization: `Bearer ${token}`,
      },
    );
    await stream.until(1);
    expect(stream.messages[0].data.projects.nodes).toMatchObject([{ name: "stack-converter" }]);
    const client = createClient({ url, token });
    const { nodes } = await client.projects({ first: 1 });
    await client.updateProject({ input: { id: nodes[0]!.id, name: "renamed" } });
    await stream.untilMessage(({ data }) => data.projects.nodes[0].name === "renamed");
    await client.updateProject({ input: { id: nodes[0]!.id, name: "stack-converter" } });
    stream.close();
  });

  it("import a directory, an archive and a Git URL", async () => {
    const source = join(folder, "widget");
    await run("mkdir", ["-p", join(source, "lib")]);
    await writeFile(
      join(source, "package.json"),
      JSON.stringify({ name: "widget", dependencies: { express: "^5" } }),
    );
    await writeFile(join(source, "lib/index.js"), "export const widget = 1;\n");
    await createTar({ gzip: true, cwd: folder, file: join(folder, "widget.tgz") }, ["widget"]);
    const git = (...args: string[]) =>
      run("git", ["-c", "user.name=w", "-c", "user.email=w@example.com", ...args], { cwd: source });
    await git("init", "--quiet");
    await git("add", ".");
    await git("commit", "--quiet", "--message", "widget");

    const { stdout } = await importAs(source);
    expect(stdout).toContain("Imported widget: 2 files");
    await importAs(join(folder, "widget.tgz"), "--name", "from-archive");
    const { stdout: id } = await importAs(`file://${source}`, "--name", "from-git", "--quiet");

    const project = await createClient({ url, token }).project({ id: id.trim() });
    expect(project).toMatchObject({
      name: "from-git",
      status: "READY",
      originalTechStack: { language: "JavaScript" },
    });
    const { nodes } = await createClient({ url, token }).projects({ first: 10 });
    expect(nodes.map(({ name }) => name).sort()).toEqual([
      "from-archive",
      "from-git",
      "stack-converter",
      "widget",
    ]);
  }, 120_000);

  it("convert a project: create a job, work on it, watch it", async () => {
    const block = /## Convert a project\n\n```sh\n(.*?)```/s.exec(readme)?.[1];
    const printed: string[] = [];
    for (const line of block!.trim().split("\n")) {
      const [npx, name, ...args] = line.split(" ");
      expect([npx, name]).toEqual(["npx", "stack-converter"]);
      printed.push(
        (await run(process.execPath, [CLI, ...args, "--url", url], { cwd: folder, env: environment() }))
          .stdout,
      );
    }
    const [created, worked, watched] = printed;
    expect(created).toContain("Created a conversion job for stack-converter\n");
    expect(worked).toContain("1. replace the language TypeScript by Go\n");
    expect(worked).toContain("Done: 1 job completed, 0 failed, 0 given back, 0 lost or cancelled.\n");
    expect(watched).toMatch(/created\n.* claimed .*\n(.*\n)*.* completed\n$/);
  }, 60_000);

  it("run the example of a worker, as it stands", async () => {
    const example = /## Convert a project.*?```ts\n(.*?)```/s.exec(readme)?.[1];
    const worker = startCommand(process.execPath, {
      args: ["--input-type=module", "--eval", example!.replace("http://127.0.0.1:4000/graphql", url)],
      env: { STACK_CONVERTER_TOKEN: token },
    });
    const convert = [CLI, "convert", "stack-converter", "--quiet", "--url", url, "--token", token];
    const { stdout } = await run(process.execPath, convert);
    await run(process.execPath, [CLI, "watch", "--url", url], { env: environment() });
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
    expect(await createClient({ url, token }).conversionJob({ id: stdout.trim() })).toMatchObject({
      status: "COMPLETED",
      results: [{ output: "Did structure." }, { output: "Did dependencies." }, { output: "Did update." }],
    });
  }, 60_000);

  it("run the SDK's example, as it stands", async () => {
    const example = /## Use it from a program.*?```ts\n(.*?)```/s
      .exec(readme)?.[1]
      ?.replace("http://127.0.0.1:4000/graphql", url);
    // In a program on standard input, the package's own name resolves to its `exports`, as it does for its
    // users.
    const child = run(process.execPath, ["--input-type=module"], {
      cwd: ROOT,
      env: { ...process.env, STACK_CONVERTER_TOKEN: token },
    });
    child.child.stdin?.end(example);
    const { stdout } = await child;
    expect(stdout.trim().split("\n")).toEqual([
      "widget IMPORTED",
      ...["from-git", "from-archive", "widget"].map((name) => `${name} READY`),
      "stack-converter COMPLETED",
      "VERSION_CONFLICT [ 'updateProject' ] []",
    ]);
  });

  it("say what they take", async () => {
    for (const command of [
      [],
      ["serve"],
      ["migrate"],
      ["maintain"],
      ["backup"],
      ["verify-backup"],
      ["restore"],
      ["doctor"],
      ["import"],
      ["convert"],
      ["work"],
      ["watch"],
      ["grant"],
      ["token"],
      ["api-key"],
      ["pool"],
    ]) {
      const { stdout } = await run(process.execPath, [CLI, ...command, "--help"]);
      expect(stdout).toContain(`Usage: stack-converter ${command.join("")}`.trim());
    }
  }, 60_000);

  it("give the token to a browser on this machine that opens the page, and to no script or stranger", async () => {
    const page = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    const get = (headers: Record<string, string>) =>
      new Promise<string>((resolve, reject) => {
        const req = request(url, { headers, agent: false }, async (res) => {
          let text = "";
          for await (const chunk of res.setEncoding("utf8")) text += chunk;
          resolve(text);
        });
        req.on("error", reject).end();
      });
    expect(await get(page)).toContain(token);
    for (const difference of [
      { "sec-fetch-mode": "cors" },
      { "sec-fetch-dest": "empty" },
      { "sec-fetch-dest": "iframe" },
      { host: "evil.example.com" },
    ]) {
      const html = await get({ ...page, ...difference });
      expect(html).toContain("<html");
      expect(html).not.toContain(token);
    }
    expect(await get({ accept: "text/html" })).not.toContain(token);
  }, 60_000);

  it("print the token once, and not in the log", () => {
    expect(service.output().split(token)).toHaveLength(2);
    expect(service.output()).toContain(`\n${token}\n`);
  });

  it("end with exit code 0 on SIGTERM, and without a trace", async () => {
    expect(await service.stop({ timeoutMs: 60_000 })).toEqual({ code: 0, signal: null });
    await expect(stat(join(folder, "data/token.json"))).rejects.toMatchObject({ code: "ENOENT" });
  }, 70_000);

  it("migrate a database, say so, and find nothing to do the second time", async () => {
    const { url: databaseUrl } = await createEmptyDatabase();
    const migrate = (...args: string[]) =>
      run(process.execPath, [CLI, "migrate", ...args], {
        env: { ...process.env, DATABASE_URL: databaseUrl, LOG_LEVEL: "silent" },
      });
    await expect(migrate("--status")).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^pending: /),
    });
    expect((await migrate()).stdout).toMatch(/^Applied: 20261124000000_initial/);
    expect((await migrate()).stdout).toBe("The database was up to date.\n");
    expect((await migrate("--status")).stdout).toBe("The database is up to date.\n");
  }, 60_000);

  it("run the operators' commands, as OPERATIONS.md has them", async () => {
    const page = await readFile(join(ROOT, "OPERATIONS.md"), "utf8");
    const lines = [...page.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block]) => block!.trim().split("\n"));
    expect(lines).toHaveLength(8);
    const { url: databaseUrl } = await createEmptyDatabase();
    const env = {
      ...process.env,
      DATABASE_URL: databaseUrl,
      AUTH_JWT_SECRET: "0123456789abcdef0123456789abcdef",
      BACKUP_DIRECTORY: join(folder, "backups"),
      LOG_LEVEL: "silent",
    };
    await run(process.execPath, [CLI, "migrate"], { env });
    const printed: string[] = [];
    for (const line of lines) {
      const [npx, name, ...args] = line.split(" ");
      expect([npx, name]).toEqual(["npx", "stack-converter"]);
      // The doctor's exit code depends on the state of the tests' server, so it may be 1.
      const { stdout } = await run(process.execPath, [CLI, ...args], { env }).catch(
        (error: { code: number; stdout: string }) => (args[0] === "doctor" ? error : Promise.reject(error)),
      );
      printed.push(stdout);
    }
    expect(printed).toEqual([
      expect.stringMatching(/\d+ errors, \d+ warnings, \d+ in order\.\n$/),
      expect.stringContaining("not encrypted.\nNot verified yet"),
      expect.stringContaining(" is good: "),
      expect.stringMatching(/\tverified 20.*Z\n$/),
      expect.stringMatching(/^public key.*: age1/),
      expect.stringContaining("A dry run"),
      expect.stringMatching(/Done in .*\n$/),
      expect.stringMatching(/^Restored .*\nWhat was there before is .*_before_.* now/),
    ]);
    const former = /before is (\S+) now/.exec(printed.at(-1)!)![1]!;
    await dropDatabase(withDatabase(databaseUrl, former));
  }, 180_000);

  it("say what to do when no service answers", async () => {
    const nowhere = ["import", "--url", "http://127.0.0.1:9/graphql", join(ROOT, "prisma")];
    await expect(run(process.execPath, [CLI, ...nowhere])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /Is the service running\? `npm start` starts one; --url names another\.\n$/,
      ),
    });
  });

  it("refuse a configuration with all its problems, and without a stack trace", async () => {
    const env = { ...process.env, PORT: "eighty", DB_POOL_MAXIMUM: "5", ENCRYPTION_KEY: "secret" };
    await expect(run(process.execPath, [CLI, "serve"], { env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^The configuration has 3 problem\(s\):\n {2}- PORT: .*\(got "eighty"\)\n {2}- ENCRYPTION_KEY: (?!.*"secret").*\n {2}- DB_POOL_MAXIMUM: there is no such variable\n$/,
      ),
    });
  });
});
