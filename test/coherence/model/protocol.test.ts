import { describe, expect, it } from "vitest";
import { explore } from "./explore.ts";
import { createProtocolModel, RULES, type Rule } from "./protocol.ts";

describe("the coherence protocol, over all interleavings", () => {
  it("never shows fewer commits than there were when the request was validated", { timeout: 120_000 }, () => {
    const { states, counterExample } = explore(createProtocolModel());
    expect(counterExample).toBeUndefined();
    // A model that had lost a step by accident would hold for the wrong reason. It would have fewer states.
    expect(states).toBe(1_009_668);
  });

  it.each(Object.keys(RULES) as Rule[])("fails without %s", { timeout: 120_000 }, (rule) => {
    const { states, counterExample } = explore(createProtocolModel(rule));
    console.log(
      [
        `Without "${RULES[rule]}" (${states} states):`,
        ...(counterExample ?? ["holds"]).map((step, index) => `  ${index + 1}. ${step}`),
      ].join("\n"),
    );
    expect(counterExample?.at(-1)).toMatch(/^VIOLATION: /);
  });
});
