import { serverAudits } from "graphql-http";
import { expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";

const { app } = await createTestApp();
const { url } = await app.listen();

// All audits of https://github.com/graphql/graphql-http/tree/main/implementations: MUST, SHOULD and MAY.
const audits = serverAudits({ url, fetchFn: fetch });

test("there are 61 audits", () => {
  expect(audits).toHaveLength(61);
});

test.each(audits.map((audit) => [audit.id, audit.name, audit] as const))("%s: %s", async (_, __, audit) => {
  const result = await audit.fn();
  if (result.status !== "ok") expect.fail(`${result.status}: ${result.reason}`);
});
