import pg from "pg";
import { type Fault, type FaultContext, pause } from "./fault.ts";
import type { Watcher } from "./link.ts";

/** The faults of the replica that the instances read from. No request may fail because of them. */

const PREFIX = "replica:";

/** Whether the world needs a replica for these faults. */
export const needsReplica = (faults: readonly Fault[]): boolean =>
  faults.some(({ name }) => name.startsWith(PREFIX));

async function onReplica({ world }: FaultContext, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: world.replica!.url, connectionTimeoutMillis: 2_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end().catch(() => {});
  }
}

const replayPause: Fault = {
  name: `${PREFIX}pause`,
  description: "the replica's replay stands still for 0.2 to 4 s",
  endsEpoch: false,
  isRedisOnly: true,
  async run(context) {
    const { random, signal, begin } = context;
    begin();
    await onReplica(context, "SELECT pg_wal_replay_pause()");
    await pause(random.integer(200, 4_000), signal);
    await onReplica(context, "SELECT pg_wal_replay_resume()");
  },
};

const replicaKill: Fault = {
  name: `${PREFIX}kill`,
  description: "crash of the replica, which comes back after 0 to 2 s, further back than it was",
  endsEpoch: false,
  isRedisOnly: true,
  async run({ world, random, signal, begin }) {
    begin();
    await world.replica!.kill();
    await pause(random.integer(0, 2_000), signal);
    await world.replica!.restart();
  },
};

const replicaStop: Fault = {
  name: `${PREFIX}stop`,
  description: "SIGSTOP of the replica's postmaster for 0.2 to 3 s",
  endsEpoch: false,
  isRedisOnly: true,
  async run({ world, random, signal, begin }) {
    const pid = world.replica!.pid();
    if (pid === undefined) return;
    begin();
    // Only the postmaster stops: existing connections go on, and new ones wait.
    process.kill(pid, "SIGSTOP");
    await pause(random.integer(200, 3_000), signal);
    process.kill(pid, "SIGCONT");
  },
};

const cutReplica: Fault = {
  name: `${PREFIX}cut`,
  description: "one instance's link to the replica is cut, silent or slow for up to 3 s",
  endsEpoch: false,
  isRedisOnly: true,
  async run({ world, random, signal, begin }) {
    const { index, replicaLink } = random.pick(world.instances);
    const way = random.pick(["cut", "silent", "slow"] as const);
    begin(` (instance ${index}, ${way})`);
    if (way === "cut") replicaLink!.cut();
    else if (way === "silent") replicaLink!.silence();
    else replicaLink!.slow(random.integer(20, 300));
    await pause(random.integer(200, 3_000), signal);
    replicaLink!.heal();
  },
};

export const replicaFaults: readonly Fault[] = [replayPause, replicaKill, replicaStop, cutReplica];

const HONEST = "pg_last_wal_replay_lsn()";
const END_OF_TIME = "'FFFFFFFF/0'::pg_lsn".padEnd(HONEST.length);

/** Makes the replica claim that it has replayed any log there can ever be, in the same number of bytes. */
export const exaggerate: Watcher = (_connection, chunk) => {
  const at = chunk.indexOf(HONEST);
  if (at === -1) return undefined;
  const changed = Buffer.from(chunk);
  changed.write(END_OF_TIME, at, "latin1");
  return changed;
};
