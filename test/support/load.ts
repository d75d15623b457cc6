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
  /** The code of a GraphQL error or of a connection error. */
  readonly code: string;
}

export interface LoadOptions {
  /** The address to which a client sends its next request. */
  readonly origin: (client: number) => string;
  readonly readers: number;
  /** How many writers. Each writes a project of its own, from the first on. */
  readonly writers: number;
  /** How many projects are read; by default those that are written. */
  readonly projects?: number;
  /** Between a client's requests, in ms. */
  readonly pauseMs?: number;
  /** Between a writer's requests, in ms; by default `pauseMs`. */
  readonly writePauseMs?: number;
  /** Sent with each request: they say who asks. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Starts clients, each with its own keep-alive connection, on projects whose names are numbers. A writer
 * raises the number of its project. A read must show no lower number than was acknowledged before the read
 * began.
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
    // A failed write may have been executed. The next one has a higher number.
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
