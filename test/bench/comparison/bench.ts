import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { spreadOf } from "../machine.ts";
import { bodyOf, checkAnswers, cursorsOf, plainCursors } from "./check.ts";
import {
  CACHING_PEERS,
  type Contender,
  floor,
  SERVICE,
  SERVICE_UNCACHED,
  UNCACHED_PEERS,
} from "./contenders.ts";
import type { Databases } from "./data.ts";
import { type LoadOptions, runLoad, type Sample } from "./load.ts";
import { runMix } from "./mix.ts";
import { reportsOf } from "./reports.ts";
import { AFTER_WRITE, entryOf, type Row, type State } from "./results.ts";
import { ask, residentBytes, type Server, startServer } from "./servers.ts";
import { M1, NUMBER_PLACE, QUERIES, type Query, type WorkName } from "./work.ts";

export interface BenchOptions {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly projects: number;
  readonly distinct: number;
  readonly hasPeers: boolean;
  readonly databases: Databases;
  readonly redis: string;
  readonly load: LoadOptions;
  readonly progress: (line: string) => void;
}

/** One server's turn in each round. */
interface Turn {
  readonly name: string;
  readonly server: Server;
  run(): Promise<Sample>;
}

const WRITES = { "99/1": 0.01, "90/10": 0.1, "50/50": 0.5 } as const;
/**
 * How many of the different answers are compared with SQL. A page deep in the list is like one at its
 * beginning.
 */
const CHECKED = 20;
const UNCACHED_CONNECTIONS = 12;
/** The most rounds that do not count: more would take too long. */
const MAX_WARM_ROUNDS = 8;
/** A round has settled if its CPU time per request exceeds this share of the cheapest round's so far. */
const SETTLED = 0.92;
/** After this many such rounds in a row the server is warm. A single one may have been disturbed. */
const SETTLED_ROUNDS = 2;
/** Concurrent requests where nothing is timed. */
const FILLERS = 16;

/**
 * Starts each server when it is first needed, and keeps it until `close`: its memory at the end is a figure
 * too.
 */
