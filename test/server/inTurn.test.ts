import { envelop, type Plugin, useEngine, useSchema } from "@envelop/core";
import { buildSchema, execute, parse, specifiedRules, subscribe, validate } from "graphql";
import { describe, expect, test } from "vitest";
import { inTurn } from "../../src/server/inTurn.ts";

const schema = buildSchema("type Query { name: String }");

type Behaviour = "nothing" | "wraps" | "stops" | "throws" | "replaces" | "doneThrows";

/** A plugin that records which hooks are called, and with what. With `isLate`, they return promises. */
function plugin(name: string, behaviour: Behaviour, isLate: boolean, calls: string[]): Plugin {
  const given = <Value>(value: Value) => (isLate ? Promise.resolve(value) : value);
  return {
    onExecute(payload) {
      calls.push(`${name} begins`);
      const { executeFn, setExecuteFn, setResultAndStopExecution } = payload;
      if (behaviour === "throws") throw new Error(`of ${name}`);
      if (behaviour === "stops") setResultAndStopExecution({ data: { name } });
      if (behaviour === "wraps")
        setExecuteFn(async (args) => {
          calls.push(`${name} executes`);
          // The payload still has what it had when the hook was called, not what a later hook has set.
          expect(payload.executeFn).toBe(executeFn);
          const result = await executeFn(args);
          return {
            ...result,
            data: { name: `${name}(${(result as { data: { name: string } }).data.name})` },
          };
        });
      if (behaviour === "nothing") return given(undefined);
      return given({
        onExecuteDone({ result, setResult }) {
          calls.push(`${name} is done with ${JSON.stringify((result as { data: unknown }).data)}`);
          if (behaviour === "doneThrows") throw new Error(`of the end of ${name}`);
          if (behaviour === "replaces") setResult({ data: { name: `${name}!` } });
          return given(undefined);
        },
      });
    },
  } as Plugin;
}

async function outcomeOf(plugins: Plugin[], calls: string[]) {
  const { execute: run } = envelop({
    plugins: [
      useEngine({ parse, validate, execute, subscribe, specifiedRules }),
      useSchema(schema),
      ...plugins,
      plugin("last", "replaces", false, calls),
    ],
  })({});
  try {
    const result = await run({
      schema,
      document: parse("{ name }"),
      rootValue: { name: "x" },
      contextValue: {},
    });
    return { result: JSON.stringify(result), calls };
  } catch (error) {
    return { error: (error as Error).message, calls };
  }
}

describe("plugins that are called in turn do the same as when envelop calls them:", () => {
  const combinations: Behaviour[][] = [
    [],
    ["nothing"],
    ["wraps", "wraps", "replaces"],
    ["replaces", "nothing", "replaces"],
    ["wraps", "stops", "wraps"],
    ["replaces", "stops", "throws"],
    ["wraps", "throws", "replaces"],
    ["replaces", "doneThrows", "replaces"],
  ];
  test.each(combinations.map((behaviours) => [behaviours.join(", ") || "none", behaviours] as const))(
    "%s",
    async (_, behaviours) => {
      // In all combinations of asynchronous and synchronous plugins.
      for (let late = 0; late < 2 ** behaviours.length; late++) {
        const made = (calls: string[]) =>
          behaviours.map((behaviour, index) =>
            plugin(`${index}`, behaviour, Boolean(late & (1 << index)), calls),
          );
        const [before, after]: string[][] = [[], []];
        const expected = await outcomeOf(made(before!), before!);
        // Safe: what remains of each plugin is a plugin of envelop's, as before.
        expect(await outcomeOf(inTurn(made(after!) as never) as Plugin[], after!)).toEqual(expected);
      }
    },
  );
});

test("the other hooks of a plugin stay in their place", () => {
  const onParse = () => {};
  const onValidate = () => {};
  const plugins = inTurn([{ onParse, onExecute: () => {} }, { onValidate }]);
  expect(plugins).toEqual([{ onParse }, { onValidate }, { onExecute: expect.any(Function) }]);
});

test("hooks for a stream's messages are refused", async () => {
  const streaming = { onExecute: () => ({ onExecuteDone: () => ({ onNext() {} }) }) };
  const calls: string[] = [];
  const { error } = await outcomeOf(inTurn([streaming]) as Plugin[], calls);
  expect(error).toMatch("Expected no hooks for a stream's messages");
});
