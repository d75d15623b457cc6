import { Pool } from "undici";
import { type LoadOptions, type Sample, startMeasuring } from "./load.ts";
import type { Server } from "./servers.ts";
import { idOf, projectKey, QUERIES, RENAME } from "./work.ts";

export interface MixOptions extends LoadOptions {
  /** The share of writes among the requests, 0 to 1. */
  readonly writes: number;
  readonly projects: number;
}

/** How many projects are used. The nth is chosen 1/n^0.99 times as often as the first. */
const KEYS = 1_000;
const EXPONENT = 0.99;

/** No value is written twice: a later value is always higher, on all connections. */
let lastValue = 0;

/**
 * Mixes reads and writes in one load, and checks every answer. Once the write of a value is acknowledged, no
 * read that starts later may show a lower value. Values that were written before the load began are not
 * checked.
 */
export async function runMix(server: Server, options: MixOptions): Promise<Sample> {
  const { dialect, headers, name } = server.contender;
  const { seconds, connections, counters, writes, projects } = options;
  const pool = new Pool(new URL(server.url).origin, { connections, pipelining: 1 });
  const ids = Array.from({ length: KEYS }, (_, n) => idOf(dialect, "Project", projectKey(n, projects)));
  const reads = ids.map((id) => JSON.stringify({ query: QUERIES.Q1.documents[dialect], variables: { id } }));
  const acknowledged = new Array<number>(KEYS).fill(0);
  const isWriting = new Array<boolean>(KEYS).fill(false);
  const draw = createDraw();
  const latencies: number[] = [];
  let stale = 0;

  async function send(body: string): Promise<number> {
    const startedAt = performance.now();
    const answer = await pool.request({
      method: "POST",
      path: "/graphql",
      headers: { "content-type": "application/json", accept: "application/json", ...headers },
      body,
    });
    const text = await answer.body.text();
    latencies.push(performance.now() - startedAt);
    const value = /"name":"[a-z]+ ?(\d+)"/.exec(text)?.[1];
    if (answer.statusCode !== 200 || value === undefined)
      throw new Error(`${name} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
    // The rows' first names are older than any value.
    return text.includes('"name":"v') ? Number(value) : 0;
  }

  async function work(until: number): Promise<void> {
    while (performance.now() < until) {
      const key = draw.key();
      if (draw.number() < writes && !isWriting[key]) {
        isWriting[key] = true;
        const value = ++lastValue;
        const variables = { id: ids[key]!, name: `v${value}` };
        const written = await send(JSON.stringify({ query: RENAME[dialect], variables }));
        if (written !== value) throw new Error(`${name} acknowledged ${written} for ${value}.`);
        acknowledged[key] = value;
        isWriting[key] = false;
      } else {
        const expected = acknowledged[key]!;
        if ((await send(reads[key]!)) < expected) stale++;
      }
    }
  }

  try {
    const finish = await startMeasuring(server, counters);
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: connections }, () => work(startedAt + seconds * 1_000)));
    const endedAt = performance.now();
    latencies.sort((a, b) => a - b);
    return {
      requests: latencies.length,
      ...(await finish(latencies.length, endedAt)),
      perSecond: (latencies.length * 1_000) / (endedAt - startedAt),
      p50Ms: latencies[Math.floor(latencies.length * 0.5)]!,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
      stale,
    };
  } finally {
    await pool.close();
  }
}

/** Makes the same choices in every run: numbers by xorshift, keys by a binary search in the cumulated weights. */
function createDraw() {
  let state = 0x9e3779b9;
  const number = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const sums: number[] = [];
  for (let n = 1; n <= KEYS; n++) sums.push((sums.at(-1) ?? 0) + 1 / n ** EXPONENT);
  const key = () => {
    const wanted = number() * sums.at(-1)!;
    let [low, high] = [0, KEYS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return { number, key };
}
