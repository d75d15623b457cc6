import { expect, test } from "vitest";
import { allowedActions, invalidTransition, type JobAction, TRANSITIONS } from "../../src/jobs/lifecycle.ts";

const STATUSES = ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"] as const;

test("a status allows these actions and no others", () => {
  expect(Object.fromEntries(STATUSES.map((status) => [status, allowedActions(status)]))).toEqual({
    PENDING: ["claim", "cancel", "reprioritize"],
    RUNNING: ["pause", "complete", "fail", "release", "expire", "cancel", "reprioritize"],
    PAUSED: ["resume", "release", "expire", "cancel", "reprioritize"],
    COMPLETED: [],
    FAILED: ["retry"],
    CANCELLED: [],
  });
});

test("every status can be reached, and every final status from each status that is not final", () => {
  const next = (status: string) =>
    (Object.keys(TRANSITIONS) as JobAction[]).flatMap((action) => {
      const { from, to } = TRANSITIONS[action] as { from: readonly string[]; to: readonly string[] };
      return from.includes(status) ? to : [];
    });
  const reached = (start: string) => {
    const seen = new Set([start]);
    for (const status of seen) for (const to of next(status)) seen.add(to);
    return [...seen].sort();
  };

  expect(reached("PENDING")).toEqual([...STATUSES].sort());
  expect(reached("PAUSED")).toEqual([...STATUSES].sort());
  expect(reached("FAILED")).toEqual([...STATUSES].sort());
  expect(reached("COMPLETED")).toEqual(["COMPLETED"]);
  expect(reached("CANCELLED")).toEqual(["CANCELLED"]);
});

test("the error of a refused action has the status, the action and the actions that are allowed", () => {
  expect(invalidTransition("1", "FAILED", "pause")).toMatchObject({
    code: "INVALID_TRANSITION",
    message: "A job that is FAILED allows no pause: that needs RUNNING.",
    details: {
      type: "ConversionJob",
      id: "1",
      from: "FAILED",
      action: "pause",
      to: ["PAUSED"],
      allowed: ["retry"],
    },
  });
});
