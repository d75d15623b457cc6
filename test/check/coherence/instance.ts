import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ACCESS_ENV } from "../../support/access.ts";
import { type GuardedProgram, startGuarded } from "../../support/guard.ts";
import { findFreePort } from "../../support/server.ts";
import { UNLIMITED } from "../../support/unlimited.ts";
import { createHttpClient, type HttpClient } from "./httpClient.ts";
import { createLink, type Link } from "./link.ts";

const CLI = fileURLToPath(new URL("../../../dist/cli.js", import.meta.url));
const START_TIMEOUT_MS = 60_000;
const KEPT_OUTPUT = 500_000;
/** How much of its output is kept for the report of an instance's end, in characters. */
const LAST_WORDS = 4_000;

/** The end of an instance that was not killed by the check. */
export interface UnexpectedEnd {
  readonly instance: number;
  /** On this process's monotonic clock, in ms. */
  readonly at: number;
  /** How long the process had lived, in ms. */
  readonly livedMs: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of its own output. */
  readonly lastWords: string;
}

export interface Instance {
  readonly index: number;
  readonly postgresLink: Link;
  readonly redisLink: Link;
  readonly replicaLink: Link | undefined;
  readonly client: HttpClient;
  /** Whether it answers, as far as the check knows. */
  isUp(): boolean;
  untilUp(): Promise<void>;
  /** Sends SIGKILL. The instance is started again at once. */
  kill(): Promise<void>;
  /** Sends SIGSTOP or SIGCONT. */
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** When and how it ended without being killed by the check. */
  unexpectedEnds(): readonly UnexpectedEnd[];
  /** The end of its log. */
  output(): string;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  readonly index: number;
  readonly postgresPort: number;
  readonly databaseName: string;
  readonly redisPort: number;
  readonly replicaPort: number | undefined;
  readonly connections: number;
}

/** Runs the compiled service in its own process, behind a proxy per link. Starts it again when it ends. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { index, postgresPort, databaseName, redisPort, replicaPort, connections } = options;
  const postgresLink = await createLink(postgresPort);
  const redisLink = await createLink(redisPort);
  const replicaLink = replicaPort === undefined ? undefined : await createLink(replicaPort);
  const port = await findFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const client = createHttpClient(origin, connections);

  let program: GuardedProgram | undefined;
  let isUp = false;
  let isStopping = false;
  /** The process that was killed last. The end of any other process is unexpected. */
  let killed: GuardedProgram | undefined;
  const unexpectedEnds: UnexpectedEnd[] = [];
  let output = "";

  const start = () => {
    const startedAt = performance.now();
    let ownOutput = "";
    const started = startGuarded({
      command: process.execPath,
      args: [CLI, "serve"],
      env: {
        PATH: process.env.PATH,
        ...ACCESS_ENV,
        NODE_ENV: "production",
        HOST: "127.0.0.1",
        PORT: String(port),
        LOG_LEVEL: "warn",
        ...UNLIMITED,
        DATABASE_URL: `postgres://postgres@127.0.0.1:${postgresLink.port}/${databaseName}`,
        REDIS_URL: `redis://127.0.0.1:${redisLink.port}`,
        ...(replicaLink && {
          DATABASE_REPLICA_URLS: `postgres://postgres@127.0.0.1:${replicaLink.port}/${databaseName}`,
        }),
      },
      signal: "TERM",
      output: "pipe",
    });
    program = started;
    for (const stream of [started.child.stdout, started.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
        ownOutput = (ownOutput + chunk.toString()).slice(-LAST_WORDS);
      });
    }
    // "close" comes later than the exit: by then all of its output has arrived.
    const closed = once(started.child, "close");
    void started.exited.then(async ({ code, signal }) => {
      isUp = false;
      if (isStopping) return;
      const at = performance.now();
      if (started !== killed || signal !== "SIGKILL") {
        await closed;
        const end = { instance: index, at, livedMs: at - startedAt, code, signal, lastWords: ownOutput };
        unexpectedEnds.push(end);
      }
      // A service that cannot start, because its database is away, must not be restarted in a tight loop.
      await sleep(100);
      if (!isStopping) start();
    });
    void watchUntilUp(started);
  };

  const watchUntilUp = async (started: GuardedProgram) => {
    const ready = new URL("/readyz", origin);
    while (program === started && !isStopping) {
      const response = await fetch(ready).catch(() => undefined);
      await response?.arrayBuffer().catch(() => {});
      if (response?.ok) {
        isUp = program === started;
        return;
      }
      await sleep(50);
    }
  };

  const untilUp = async () => {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!isUp) {
      if (isStopping) return;
      if (performance.now() > deadline) throw new Error(`Instance ${index} does not start:\n${output}`);
      await sleep(20);
    }
  };

  start();
  return {
    index,
    postgresLink,
    redisLink,
    replicaLink,
    client,
    isUp: () => isUp,
    untilUp,
    async kill() {
      if (program === undefined) return;
      killed = program;
      isUp = false;
      killed.signal("SIGKILL");
      await killed.exited;
    },
    signal: (name) => void program?.signal(name),
    unexpectedEnds: () => unexpectedEnds,
    output: () => output,
    async stop() {
      isStopping = true;
      const ending = program;
      ending?.signal("SIGCONT");
      ending?.signal("SIGTERM");
      const timer = setTimeout(() => ending?.killGroup(), 5_000);
      await ending?.exited;
      clearTimeout(timer);
      await client.close();
      await Promise.all([postgresLink.close(), redisLink.close(), replicaLink?.close()]);
    },
  };
}
