import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { collectGarbage } from "../support/garbage.ts";

const { app } = await createTestApp({});
const { url } = await app.listen();

const MEBIBYTE = 1_048_576;

async function bytesOfBodies(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await sleep(50);
    collectGarbage();
  }
  return process.memoryUsage().arrayBuffers;
}

test.each([
  ["not valid", (n: number) => `{ nothing${n} }`],
  ["no GraphQL", (n: number) => `{ nothing${n}`],
  ["too long", (n: number) => `{ ${"viewer ".repeat(2_000)} nothing${n} }`],
  ["too deep", (n: number) => `{ viewer ${"{ a ".repeat(20)} nothing${n} ${"}".repeat(20)} }`],
])("the bodies of requests whose documents are %s do not stay in memory", async (_, documentOf) => {
  const send = async (n: number) => {
    const body = JSON.stringify({ query: documentOf(n), extensions: { padding: "x".repeat(MEBIBYTE) } });
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(await answer.json()).toHaveProperty("errors");
  };
  await send(0);
  const before = await bytesOfBodies();
  for (let n = 1; n <= 20; n++) await send(n);
  // What V8 has let go of is freed by another thread.
  const grown = async () => (await bytesOfBodies()) - before;
  await expect.poll(grown, { timeout: 20_000 }).toBeLessThan(5 * MEBIBYTE);
});
