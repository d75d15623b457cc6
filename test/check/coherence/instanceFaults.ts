import { MARK, RELEASE } from "../../../src/coherence/scripts.ts";
import { type Fault, type FaultContext, pause } from "./fault.ts";
import type { Instance } from "./instance.ts";
import type { Connection, Link } from "./link.ts";

/** The faults of an instance, or of one of its links. */

const TRAP_TIMEOUT_MS = 5_000;
/** Long enough for the server to execute the bytes that it was sent. */
const ARRIVAL_MS = 20;

/** The application name of the service's own pool. The coherence protocol's connections have other names. */
const SERVICE = "stack-converter";
const CONTROL = "stack-converter coherence";

/** Follows a write on the wire to PostgreSQL up to its COMMIT. True: these bytes are that COMMIT. */
function isCommitOfWrite(connection: Connection, chunk: Buffer): boolean {
  if (connection.applicationName !== SERVICE) return false;
  if (chunk.includes("drain_cache_invalidations")) {
    connection.hasDrained = true;
    return false;
  }
  const isCommit = connection.hasDrained && chunk.includes("COMMIT\0");
  if (isCommit || chunk.includes("ROLLBACK\0")) connection.hasDrained = false;
  return isCommit;
}

const isMark = (_connection: Connection, chunk: Buffer) => chunk.includes(MARK.sha1);
const isRelease = (_connection: Connection, chunk: Buffer) => chunk.includes(RELEASE.sha1);

/** Waits until the wanted bytes pass. Holds them, or lets them pass and holds the answer. */
async function trap(
  { signal, provokeWrite }: FaultContext,
  instance: Instance,
  link: Link,
  isWanted: (connection: Connection, chunk: Buffer) => boolean,
  held: "bytes" | "answer",
): Promise<Connection | undefined> {
  let stopWatching = () => {};
  const caught = new Promise<Connection>((resolve) => {
    stopWatching = link.watch((connection, chunk) => {
      if (!isWanted(connection, chunk)) return undefined;
      stopWatching();
      if (held === "bytes") connection.toServer.hold();
      else connection.toClient.hold();
      resolve(connection);
      return undefined;
    });
  });
  provokeWrite(instance);
  const connection = await Promise.race([caught, pause(TRAP_TIMEOUT_MS, signal).then(() => undefined)]);
  stopWatching();
  return connection;
}

function killAt(
  point: string,
  description: string,
  linkOf: (instance: Instance) => Link,
  isWanted: (connection: Connection, chunk: Buffer) => boolean,
  held: "bytes" | "answer",
): Fault {
  return {
    name: `kill:${point}`,
    description,
    endsEpoch: false,
    isRedisOnly: false,
    async run(context) {
      const instance = context.random.pick(context.world.instances);
      await instance.untilUp();
      const connection = await trap(context, instance, linkOf(instance), isWanted, held);
      if (connection === undefined) return;
      context.begin(` (instance ${instance.index})`);
      if (held === "answer") await pause(ARRIVAL_MS, context.signal);
      await instance.kill();
      connection.destroy();
      await instance.untilUp();
    },
  };
}

const redisOf = ({ redisLink }: Instance) => redisLink;
const postgresOf = ({ postgresLink }: Instance) => postgresLink;

/** A fault that breaks one link of one instance with `doBreak`, for 1 to 5 s. */
function linkFault(
  name: string,
  description: string,
  linkOf: (instance: Instance) => Link,
  doBreak: (link: Link, context: FaultContext) => string,
): Fault {
  return {
    name,
    description,
    // A write that cannot reach Redis ends the epoch.
    endsEpoch: linkOf === redisOf,
    isRedisOnly: linkOf === redisOf,
    async run(context) {
      const instance = context.random.pick(context.world.instances);
      const link = linkOf(instance);
      const how = doBreak(link, context);
      context.begin(` (instance ${instance.index}, ${how})`);
      await pause(context.random.integer(1_000, 5_000), context.signal);
      link.heal();
    },
  };
}

const cut = (link: Link, { random }: FaultContext) => {
  if (random.chance(0.5)) {
    link.cut();
    return "reset";
  }
  link.silence();
  return "silent";
};

