import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { AS_ADMINISTRATOR } from "./access.ts";
import { atEndOfFile } from "./cleanup.ts";
import { keyOf } from "./rows.ts";

const NAME = "query ($id: ID!) { project(id: $id) { name } }";
const RENAME =
  "mutation ($id: ID!, $name: String!) { updateProject(input: { id: $id, name: $name }) { project { name } } }";

export interface Failure {
  readonly at: number;
  readonly kind: "read" | "write";
  /** An error's code: GraphQL's, or the connection's. */
  readonly code: string;
}

export interface LoadOptions {
  /** Where the nth client sends its next request. */
  readonly origin: (client: number) => string;
  readonly readers: number;
  /** Each has a project of its own, from the first on. */
  readonly writers: number;
  /** That are read: those that are written, unless there are more. */
  readonly projects?: number;
  readonly pauseMs?: number;
  /** Between a writer's requests; as between a reader's unless given. */
  readonly writePauseMs?: number;
  /** Who asks. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Clients with connections of their own, which they keep, on projects whose names are numbers: a writer raises one's, and what a read
 * shows must be no less than what was acknowledged before it began.
 */
export function startLoad({
  origin,
  readers,
  writers,
  projects = writers,
  pauseMs = 5,
  writePauseMs = pauseMs,
  headers = AS_ADMINISTRATOR,
}: LoadOptions) {
  const acknowledged = Array<number>(projects + 1).fill(0);
  const stale: string[] = [];
  const failures: Failure[] = [];
  let reads = 0;
  let hits = 0;
  let isOver = false;

  const loop = async (betweenMs: number, once: (agent: Agent) => Promise<void>) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isOver) {
      await once(agent);
      await sleep(betweenMs);
    }
    agent.destroy();
  };
  const ask = async (
    kind: Failure["kind"],
    client: number,
    agent: Agent,
    query: string,
    variables: object,
  ) => {
    const answer = await post(`${origin(client)}/graphql`, agent, headers, { query, variables }).catch(
      (error: NodeJS.ErrnoException) => ({ code: error.code ?? error.message }),
    );
    if (!("code" in answer)) return answer;
    failures.push({ at: performance.now(), kind, code: answer.code });
    await sleep(20);
    return undefined;
  };
  const reader = (client: number) => {
    let n = client;
    return loop(pauseMs, async (agent) => {
      n = (n % projects) + 1;
      const atLeast = acknowledged[n]!;
      const answer = await ask("read", client, agent, NAME, { id: `Project:${keyOf(n)}` });
      if (answer === undefined) return;
      reads++;
      if (answer.isHit) hits++;
      if (Number(answer.data.project.name) < atLeast)
        stale.push(`project ${n}: ${answer.data.project.name} after ${atLeast}`);
    });
  };
  const writer = (client: number, n: number) => {
    let value = 0;
    // What has failed may have been done, and is done again with a higher number.
    return loop(writePauseMs, async (agent) => {
      value++;
      const variables = { id: `Project:${keyOf(n)}`, name: String(value) };
      if (await ask("write", client, agent, RENAME, variables)) acknowledged[n] = value;
    });
  };

  const all = Promise.all([
    ...Array.from({ length: readers }, (_, index) => reader(index)),
    ...Array.from({ length: writers }, (_, index) => writer(readers + index, index + 1)),
  ]);
  const stop = async () => {
    isOver = true;
    await all;
    return { reads, hits, writes: acknowledged.reduce((sum, value) => sum + value), stale, failures };
  };
  atEndOfFile(async () => void (await stop()));
  return {
    reads: () => reads,
    hits: () => hits,
    acknowledged: (): readonly number[] => [...acknowledged],
    failures: (): readonly Failure[] => failures,
    stop,
  };
}

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: the query says what it is
  readonly data: any;
  readonly isHit: boolean;
}

function post(
  url: string,
  agent: Agent,
  whoAsks: Readonly<Record<string, string>>,
  body: object,
): Promise<Answer | { code: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", ...whoAsks };
    const req = request(url, { method: "POST", agent, headers, timeout: 20_000 }, async (res) => {
      try {
        let text = "";
        for await (const chunk of res.setEncoding("utf8")) text += chunk;
        if (res.headers["content-type"]?.includes("json") !== true)
          return resolve({ code: `HTTP ${res.statusCode}` });
        const { data, errors } = JSON.parse(text);
        if (errors) return resolve({ code: errors[0].extensions.code });
        resolve({ data, isHit: String(res.headers["cache-status"]).includes("; hit") });
      } catch (error) {
        reject(error);
      }
    });
    req.on("timeout", () => req.destroy(new Error("no answer within 20 s")));
    req.on("error", reject).end(JSON.stringify(body));
  });
}
