import type { Pool } from "pg";
import type { Dataset } from "./dataset.ts";
import { pause } from "./fault.ts";
import type { Instance } from "./instance.ts";
import type { Random } from "./random.ts";
import type { Session } from "./session.ts";
import {
  type Read,
  readFailedJob,
  readProject,
  readUserByGithubId,
  type Subject,
  type User,
} from "./subjects.ts";

/** After this time no read may miss an out-of-band commit, in ms: the service's hard bound. */
const BOUND_MS = 1_000;
/** Node's timers may be early by a millisecond. */
const TIMER_SLACK_MS = 5;
const PROBE_EVERY_MS = 2;
const PROBE_FOR_MS = 3_000;

export interface OutsideOptions {
  readonly outside: Pool;
  readonly instances: readonly Instance[];
  readonly dataset: Dataset;
  readonly session: Session;
  readonly random: Random;
  readonly gapMs: { readonly low: number; readonly high: number };
}

export type OutsideWriters = ReturnType<typeof createOutsideWriters>;

/** Writes with SQL, as psql would, and measures when the instances show the writes. */
export function createOutsideWriters(options: OutsideOptions) {
  const { outside, instances, dataset, session, random, gapMs } = options;
  const counts = { writes: 0, unknownWrites: 0 };
  /** For each write and instance: how long after the commit the last read began that missed it, in ms. */
  const lagsMs: number[] = [];
  const id = (nodeId: string) => nodeId.split(":")[1]!;

  /** Calls back at the bound, from which on the write counts as acknowledged. */
  const onceBound = (work: () => void) => setTimeout(work, BOUND_MS + TIMER_SLACK_MS).unref();

  /** @returns the rows, or undefined if it is unknown whether the statement was executed */
  const execute = async (sql: string, values: readonly unknown[]) => {
    try {
      const { rows } = await outside.query(sql, [...values]);
      counts.writes++;
      return rows;
    } catch {
      counts.unknownWrites++;
      return undefined;
    }
  };

  /** Reads through an instance until it shows this value or a later one. */
  const probe = async (instance: Instance, read: Read, counter: Subject["counter"], value: number) => {
    const committedAt = performance.now();
    const seen = { value: 0 };
    const recording: Read = {
      ...read,
      expect() {
        const judge = read.expect();
        return (data) => {
          seen.value = valueIn(data);
          return judge(data);
        };
      },
    };
    let lagMs = 0;
    while (performance.now() - committedAt < PROBE_FOR_MS) {
      if (!instance.isUp()) return;
      const answer = await session.read(instance, recording);
      if (answer === undefined) continue;
      if (seen.value >= value || counter.lowest() > value) {
        lagsMs.push(lagMs);
        return;
      }
      lagMs = Math.max(lagMs, answer.begun - committedAt);
      await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
    }
    lagsMs.push(lagMs);
  };

  const bump = async (read: Read, counter: Subject["counter"], value: number, sql: string, key: string) => {
    // So that the caches have an old value.
    await Promise.all(instances.map((instance) => session.read(instance, read)));
    const rows = await execute(sql, [String(value), key]);
    if (rows === undefined) return undefined;
    onceBound(() => counter.acknowledge(value));
    await Promise.all(instances.map((instance) => probe(instance, read, counter, value)));
    return rows;
  };

  const writeUser = async (user: User) => {
    const rows = await bump(
      readUserByGithubId(user),
      user.counter,
      dataset.invokeUser(user),
      `INSERT INTO users (username, github_id) VALUES ($1, $2)
       ON CONFLICT (github_id) DO UPDATE SET username = excluded.username RETURNING id`,
      user.githubId,
    );
    if (rows !== undefined) onceBound(() => dataset.noteUser(user, `User:${rows[0].id}`));
  };

  const addMember = async () => {
    const { collection, owner } = dataset.members();
    if (!collection.hasOutsideWriters) return;
    const name = dataset.newMemberName();
    collection.invoke(name);
    const rows = await execute(
      "INSERT INTO projects (user_id, name, github_url) VALUES ($1, $2, 'https://example.com/o')",
      [id(owner.id!), name],
    );
    if (rows !== undefined) onceBound(() => collection.acknowledge(name));
    else dataset.doubtful.set(name, () => onceBound(() => collection.acknowledge(name)));
  };

  const deleteUser = async () => {
    const cascade = dataset.cascades.shift();
    if (cascade === undefined) return dataset.addCascade(sendSomewhere);
    cascade.invoke();
    // This deletes the user's project too.
    const rows = await execute("DELETE FROM users WHERE id = $1", [id(cascade.userId)]);
    if (rows !== undefined) onceBound(cascade.commit);
  };

  const sendSomewhere = async (write: Parameters<Session["write"]>[1]) => {
    await session.write(random.pick(instances), write);
  };

  const writeSomething = async () => {
    const dice = random.next();
    if (dice < 0.4)
      return writeUser(random.pick(dataset.users.filter(({ counter }) => counter.hasOutsideWriters)));
    if (dice < 0.6) {
      const project = random.pick(dataset.projects.filter(({ counter }) => counter.hasOutsideWriters));
      const sql = "UPDATE projects SET name = $1 WHERE id = $2";
      return bump(readProject(project), project.counter, project.counter.invoke(), sql, id(project.id!));
    }
    if (dice < 0.75) {
      const job = random.pick(dataset.failedJobs);
      const sql = "UPDATE conversion_jobs SET error_message = $1 WHERE id = $2";
      return bump(readFailedJob(job), job.counter, job.counter.invoke(), sql, id(job.id!));
    }
    return dice < 0.85 ? addMember() : deleteUser();
  };

  return {
    counts,
    lagsMs,

    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        await writeSomething();
        await pause(random.integer(gapMs.low, gapMs.high), signal);
      }
    },

    /** Finds out the outcome of writes that were not acknowledged. */
    async resolveDoubts(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        await pause(1_000, signal);
        const { doubtful, doubtfulDeletions } = dataset;
        if (doubtful.size + doubtfulDeletions.size === 0) continue;
        try {
          const found = await outside.query("SELECT name FROM projects WHERE name = ANY($1)", [
            [...doubtful.keys()],
          ]);
          for (const { name } of found.rows) {
            doubtful.get(name)?.();
            doubtful.delete(name);
          }
          const nodeIds = [...doubtfulDeletions.keys()];
          const left = await outside.query("SELECT id FROM projects WHERE id = ANY($1::uuid[])", [
            nodeIds.map(id),
          ]);
          const present = new Set(left.rows.map((row) => `Project:${row.id}`));
          for (const nodeId of nodeIds) {
            if (present.has(nodeId)) continue;
            doubtfulDeletions.get(nodeId)?.();
            doubtfulDeletions.delete(nodeId);
          }
        } catch {
          // PostgreSQL does not answer at the moment.
        }
      }
    },

    /** Sets a job that was never claimed to FAILED, which the service itself cannot do. */
    async failJob(nodeId: string): Promise<void> {
      await outside.query(
        "UPDATE conversion_jobs SET status = 'FAILED', completed_at = now(), error_message = '0' WHERE id = $1",
        [id(nodeId)],
      );
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: one of three answers, each with one value in it
function valueIn(data: any): number {
  return Number(data.user?.username ?? data.project?.name ?? data.conversionJob?.errorMessage ?? 0);
}
