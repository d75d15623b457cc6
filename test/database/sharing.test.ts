import { describe, expect, test } from "vitest";
import { createCancellation } from "../../src/database/cancellation.ts";
import { Interruption } from "../../src/database/interruption.ts";
import { createReplicaRouting } from "../../src/database/replica.ts";
import { createSharing } from "../../src/database/sharing.ts";

const cancellation = createCancellation();
const replicas = createReplicaRouting();
const sharing = createSharing({ cancellation, replicas, tracing: undefined });

/** Runs a read, and gives what it would be given up with. */
const given = (interruptions: readonly (Interruption | undefined)[]) =>
  sharing.untilAllAreOver(interruptions, async () => cancellation.current());

test("a read for a replica is not shared", async () => {
  expect(sharing.isPossible()).toBe(true);
  // Safe: nothing is sent to it.
  await replicas.within({} as never, async () => expect(sharing.isPossible()).toBe(false));
});

describe("a shared read is given up", () => {
  test("with the request, where there is but one", async () => {
    const only = new Interruption();

    expect(await given([only])).toBe(only);
  });

  test("when the last of several is, with the first one's reason", async () => {
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

  test("never, when one of them cannot be", async () => {
    expect(await given([new Interruption(), undefined])).toBeUndefined();
  });

  test("not by a request that is over after the read", async () => {
    const both = [new Interruption(), new Interruption()];
    const all = await given(both);
    for (const interruption of both) interruption.interrupt("late");

    expect(all?.isOver).toBe(false);
  });
});
