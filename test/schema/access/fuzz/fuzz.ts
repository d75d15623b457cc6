import { expect, test } from "vitest";
import { createRandom, type Random } from "../../../check/coherence/random.ts";
import { PLAN } from "../../../support/rows.ts";
import { ADAS, BOBS, createAccessWorld, VIEWERS } from "../world.ts";
import { randomOperation } from "./randomOperation.ts";

/** The number of test files beside this one. Each has its share and its seed, and runs in its own worker. */
const FILES = 4;
/** How many operations all files send together: FUZZ_OPERATIONS. */
const OPERATIONS = Number(process.env.FUZZ_OPERATIONS ?? 4_000);
/** The first file's seed: FUZZ_SEED. The same seed makes the same operations. */
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);
/** After this many operations all rows are restored: operations on deleted rows would test nothing. */
const ROUND = 250;
const AT_A_TIME = 8;
const MOMENT_MS = 100;
const SECRET = "ADA-SECRET";
const HERS = [...new Set(Object.values(ADAS).map((id) => id.slice(id.indexOf(":") + 1)))];

const STRANGERS = [
  VIEWERS.stranger,
  VIEWERS.other,
  VIEWERS.other,
  VIEWERS.other,
  VIEWERS.worker,
  VIEWERS.worker,
  `${VIEWERS.other} projects:read,users:read`,
  `${VIEWERS.other} projects:write,users:write`,
  `${VIEWERS.worker} jobs:work`,
];

// Node's own default. Vitest sets a hundred frames, and looking each up in a source map takes a tenth of the
// time.
Error.stackTraceLimit = 10;

let world: Awaited<ReturnType<typeof createAccessWorld>>;

/** Restores all rows. Every text of Ada's contains SECRET, and no job of hers can be claimed. */
async function reset() {
  await world.reset();
  const plan = structuredClone(PLAN);
  Object.assign(plan.tasks[0]!, { description: SECRET, inputFiles: [SECRET] });
  await world.pool.query(`
    UPDATE users SET username = '${SECRET}', email = '${SECRET}@example.com', avatar_url = 'https://x/${SECRET}' WHERE github_id = '1001';
    UPDATE projects SET name = 'project ${SECRET}', description = '${SECRET}', github_url = 'https://x/${SECRET}',
           original_tech_stack = '{"language":"${SECRET}"}', target_tech_stack = '{"language":"${SECRET}"}' WHERE name = 'project 1';
    UPDATE project_files SET path = 'src/${SECRET}', language = '${SECRET}' WHERE project_id = '${HERS[0]}';
    UPDATE conversion_jobs SET plan = '${JSON.stringify(plan)}', current_task = '${SECRET}', error_message = '${SECRET}',
           worker_id = CASE WHEN worker_id IS NULL THEN NULL ELSE '${SECRET}' END,
           available_at = now() + interval '1 day' WHERE project_id = '${HERS[0]}';
    UPDATE conversion_job_events SET data = data || '{"message":"${SECRET}"}' WHERE job_id = ANY('{${HERS.join(",")}}')`);
}

/** A digest of everything that is Ada's. */
async function digest(): Promise<string> {
  const { rows } = await world.pool.query(`
    SELECT md5(string_agg("row", '|' ORDER BY "row")) AS digest FROM (
      SELECT users::text FROM users WHERE github_id = '1001'
       UNION ALL SELECT projects::text FROM projects WHERE id = '${HERS[0]}'
       UNION ALL SELECT project_files::text FROM project_files WHERE project_id = '${HERS[0]}'
       UNION ALL SELECT conversion_jobs::text FROM conversion_jobs WHERE project_id = '${HERS[0]}'
       UNION ALL SELECT conversion_job_events::text FROM conversion_job_events WHERE job_id = ANY('{${HERS.join(",")}}')
       UNION ALL SELECT github_credentials::text FROM github_credentials WHERE user_id = '${HERS[0]}') AS hers("row")`);
  return rows[0].digest;
}

/** Cursors from an administrator's lists with Ada's rows, which nobody else should have. */
async function stolenCursors(): Promise<string[]> {
  const { data } = await world.ask(
    VIEWERS.admin,
    "{ projects { edges { cursor } } conversionJobs { edges { cursor } } users { edges { cursor } } }",
  );
  return [data.projects, data.conversionJobs, data.users].flatMap(({ edges }) =>
    edges.map(({ cursor }: { cursor: string }) => cursor),
  );
}

let streamed = 0;
/** The messages that a stream sends within MOMENT_MS. A stream without messages would go on for ever. */
async function firstMessages({ body }: Response): Promise<string[]> {
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => void reader.cancel(), MOMENT_MS);
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  clearTimeout(timer);
  const messages = [...text.matchAll(/^event: next\n(?:id: .*\n)?data: (.*)$/gm)].map(([, data]) => data!);
  streamed += messages.length;
  return messages;
}