export async function createBench(options: BenchOptions) {
  const { isQuick, rounds, projects, distinct, hasPeers, databases, redis, load, progress } = options;
  const pools = {
    service: new pg.Pool({ connectionString: databases.service, max: 2 }),
    peers: new pg.Pool({ connectionString: databases.peers, max: 2 }),
  };
  // The pools may still emit an error when the server is stopped.
  for (const pool of Object.values(pools)) pool.on("error", () => {});
  const plain = await plainCursors(pools.peers, distinct);
  const floorFile = join(load.folder, "floor.json");
  const servers = new Map<string, Server>();
  const bodies = new Map<string, readonly string[]>();
  let databaseOfRedis = 0;

  const isOwn = ({ family }: Contender) => family === SERVICE.family;

  async function serverOf(contender: Contender): Promise<Server> {
    const running = servers.get(contender.name);
    if (running !== undefined) return running;
    const server = await start(contender);
    servers.set(contender.name, server);
    progress(`${contender.name} has started (${Math.round(server.startMs)} ms)`);
    return server;
  }

  function start(contender: Contender): Promise<Server> {
    // Redis has 16 databases; the service gets the first.
    const index = isOwn(contender) ? 0 : 1 + (databaseOfRedis++ % 15);
    return startServer(contender, {
      database: isOwn(contender) ? databases.service : databases.peers,
      redis: `${redis}/${index}`,
      body: bodyOf(contender.dialect, QUERIES.Q1, 0, [], projects),
      env: { FLOOR_FILE: floorFile },
    });
  }

  /**
   * The different requests for a query, in the server's dialect. The first answers have been compared with
   * SQL. If the server keeps answers, all of them are in its cache.
   */
  async function requestsOf(server: Server, query: Query): Promise<readonly string[]> {
    const { name, dialect, family } = server.contender;
    const key = `${name} ${query.name}`;
    const known = bodies.get(key);
    if (known !== undefined) return known;
    const cursors =
      query.pageSize === undefined || dialect === "schema" ? plain : await cursorsOf(server, distinct);
    const made = Array.from({ length: distinct }, (_, n) => bodyOf(dialect, query, n, cursors, projects));
    bodies.set(key, made);
    if (family === "floor" && server.contender.env.FLOOR !== "sql") return made;
    progress(`${name}: ${query.name} compared with SQL`);
    await checkAnswers(
      server,
      query,
      made.slice(0, CHECKED),
      pools[isOwn(server.contender) ? "service" : "peers"],
      plain,
      projects,
    );
    if (server.contender.keeps !== "nothing") await fill(server, made);
    return made;
  }

  async function fill(server: Server, made: readonly string[]): Promise<void> {
    let next = 0;
    await Promise.all(
      Array.from({ length: FILLERS }, async () => {
        while (next < made.length) await (await ask(server, made[next++]!)).arrayBuffer();
      }),
    );
    if (isOwn(server.contender)) await untilCached(server, made[0]!, "; hit");
  }

  /**
   * Repeats a request until its `cache-status` contains `status`. In the service's first moments nothing is
   * cached, until an epoch is live. A request with a place for a number is a different one each time.
   */
  async function untilCached(server: Server, body: string, status: string): Promise<Response> {
    for (let attempt = 0; attempt < 1_000; attempt++) {
      const response = await ask(server, body.replace(NUMBER_PLACE, `check ${attempt}`));
      if (response.headers.get("cache-status")?.includes(status)) return response;
      await response.arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`Expected an answer with cache-status ${status} within 20 s, got none.`);
  }

  /** Writes what the floors answer with: the service's own bytes and headers. */
  async function writeFloorFile(): Promise<void> {
    const service = await serverOf(SERVICE);
    const operations: Record<string, object> = {};
    for (const query of Object.values(QUERIES)) {
      const response = await untilCached(service, bodyOf("service", query, 0, plain, projects), "; hit");
      const headers = [...response.headers].filter(
        ([name]) =>
          !["date", "connection", "keep-alive", "content-length", "transfer-encoding"].includes(name),
      );
      operations[query.name] = {
        text: await response.text(),
        headers: headers.flat(),
        statement: query.statement,
      };
    }
    writeFileSync(floorFile, JSON.stringify(operations));
  }

  const turnOf = async (
    contender: Contender,
    query: Query,
    state: "hot" | "distinct" | "off",
  ): Promise<Turn> => {
    const server = await serverOf(contender);
    const requests = await requestsOf(server, query);
    return {
      name: contender.name,
      server,
      run: () => runLoad(server, state === "hot" ? requests.slice(0, 1) : requests, loadOf(state)),
    };
  };

  async function afterWrite(query: Query): Promise<Turn> {
    const { server } = await turnOf(SERVICE, query, "off");
    const numbered = (await requestsOf(server, query)).map((body) =>
      body.replace(/\}\}$/, `,"n":"${NUMBER_PLACE}"}}`),
    );
    await untilCached(server, numbered[0]!, "fwd=miss");
    return { name: AFTER_WRITE, server, run: () => runLoad(server, numbered, loadOf("off")) };
  }

  /**
   * Many requests of tens of milliseconds that begin together would also end together, after the round. So
   * fewer connections are used, for all servers: enough to keep a server busy.
   */
  const loadOf = (state: State): LoadOptions =>
    state === "off" ? { ...load, connections: Math.min(load.connections, UNCACHED_CONNECTIONS) } : load;

  async function turnsOf(work: WorkName, state: State): Promise<Turn[]> {
    const caching = hasPeers ? CACHING_PEERS.filter(({ isSlow }) => !isQuick || !isSlow) : [];
    const uncached = hasPeers ? UNCACHED_PEERS : [];
    const turns: Turn[] = [];
    if (work === "M1") {
      for (const contender of [SERVICE, ...uncached]) {
        const server = await serverOf(contender);
        const requests = await reportsOf(server, databases, pools[isOwn(contender) ? "service" : "peers"]);
        turns.push({ name: contender.name, server, run: () => runLoad(server, requests, load) });
      }
      return turns;
    }
    const query = QUERIES[work];
    switch (state) {
      case "hot":
      case "distinct": {
        const floors = [floor("bytes"), floor("headers"), floor("redis")];
        // PostGraphile keeps no answers, and is as fast with a known request as with a new one.
        const always = uncached.filter(({ family }) => family === "PostGraphile");
        for (const contender of [...floors, SERVICE, ...caching, ...always])
          turns.push(await turnOf(contender, query, state));
        return turns;
      }
      case "off":
        turns.push(await turnOf(floor("sql"), query, "off"));
        turns.push(await turnOf(SERVICE_UNCACHED, query, "off"), await afterWrite(query));
        for (const contender of uncached) turns.push(await turnOf(contender, query, "off"));
        return turns;
      case "report":
        throw new Error(`${work} reports nothing.`);
      default:
        for (const contender of [SERVICE, ...caching, ...uncached]) {
          const server = await serverOf(contender);
          const writes = WRITES[state];
          turns.push({
            name: contender.name,
            server,
            run: () => runMix(server, { ...load, writes, projects }),
          });
        }
        return turns;
    }
  }

  /**
   * Runs rounds that do not count, in which V8 compiles the server's code, until a round is not much cheaper
   * than those before. One round is enough with `--quick`, and for work that the server has done before in
   * another state.
   */
  async function warm(turn: Turn, isKnown: boolean): Promise<void> {
    let least: number | undefined;
    let settled = 0;
    for (let round = 1; round <= MAX_WARM_ROUNDS && settled < SETTLED_ROUNDS; round++) {
      const { requests, cpuMicroseconds } = await turn.run();
      if (requests === 0) continue;
      if (isQuick || isKnown) return;
      settled = least !== undefined && cpuMicroseconds > least * SETTLED ? settled + 1 : 0;
      least = Math.min(least ?? cpuMicroseconds, cpuMicroseconds);
    }
    if (least === undefined)
      throw new Error(`${turn.name} has answered no request in ${MAX_WARM_ROUNDS} rounds.`);
  }

  /** Repeats a round without any answer: on a shared machine a round may end before the first answer. */
  async function answered(turn: Turn): Promise<Sample> {
    for (let attempt = 1; attempt <= MAX_WARM_ROUNDS; attempt++) {
      const sample = await turn.run();
      if (sample.requests > 0) return sample;
    }
    throw new Error(`${turn.name} answers nothing within a round; --seconds makes them longer.`);
  }

  await writeFloorFile();
  const warmed = new Set<string>();

  return {
    async measure(work: WorkName, state: State): Promise<Row> {
      const turns = await turnsOf(work, state);
      const samples = turns.map((): Sample[] => []);
      for (const turn of turns) {
        const key = `${turn.name} ${work}`;
        const isKnown = warmed.has(key);
        if (!isKnown || !isQuick) await warm(turn, isKnown);
        warmed.add(key);
      }
      for (let round = 1; round <= rounds; round++) {
        progress(`${work} ${state}: round ${round} of ${rounds}`);
        for (const [index, turn] of turns.entries()) samples[index]!.push(await answered(turn));
      }
      return {
        work,
        state,
        title: work === "M1" ? M1.title : QUERIES[work].title,
        entries: turns.map(({ name, server }, index) => entryOf(server.contender, name, samples[index]!)),
      };
    },

    /** The service is the first in the list. */
    async measureStarts() {
      const found: { name: string; ms: ReturnType<typeof spreadOf> }[] = [];
      for (const contender of [SERVICE, ...(hasPeers ? UNCACHED_PEERS : [])]) {
        const samples: number[] = [];
        for (let round = 1; round <= Math.min(rounds, 3); round++) {
          progress(`${contender.name}: start ${round}`);
          const server = await start(contender);
          samples.push(server.startMs);
          await server.stop();
        }
        found.push({ name: contender.name, ms: spreadOf(samples) });
      }
      return found;
    },

    /** The service is the first in the list, because it was started first. */
    memory: () =>
      [...servers.values()].map(({ contender: { name }, pid }) => ({ name, bytes: residentBytes(pid) })),

    async close(): Promise<void> {
      await Promise.all([...servers.values()].map((server) => server.stop()));
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
    },
  };
}
