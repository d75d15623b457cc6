import { expect, test } from "vitest";
import { startCommand, startProgram } from "./process.ts";

test("a program's lines can be waited for, wherever they come in the output", async () => {
  const program = startCommand("/bin/sh", { args: ["-c", "echo one; echo two >&2; echo three; cat"] });

  expect(await program.waitForLine("three")).toBe("three");
  expect(await program.waitForLine(/^t.o$/)).toBe("two");
  // The program's standard input is empty, so `cat` ends, and the program with it.
  expect(await program.exited).toEqual({ code: 0, signal: null });
});

test("waiting for a line fails with the output when the program ends without it", async () => {
  const program = startCommand("/bin/sh", { args: ["-c", "echo something else; exit 3"] });

  await expect(program.waitForLine("never")).rejects.toThrow(/ended without the line never.*something else/s);
  expect(await program.exited).toEqual({ code: 3, signal: null });
});

test("a program is stopped by a signal of choice, and tells how it ended", async () => {
  const program = startCommand("/bin/sh", {
    args: ["-c", 'trap "echo bye; exit 7" HUP; echo ready; while :; do sleep 0.01; done'],
  });
  await program.waitForLine("ready");

  expect(await program.stop({ signal: "SIGHUP" })).toEqual({ code: 7, signal: null });
  expect(program.output()).toBe("ready\nbye\n");
});

test("a program that ignores SIGTERM is killed in the end, and so is what it has started", async () => {
  const program = startCommand("/bin/sh", {
    args: ["-c", 'trap "" TERM; sleep 300 & echo "child $!"; wait'],
  });
  const child = Number((await program.waitForLine("child")).split(" ")[1]);

  expect(await program.stop({ timeoutMs: 100 })).toEqual({ code: null, signal: "SIGKILL" });
  // `stop` has waited until the output was closed. The child had held it open.
  expect(child).toBeGreaterThan(0);
});

test("a TypeScript file of the repository runs with arguments and environment", async () => {
  const program = startProgram("test/support/echo.ts", { args: ["a b"], env: { ECHOED: "value" } });

  expect(await program.waitForLine("{")).toBe('{"args":["a b"],"environment":"value"}');
  expect(await program.exited).toEqual({ code: 0, signal: null });
});
