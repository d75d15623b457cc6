import fc from "fast-check";
import { expect, test } from "vitest";
import { allows, type JobAction } from "../../src/jobs/lifecycle.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";

/**
 * Runs random sequences of calls about one job, against the real statements and a model of a few lines.
 * Workers keep every token that they were ever given, and use old ones too.
 */

const { pool, empty, repositories } = await createTestRepositories();
const { conversionJobs, jobControl, jobLeases, jobEvents, projects } = repositories;
const ID = keyOf(1);
/** The columns have milliseconds, so the present moment may be rounded up into the future. */
const PAST = "now() - interval '1 second'";

type Status = "PENDING" | "RUNNING" | "PAUSED" | "COMPLETED" | "FAILED" | "CANCELLED";

interface Model {
  status: Status;
  attempt: number;
  maxAttempts: number;
  progress: number;
  /** The last fencing token that was given. `isHeld` says whether its lease still holds. */
  token: number;
  isHeld: boolean;
  events: string[];
  hasBegun: boolean;
}

interface Command {
  readonly action: JobAction | "report";
  /** How many tokens were given after the one that the worker uses. 0: it uses the last one. */
  readonly age: number;
  readonly progress: number;
  readonly isRetryable: boolean;
}

const commands = fc.array(
  fc.record<Command>({
    action: fc.constantFrom(
      ...(["claim", "claim", "report", "report", "pause", "resume", "complete", "fail"] as const),
      ...(["release", "expire", "expire", "retry", "cancel", "reprioritize"] as const),
    ),
    age: fc.constantFrom(0, 0, 0, 0, 1, 2),
    progress: fc.integer({ min: 0, max: 100 }),
    isRetryable: fc.boolean(),
  }),
  { minLength: 1, maxLength: 25 },
);

/** Changes the model as the command must change the job. @returns whether the service must do it */
function predict(model: Model, { action, age, progress, isRetryable }: Command): boolean {
  const nextAttempt = () => {
    model.attempt++;
    model.progress = 0;
  };
  if (["report", "complete", "fail", "release"].includes(action) && !(model.isHeld && age === 0))
    return false;
  if (action === "expire" && !model.isHeld) return false;
  if (action !== "report" && !allows(action, model.status)) return false;
  let event = `${action.toUpperCase()}D`;
  switch (action) {
    case "claim":
      Object.assign(model, { status: "RUNNING", isHeld: true, hasBegun: true, token: model.token + 1 });
      event = "CLAIMED";
      break;
    case "report":
      if (progress <= model.progress) return true;
      model.progress = progress;
      event = "PROGRESS";
      break;
    case "pause":
      model.status = "PAUSED";
      break;
    case "resume":
      model.status = model.isHeld ? "RUNNING" : "PENDING";
      break;
    case "complete":
      Object.assign(model, { status: "COMPLETED", progress: 100, isHeld: false });
      break;
    case "fail":
      model.isHeld = false;
      if (isRetryable && model.attempt < model.maxAttempts) {
        model.status = "PENDING";
        nextAttempt();
        event = "ATTEMPT_FAILED";
      } else {
        model.status = "FAILED";
        event = "FAILED";
      }
      break;
    case "release":
      model.isHeld = false;
      if (model.status === "RUNNING") model.status = "PENDING";
      break;
    case "expire":
      model.isHeld = false;
      if (model.status === "RUNNING") {
        model.status = model.attempt < model.maxAttempts ? "PENDING" : "FAILED";
        if (model.status === "PENDING") nextAttempt();
      }
      break;
    case "retry":
      model.maxAttempts = model.attempt + 2;
      nextAttempt();
      model.status = "PENDING";
      event = "RETRIED";
      break;
    case "cancel":
      Object.assign(model, { status: "CANCELLED", isHeld: false });
      event = "CANCELLED";
      break;
    case "reprioritize":
      break;
  }
  model.events.push(event);
  return true;
}

/** Sends the command to the service. @returns whether the service says that the command was done */
async function perform(model: Model, { action, age, progress, isRetryable }: Command): Promise<boolean> {
  const lease = { id: ID, fencingToken: Math.max(0, model.token - age) };
  switch (action) {
    case "claim":
      await pool.query(`UPDATE conversion_jobs SET available_at = ${PAST}`);
      return (
        (await jobLeases.claim({ workerId: "w", agentTypes: ["converter"], leaseSeconds: 600, count: 1 }))
          .length === 1
      );
    case "report":
      return (await jobLeases.report("w", [{ ...lease, progress }]))[0]!.isDone;
    case "complete":
      return (await jobLeases.complete("w", [lease]))[0]!.isDone;
    case "fail":
      return (await jobLeases.fail("w", [{ ...lease, errorMessage: "x", isRetryable }]))[0]!.isDone;
    case "release":
      return (await jobLeases.release("w", [lease]))[0]!.isDone;
    case "expire":
      await pool.query(`UPDATE conversion_jobs SET lease_expires_at = ${PAST} WHERE worker_id IS NOT NULL`);
      return (await jobLeases.expire(10)).length === 1;
    case "retry":
      return (await jobControl.retry(ID, 2))!.isDone;
    case "reprioritize":
      return (await jobControl.reprioritize(ID, progress))!.isDone;
    default:
      return (await jobControl[action](ID))!.isDone;
  }
}

/** The status that the job's project must have. */
function projectOf({ status, hasBegun }: Model): string {
  if (!hasBegun) return "IMPORTED";
  if (status === "COMPLETED" || status === "FAILED") return status;
  return status === "CANCELLED" ? "READY" : "CONVERTING";
}

test("any sequence of calls does to a job what the lifecycle says, and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      await empty();
      await insertRows(pool, { users: 1, projects: 1, jobs: 1 });
      const model: Model = {
        status: "PENDING",
        attempt: 1,
        maxAttempts: 3,
        progress: 0,
        token: 0,
        isHeld: false,
        events: [],
        hasBegun: false,
      };
      for (const command of sequence) {
        const before = { ...model };
        const shallDo = predict(model, command);
        expect([command.action, await perform(before, command)]).toEqual([command.action, shallDo]);

        const job = (await conversionJobs.findById(ID))!;
        expect(job).toMatchObject({
          status: model.status,
          attempt: model.attempt,
          maxAttempts: model.maxAttempts,
          progress: model.progress,
          fencingToken: model.token,
          workerId: model.isHeld ? "w" : null,
          eventSequence: model.events.length,
        });
        expect((await projects.findById(keyOf(1)))!.status).toBe(projectOf(model));
      }
      const { rows } = await jobEvents.findMany(ID, { first: 100 });
      expect(rows.map(({ sequence: number }) => number)).toEqual(model.events.map((_, index) => index + 1));
      expect(rows.map(({ type }) => type)).toEqual(model.events);
    }),
    { numRuns: 60 },
  );
}, 240_000);