const slow = (link: Link, { random }: FaultContext) => {
  // The delay in each direction; a round trip takes twice as long.
  const ms = random.integer(10, 300);
  link.slow(ms);
  return `${ms} ms`;
};

const stopFor = (random: FaultContext["random"]) => random.integer(1_500, 4_000);

const stop: Fault = {
  name: "stop",
  description: "SIGSTOP of an instance for longer than a read lease, at any moment",
  endsEpoch: false,
  isRedisOnly: false,
  async run({ world, random, signal, begin }) {
    const instance = random.pick(world.instances);
    await instance.untilUp();
    begin(` (instance ${instance.index})`);
    instance.signal("SIGSTOP");
    await pause(stopFor(random), signal);
    instance.signal("SIGCONT");
  },
};

const stopBeforeCommit: Fault = {
  name: "stop:before-commit",
  description:
    "SIGSTOP of an instance between mark and COMMIT, which arrives while it is stopped or afterwards",
  endsEpoch: false,
  isRedisOnly: false,
  async run(context) {
    const { world, random, signal, begin } = context;
    const instance = random.pick(world.instances);
    await instance.untilUp();
    const connection = await trap(context, instance, instance.postgresLink, isCommitOfWrite, "bytes");
    if (connection === undefined) return;
    const arrivesMeanwhile = random.chance(0.5);
    begin(` (instance ${instance.index}, COMMIT ${arrivesMeanwhile ? "meanwhile" : "afterwards"})`);
    instance.signal("SIGSTOP");
    const ms = stopFor(random);
    await pause(ms / 2, signal);
    if (arrivesMeanwhile) connection.toServer.letGo();
    await pause(ms / 2, signal);
    instance.signal("SIGCONT");
    connection.toServer.letGo();
  },
};

const relayStall: Fault = {
  name: "relay-stall",
  description:
    "for 3 s PostgreSQL does not hear the relay of an instance or of all, or nothing of their control pools",
  endsEpoch: false,
  isRedisOnly: false,
  async run({ world, random, signal, begin }) {
    const instances = random.chance(0.5) ? world.instances : [random.pick(world.instances)];
    const isRelayOnly = random.chance(0.5);
    const held = new Set<Connection>();
    const watches = instances.map(({ postgresLink }) =>
      postgresLink.watch((connection, chunk) => {
        if (connection.applicationName !== CONTROL) return undefined;
        if (isRelayOnly && !chunk.includes("cache_invalidations")) return undefined;
        connection.toServer.hold();
        held.add(connection);
        return undefined;
      }),
    );
    const who = instances.length === 1 ? `instance ${instances[0]!.index}` : "all instances";
    begin(` (${who}, ${isRelayOnly ? "relay" : "control pool"})`);
    await pause(3_000, signal);
    for (const stopWatching of watches) stopWatching();
    for (const connection of held) connection.toServer.letGo();
  },
};

export const instanceFaults: readonly Fault[] = [
  killAt("before-mark", "SIGKILL of an instance; its mark never reaches Redis", redisOf, isMark, "bytes"),
  killAt(
    "after-mark",
    "SIGKILL of an instance; Redis has its mark, and it has no answer",
    redisOf,
    isMark,
    "answer",
  ),
  killAt(
    "before-commit",
    "SIGKILL of an instance; its COMMIT never reaches PostgreSQL",
    postgresOf,
    isCommitOfWrite,
    "bytes",
  ),
  killAt(
    "after-commit",
    "SIGKILL of an instance; PostgreSQL has its COMMIT, and it has no answer",
    postgresOf,
    isCommitOfWrite,
    "answer",
  ),
  killAt(
    "before-release",
    "SIGKILL of an instance; its release never reaches Redis",
    redisOf,
    isRelease,
    "bytes",
  ),
  stop,
  stopBeforeCommit,
  linkFault("cut-redis", "an instance loses its connections to Redis, or they fall silent", redisOf, cut),
  linkFault("cut-postgres", "the same to PostgreSQL", postgresOf, cut),
  linkFault("slow-redis", "10 to 300 ms each way between an instance and Redis", redisOf, slow),
  linkFault("slow-postgres", "the same to PostgreSQL", postgresOf, slow),
  relayStall,
];
