import { pino } from "pino";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "../support/access.ts";
import { launchPostgres } from "../support/postgresServer.ts";
import { UNLIMITED } from "../support/unlimited.ts";

/**
 * Measures how fast importProjects is, over HTTP on real PostgreSQL, and whether memory stays flat:
 *
 *   npx tsx --expose-gc test/bench/import.ts [projects = 50000] [clients = 2]
 *
 * `clients` connections send calls with 1,000 projects each. Client and server share one process, so the rate
 * is a lower bound. The first 5,000 projects do not count: V8 compiles the code then. The target is 2,000
 * projects a second.
 */

const total = Number(process.argv[2] ?? 50_000);
const clients = Number(process.argv[3] ?? 2);
const PER_CALL = 1_000;
const WARM_UP = 5_000;

const postgres = await launchPostgres();
const app = await createApp(
  loadConfig({ NODE_ENV: "production", PORT: "0", ...UNLIMITED, DATABASE_URL: postgres.url }),
  pino({ level: "silent" }),
  asTester,
);
try {
  const { url } = await app.listen();
  const owner = await app.repositories.users.create({ githubId: "1", username: "owner" });
  const ownerId = `User:${owner.id}`;

  let sent = 0;
  const sendUntil = async (limit: number) => {
    while (sent < limit) {
      const from = sent;
      sent += PER_CALL;
      const projects = Array.from({ length: PER_CALL }, (_, n) => ({
        ownerId,
        name: `project ${from + n}`,
        description: "A project among many.",
        githubUrl: `https://github.com/acme/project-${from + n}`,
        originalTechStack: { language: "JavaScript", framework: "Express", additional: ["mocha", "eslint"] },
      }));
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          query:
            "mutation ($input: ImportProjectsInput!) { importProjects(input: $input) { projects { id } } }",
          variables: { input: { projects } },
        }),
      });
      const { errors } = (await response.json()) as { errors?: unknown };
      if (errors) throw new Error(JSON.stringify(errors));
    }
  };
  const run = (limit: number) => Promise.all(Array.from({ length: clients }, () => sendUntil(limit)));
  const memory = () => {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    return { rssMb: Math.round(rss / 1e6), heapMb: Math.round(heapUsed / 1e6) };
  };

  await run(WARM_UP);
  const samples = [memory()];
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const step = total / 5;
  let lastAt = startedAt;
  for (let part = 1; part <= 5; part++) {
    await run(WARM_UP + part * step);
    const now = performance.now();
    samples.push(memory());
    console.log(
      `${WARM_UP + part * step} projects: ${Math.round(step / ((now - lastAt) / 1_000))}/s`,
      samples.at(-1),
    );
    lastAt = performance.now();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  console.log({
    node: process.version,
    projects: total,
    clients,
    perSecond: Math.round(total / seconds),
    cpuMicrosecondsPerProject: Math.round((user + system) / total),
    rssGrowthMb: samples.at(-1)!.rssMb - samples[0]!.rssMb,
    heapGrowthMb: samples.at(-1)!.heapMb - samples[0]!.heapMb,
    rows: await app.repositories.projects.count(),
  });
} finally {
  await app.close();
  await postgres.stop();
}
