import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type Client, createClient } from "../../src/sdk/index.ts";
import { createWorker } from "../../src/sdk/worker.ts";
import { createLink } from "../check/coherence/link.ts";
import { createJobs } from "../sdk/support/jobs.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { startCommand } from "../support/process.ts";
import { startService } from "../support/service.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

let url: string;
let client: Client;
let jobs: Awaited<ReturnType<typeof createJobs>>;
let projectId: string;

beforeAll(async () => {
  const service = await startService();
  url = service.url;
  client = createClient({ url });
  jobs = await createJobs(client, service.ownerId);
  jobs.separate();
  const { project } = await client.importProject({
    input: {
      ownerId: service.ownerId,
      name: "gadget",
      githubUrl: "https://github.com/acme/gadget",
      originalTechStack: { language: "Ruby", additional: ["Rails"] },
    },
  });
  projectId = project.id;
  const files = [
    { path: "Gemfile", sizeBytes: 40, language: "Ruby" },
    { path: "lib/gadget.rb", sizeBytes: 60, language: "Ruby" },
  ];
  await client.addProjectFiles({ input: { projectId, files, isLast: true } });
});

const command = (...args: string[]) => startCommand(process.execPath, { args: [CLI, ...args, "--url", url] });

async function run(...args: string[]) {
  const program = command(...args);
  const { code } = await program.exited;
  return { code, lines: program.output().trimEnd().split("\n") };
}

const convert = async (...args: string[]) => (await run("convert", "gadget", "--quiet", ...args)).lines[0]!;

describe("convert", () => {
  it("sets the target stack, creates a job, and says what to do next", async () => {
    const { code, lines } = await run(
      "convert",
      projectId,
      "--target",
      "language=Go,framework=Gin",
      "--priority",
      "7",
    );
    const job = (await client.conversionJobs({ first: 1 })).nodes[0]!;
    expect(code).toBe(0);
    expect(lines).toEqual([
      "Created a conversion job for gadget",
      `  job             ${job.id}`,
      "  to language     Go",
      "  to framework    Gin",
      "  tasks           structure, dependencies, update",
      "  work on it      npx stack-converter work --demo",
      `  watch it        npx stack-converter watch ${job.id}`,
    ]);
    expect(job).toMatchObject({ status: "PENDING", priority: 7, agentTypes: ["analysis"] });
    await client.cancelConversionJob({ input: { id: job.id } });
  });

  it("names a project that it does not find", async () => {
    expect(await run("convert", "widget-2")).toEqual({
      code: 1,
      lines: ['There is no project named "widget-2".'],
    });
  });
});

describe("work --demo", () => {
  it("analyses the project, and reports a result for each task", async () => {
    const id = await convert();
    const { code, lines } = await run("work", "--demo", "--once");
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe("Done: 1 job completed, 0 failed, 0 given back, 0 lost or cancelled.");
    expect(lines).toContain(`completed gadget (${id})`);
    const job = await client.conversionJob({ id });
    expect(job).toMatchObject({
      status: "COMPLETED",
      results: [
        {
          taskId: "structure",
          status: "COMPLETED",
          output:
            "2 files, 100 bytes, in 1 folder\nRuby: 2 files, 100 bytes, 100 %\nlargest: lib/gadget.rb (60 bytes), Gemfile (40 bytes)",
        },
        {
          taskId: "dependencies",
          status: "COMPLETED",
          output: "language: Ruby\nalso detected: Rails\ndeclared for ruby: Gemfile",
        },
        {
          taskId: "update",
          status: "COMPLETED",
          output: [
            "1. replace the language Ruby by Go",
            "2. add the framework Gin",
            "3. convert 2 Ruby files (100 bytes) to Go",
            "4. declare the dependencies of Gemfile anew for Go modules",
            "5. find what Go has instead of Rails",
          ].join("\n"),
        },
      ],
    });
    // It printed the same results that it reported to the service.
    for (const { output } of job!.results) {
      for (const line of output!.split("\n")) expect(lines).toContain(`    ${line}`);
    }
  });

  it("finishes its running job after SIGTERM, and begins no other", async () => {
    const link = await createLink(Number(new URL(url).port));
    atEndOfFile(link.close);
    const [first, second] = [await convert(), await convert()];
    // Each of its calls takes a while, so that the signal comes while it works on the first job.
    link.slow(200);
    const program = startCommand(process.execPath, {
      args: [CLI, "work", "--demo", "--url", `http://127.0.0.1:${link.port}/graphql`],
    });
    await program.waitForLine("claimed gadget");
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    expect(program.output()).toContain("SIGTERM: running jobs may finish; a second signal stops at once.\n");
    expect(program.output()).toContain(
      "Done: 1 job completed, 0 failed, 0 given back, 0 lost or cancelled.\n",
    );
    expect((await client.conversionJob({ id: first }))?.status).toBe("COMPLETED");
    expect((await client.conversionJob({ id: second }))?.status).toBe("PENDING");
    await client.cancelConversionJob({ input: { id: second } });
  });

  it("says once that the service does not answer, and goes on as soon as it does", async () => {
    const link = await createLink(Number(new URL(url).port));
    atEndOfFile(link.close);
    link.cut();
    const program = startCommand(process.execPath, {
      args: [CLI, "work", "--demo", "--once", "--url", `http://127.0.0.1:${link.port}/graphql`],
    });
    await program.waitForLine("Trying again until it answers.");
    link.heal();
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.output().match(/Trying again/g)).toHaveLength(1);
  });
});

describe("watch", () => {
  const work = (handle: () => Promise<void>) =>
    createWorker({ client, agentTypes: [jobs.agentType()], workerId: "anna", once: true, handle }).run();

  it("follows a job to its end, and exits with 0 when it was completed", async () => {
    const id = await jobs.create();
    const program = command("watch", id);
    await program.waitForLine("created");
    await work(async () => {});
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.output().trimEnd().split("\n")).toEqual([
      `widget (${id})`,
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} {2}created$/),
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} {2}claimed {9}by anna, attempt 1$/),
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} {2}completed$/),
    ]);
  });

  it("exits with 1 when the job failed or was cancelled, and says why", async () => {
    const failed = await jobs.create({ maxAttempts: 1 });
    await work(() => Promise.reject(new Error("no disk")));
    expect(await run("watch", failed)).toMatchObject({
      code: 1,
      lines: [
        expect.any(String),
        expect.any(String),
        expect.any(String),
        expect.stringMatching(/failed +no disk$/),
      ],
    });
    const cancelled = await jobs.create();
    await client.cancelConversionJob({ input: { id: cancelled } });
    // Without an argument it watches the newest job.
    const { code, lines } = await run("watch");
    expect([code, lines[0]]).toEqual([1, `widget (${cancelled})`]);
  });

  it("prints only a line of JSON for each event with --json", async () => {
    const id = await jobs.create();
    await work(async () => {});
    const { code, lines } = await run("watch", id, "--json");
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line))).toEqual(await jobs.events(id));
  });

  it("names a job that it does not find", async () => {
    const id = "ConversionJob:01890a5d-ac96-774b-bcce-b302099a8057";
    expect(await run("watch", id)).toEqual({ code: 1, lines: [`There is no conversion job ${id}.`] });
  });
});