const found: unknown[] = [];
const codes = new Map<string, number>();

/** The text together with the decoded contents of its cursors: ids and values. */
function readable(text: string): string {
  const parts = text.match(/[\w-]{40,}/g) ?? [];
  return [text, ...parts.map((part) => Buffer.from(part, "base64url").toString())].join("\n");
}

function check(authorization: string, body: string, status: number, text: string): void {
  const problems: string[] = [];
  if (status >= 500) problems.push(`status ${status}`);
  const { errors = [] } = JSON.parse(text) as {
    errors?: { extensions?: { code?: string; stack?: unknown } }[];
  };
  const answerCodes =
    errors.length === 0 ? ["answered"] : errors.map(({ extensions }) => String(extensions?.code));
  for (const code of answerCodes) codes.set(code, (codes.get(code) ?? 0) + 1);
  if (answerCodes.some((code) => code === "undefined" || code === "INTERNAL_SERVER_ERROR"))
    problems.push("an error that nobody thought of");
  if (/node_modules|\.ts:\d|prisma\./i.test(text)) problems.push("a stack");
  if (authorization !== VIEWERS.admin) {
    const plain = readable(text);
    if (plain.includes(SECRET)) problems.push("something of Ada's");
    for (const id of HERS)
      if (plain.includes(id) && !readable(body).toLowerCase().includes(id)) problems.push(`the id ${id}`);
  }
  if (problems.length > 0) found.push({ problems, authorization, body, text: text.slice(0, 2_000) });
}

/**
 * Sends random operations, both as viewers who may see nothing of Ada's and as an administrator, who may see
 * everything. None may fail with an unexpected error. No answer to the former may have anything of hers that
 * its request did not have.
 *
 * @param part the number of the file, from 0
 */
export async function fuzz(part: number): Promise<void> {
  // Every other file compiles its queries, each at its first execution.
  world = await createAccessWorld({ CACHE_ENABLED: "true", COMPILE_AFTER: String(part % 2) });
  const operations = Math.ceil(OPERATIONS / FILES);
  const seed = FIRST_SEED + part;
  test(
    `${operations} random operations cause no unexpected error, and reveal nothing of other people's (seed ${seed})`,
    () => run(operations, createRandom(seed)),
    3_600_000,
  );
}

async function run(operations: number, random: Random): Promise<void> {
  await reset();
  const pools = {
    ids: [
      ...Object.values(ADAS),
      ...Object.values(BOBS),
      ...Object.values(BOBS),
      ADAS.project.toUpperCase().replace("PROJECT", "Project"),
      "Project:00000000-0000-7000-8000-000000000099",
      "User:1",
      "__proto__:x",
      "",
    ],
    texts: [
      "",
      "a",
      "w",
      "v",
      "x",
      "t1",
      "converter",
      "1001",
      "1002",
      "ada-sec",
      "https://github.com/acme/x",
      "__proto__",
      "constructor",
      "%_\\",
      "'; DROP TABLE users; --",
      "\u0000",
      "\ud800",
      "🧨".repeat(200),
      "src/index.js",
      "2026-01-01T00:00:00.000Z",
      "User#",
      "eyJhIjoxfQ",
    ],
    cursors: await stolenCursors(),
  };

  for (let done = 0; done < operations; done += ROUND) {
    // In a tenth of the rounds, an administrator asks, who may change everything.
    const isAdministrators = (done / ROUND) % 10 === 9;
    const before = await digest();
    const streams: Promise<void>[] = [];
    let left = Math.min(ROUND, operations - done);
    const send = async () => {
      while (left-- > 0) {
        const authorization = isAdministrators ? VIEWERS.admin : random.pick(STRANGERS);
        const operation = randomOperation(random, pools);
        const body = JSON.stringify(operation.body);
        const headers: Record<string, string> = { "content-type": "application/json", authorization };
        if (operation.isStreamed) headers.accept = "text/event-stream";
        if (random.chance(0.1)) headers["idempotency-key"] = random.pick(["k1", "k2", "k3"]);
        const response = await world.app.fetch("http://test/graphql", { method: "POST", headers, body });
        const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
        const checked = async () => {
          const answers = isStream ? await firstMessages(response) : [await response.text()];
          for (const text of answers) check(authorization, body, response.status, text);
        };
        // Reading a stream does not hold up the next operation.
        if (isStream) streams.push(checked());
        else await checked();
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, send));
    await Promise.all(streams);
    if (!isAdministrators) expect(await digest()).toBe(before);
    expect(found).toEqual([]);
    await reset();
  }
  // Enough operations must really run: one that is refused for its form alone tests nothing.
  expect(codes.get("answered") ?? 0).toBeGreaterThan(operations / 10);
  expect(streamed).toBeGreaterThan(operations / 100);
  if (process.env.FUZZ_OPERATIONS) console.log(streamed, Object.fromEntries(codes));
}
