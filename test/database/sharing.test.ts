import { describe, expect, test } from "vitest";
import { createCancellation } from "../../src/database/cancellation.ts";
import { Interruption } from "../../src/database/interruption.ts";
import { createReplicaRouting } from "../../src/database/replica.ts";
import { createSharing } from "../../src/database/sharing.ts";

const cancellation = createCancellation();
const replicas = createReplicaRouting();
const sharing = createSharing({ cancellation, replicas, tracing: undefined });

/** Runs a read. Returns the interruption that would cancel it. */
const given = (interruptions: readonly (Interruption | undefined)[]) =>
  sharing.untilAllAreOver(interruptions, async () => cancellation.current());

test("a read for a replica is not shared", async () => {
  expect(sharing.isPossible()).toBe(true);
  // Safe: nothing is sent on the connection.
  await replicas.within({} as never, async () => expect(sharing.isPossible()).toBe(false));
});

describe("a shared read is cancelled", () => {
  test("with its request, if it has only one", async () => {
    const only = new Interruption();

    expect(await given([only])).toBe(only);
  });

  test("when the last of its requests is interrupted, with the reason of the first", async () => {
    const [first, second] = [new Interruption(), new Interruption()];
    let all: Interruption | undefined;
    const reading = sharing.untilAllAreOver([first, second], async () => {
      all = cancellation.current();
      first.interrupt("first");
      expect(all?.isOver).toBe(false);
      second.interrupt("second");
    });
    await reading;

    expect([all?.isOver, all?.reason]).toEqual([true, "first"]);
  });

  test("never, if one of its requests cannot be interrupted", async () => {
    expect(await given([new Interruption(), undefined])).toBeUndefined();
  });

  test("by no request that is interrupted after the read", async () => {
    const both = [new Interruption(), new Interruption()];
    const all = await given(both);
    for (const interruption of both) interruption.interrupt("late");

    expect(all?.isOver).toBe(false);
  });
});
