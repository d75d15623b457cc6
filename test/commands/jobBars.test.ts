import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createJobBars } from "../../src/commands/jobBars.ts";

function createBars(isInteractive: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY: isInteractive, columns: 120 });
  stream.setEncoding("utf8");
  const printed: string[] = [];
  const bars = createJobBars({ stream, isInteractive, print: (line) => printed.push(line) });
  let text = "";
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  const drawn = async (pattern: RegExp) => {
    while (!pattern.test(text)) await sleep(10);
  };
  return { bars, printed, drawn, text: () => text };
}

describe("the bars of running jobs", () => {
  it("are drawn on a terminal, one per job, with printed lines above them", async () => {
    const { bars, printed, drawn } = createBars(true);
    bars.say("before");
    bars.show("1", "widget", 40, "Counting files");
    bars.show("2", "gadget", 0, "");
    await drawn(/widget █+░+ 40 % Counting files.*gadget ░+ 0 %/s);
    bars.show("1", "widget", 60, "Listing");
    bars.say("meanwhile");
    await drawn(/meanwhile.*widget █+░+ 60 % Listing.*gadget ░+ 0 %/s);
    bars.say("at last");
    bars.end("2");
    bars.end("1");
    await drawn(/at last/);
    bars.say("after");
    expect(printed).toEqual(["before", "after"]);
  });

  it("are not drawn without a terminal", () => {
    const { bars, printed, text } = createBars(false);
    bars.show("1", "widget", 40, "Counting files");
    bars.say("line");
    bars.end("1");
    bars.close();
    expect(text()).toBe("");
    expect(printed).toEqual(["line"]);
  });

  it("replace control characters in names, so that they cannot control the terminal", () => {
    const { bars, printed } = createBars(false);
    bars.say("a\u001b[2Jb");
    expect(printed).toEqual(["a�[2Jb"]);
  });
});
