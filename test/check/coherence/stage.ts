import { createDataset } from "./dataset.ts";
import { createFaultLog } from "./faultLog.ts";
import type { CheckOptions } from "./options.ts";
import { createOutsideWriters } from "./outside.ts";
import { createRandom, type Random } from "./random.ts";
import { describeViolation } from "./report.ts";
import { createSession, type Sample } from "./session.ts";
import type { Write } from "./subjects.ts";
import { createWorkload } from "./workload.ts";
import { startWorld } from "./world.ts";

const MAX_PRINTED_VIOLATIONS = 20;
/** Connections for writes and probes, beside those of the readers. */
const SPARE_CONNECTIONS = 16;
const OUTSIDE_GAP_MS = { low: 50, high: 400 } as const;

export interface StageOptions
  extends Pick<CheckOptions, "seed" | "instances" | "readers" | "writesPerSecond"> {
  /** The pause between a reader's answer and its next read, in ms. */
  readonly restMs?: number;
  readonly observe?: (sample: Sample) => void;
  readonly hasReplica?: boolean;
}

/** Starts a world, fills it with rows, and creates readers and writers, still idle. `world.stop` ends all. */
export async function setStage(options: StageOptions, progress: (line: string) => void) {
  const { seed } = options;
  progress(`seed ${seed}; starting PostgreSQL, Redis and ${options.instances} instance(s) of the service`);
  const world = await startWorld({
    instances: options.instances,
    connections: options.readers + SPARE_CONNECTIONS,
    hasReplica: options.hasReplica ?? false,
  });
  try {
    const { instances, outside } = world;
    // Each part has its own random numbers, so that they do not depend on how many another part uses.
    const random = (stream: number): Random => createRandom(seed + stream);
    const log = createFaultLog();
    const dataset = createDataset(random(1));
    let printed = 0;
    const session = createSession(
      log,
      (violation) => {
        if (printed++ < MAX_PRINTED_VIOLATIONS) progress(describeViolation(violation));
      },
      options.observe,
    );
    const outsideWriters = createOutsideWriters({
      outside,
      instances,
      dataset,
      session,
      random: random(2),
      gapMs: OUTSIDE_GAP_MS,
    });
    const workload = createWorkload({
      restMs: 0,
      ...options,
      instances,
      dataset,
      session,
      random: random(3),
    });

    const send = async (write: Write) => {
      if (!(await session.write(instances[0]!, write))) {
        throw new Error(`The data cannot be prepared: ${[...session.failures.keys()].join(", ")}`);
      }
    };
    await dataset.fill(send, outsideWriters.failJob);
    return { world, log, session, outsideWriters, workload, random: random(4) };
  } catch (error) {
    await world.stop();
    throw error;
  }
}
