import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { CredentialError } from "../../src/auth/error.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { viewerOf } from "../../src/auth/viewer.ts";
import { AppError } from "../../src/errors.ts";
import type { RequestContext } from "../../src/server/context.ts";
import { createGuardedStreams } from "../../src/server/guardedStreams.ts";
import { createStreams } from "../../src/server/streams.ts";

/** Guarded streams with an authenticator and a store that the test controls. */
function createWorld(answer: () => Identity | Error, identity: Partial<Identity> = {}) {
  const asked: (string | null)[] = [];
  const watchers = new Set<() => void>();
  let isClosed = false;
  const streams = createStreams({ max: 10, maxPerViewer: 10 });
  const guarded = createGuardedStreams({
    streams,
    identify: async (authorization) => {
      asked.push(authorization);
      const found = answer();
      if (found instanceof Error) throw found;
      return found;
    },
    store: {
      watch: (_, __, onChange) => {
        watchers.add(onChange);
        return () => void watchers.delete(onChange);
      },
    },
    retryMs: 20,
  });
  const whole = { ...known(), ...identity };
  const first = {
    request: new Request("http://test/", { headers: { authorization: "Bearer x" } }),
    identity: whole,
    viewer: whole.viewer,
  } as RequestContext; // Safe: the streams read only these parts.
  return {
    asked,
    watchers,
    streams,
    isClosed: () => isClosed,
    /** Opens a stream in which no message ever comes. */
    openIdle() {
      let end = () => {};
      return guarded.open<object>(first, {
        pull: () => new Promise<undefined>((resolve) => (end = () => resolve(undefined))),
        close: () => {
          isClosed = true;
          end();
        },
      });
    },
    change() {
      for (const watcher of [...watchers]) watcher();
    },
  };
}

function known(expiresAt: number | null = null): Identity {
  return {
    viewer: { ...viewerOf("u", "USER"), credential: { kind: "token", id: null }, expiresAt },
    tags: ["User:u"],
    instant: undefined,
    until: expiresAt ?? Number.POSITIVE_INFINITY,
  };
}

const REFUSED = {
  done: false,
  value: { errors: [expect.objectContaining({ extensions: { code: "UNAUTHENTICATED" } })] },
};
const outage = () => new AppError("SERVICE_UNAVAILABLE", "away");

describe("an idle stream", () => {
  test("goes on if a change leaves its credential valid, and learns of the next change", async () => {
    let answer: Identity | Error = known();
    const world = createWorld(() => answer);
    const stream = world.openIdle();
    const next = stream.next();
    for (let round = 1; round <= 3; round++) {
      world.change();
      while (world.asked.length < round || world.watchers.size < 1) await sleep(1);
    }
    answer = new CredentialError("revoked");
    world.change();
    expect(await next).toEqual(REFUSED);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect([world.watchers.size, world.streams.count(), world.isClosed()]).toEqual([0, 0, true]);
  });

  test("goes on while its reader cannot be identified, and ends once the credential is refused", async () => {
    let answer: Identity | Error = outage();
    const world = createWorld(() => answer);
    const next = world.openIdle().next();
    world.change();
    while (world.asked.length < 3) await sleep(1);
    expect(world.isClosed()).toBe(false);
    answer = new CredentialError("revoked");
    expect(await next).toEqual(REFUSED);
  });

  test("ends when its credential expires, even if its reader cannot be identified", async () => {
    const expiresAt = Date.now() + 50;
    const world = createWorld(outage, known(expiresAt));
    expect(await world.openIdle().next()).toEqual(REFUSED);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  });

  test("of a reader who leaves at once leaves nothing behind", async () => {
    const world = createWorld(() => known());
    const stream = world.openIdle();
    void stream.next();
    await stream.return!();
    world.change();
    expect([world.watchers.size, world.streams.count(), world.asked]).toEqual([0, 0, []]);
  });

  test("of a stranger watches no tags", async () => {
    const world = createWorld(() => known(), { viewer: null, tags: [] });
    const stream = world.openIdle();
    expect(world.watchers.size).toBe(0);
    await stream.return!();
  });
});

test("streams with the same credential identify its bearer once for all of them", async () => {
  const world = createWorld(() => known());
  const all = Array.from({ length: 5 }, () => world.openIdle());
  for (const stream of all) void stream.next();
  world.change();
  while (world.watchers.size < 5) await sleep(1);
  expect(world.asked).toEqual(["Bearer x"]);
  await Promise.all(all.map((stream) => stream.return!()));
});
