import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { AS_ADMINISTRATOR, tokenFor } from "../support/access.ts";
import { keyOf } from "../support/rows.ts";
import { createServedDatabase, startServing } from "../support/serving.ts";

const FOLLOWERS = 300;
/** From the sending of the head to the first message, a request takes no longer. */
const LEAVES_WITHIN_MS = 120;

const OPERATIONS = [
  "query @live { viewer { id username } projects(first: 5) { nodes { name } } }",
  `subscription { projectActivity(projectId: "Project:${keyOf(1)}") { cursor } }`,
  `subscription { conversionJobEvents(jobId: "ConversionJob:${keyOf(1)}") { cursor } }`,
];

test("clients that leave at any moment before their first message leave no stream open", {
  timeout: 90_000,
}, async () => {
  const { port } = await startServing({ DATABASE_URL: await createServedDatabase(5) });
  const asUser = { authorization: `Bearer ${await tokenFor(keyOf(1))}` };

  const openStreams = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...AS_ADMINISTRATOR },
      body: JSON.stringify({ query: "{ statistics { subscriptions { open } } }" }),
    });
    const { data } = (await response.json()) as { data: { statistics: { subscriptions: { open: number } } } };
    return data.statistics.subscriptions.open;
  };
  const followAndLeave = async (n: number) => {
    const body = JSON.stringify({ query: OPERATIONS[n % OPERATIONS.length] });
    const { authorization } = n % 2 === 0 ? asUser : AS_ADMINISTRATOR;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\ncontent-type: application/json\r\nauthorization: ${authorization}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await sleep((n / FOLLOWERS) * LEAVES_WITHIN_MS);
    socket.destroy();
  };

  for (let round = 0; round < 2; round++) {
    await Promise.all(Array.from({ length: FOLLOWERS }, (_, n) => followAndLeave(n)));
    await expect.poll(openStreams, { timeout: 20_000 }).toBe(0);
  }
});
