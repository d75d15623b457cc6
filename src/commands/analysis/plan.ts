import { ecosystemOf } from "../../import/manifests.ts";
import type { ConversionPlanInput } from "../../sdk/index.ts";

/** The agent type of `work --demo`. It gets no job that asks for another. */
export const ANALYSIS_AGENT = "analysis";

export const ANALYSIS_TASKS = ["analyse-structure", "list-dependencies", "plan-update"] as const;

const MAX_INPUT_FILES = 1_000;

/** A plan that analyses a project without converting it yet. */
export function analysisPlan(paths: readonly string[]): ConversionPlanInput {
  const [structure, dependencies, update] = ANALYSIS_TASKS;
  const task = { agentType: ANALYSIS_AGENT };
  return {
    complexity: "LOW",
    tasks: [
      {
        ...task,
        id: "structure",
        type: structure,
        description: "Count the files, and say how big they are and in which languages.",
      },
      {
        ...task,
        id: "dependencies",
        type: dependencies,
        description: "List what the project is built with, and which files declare it.",
        inputFiles: paths.filter((path) => ecosystemOf(path) !== undefined).slice(0, MAX_INPUT_FILES),
      },
      {
        ...task,
        id: "update",
        type: update,
        description: "Plan what has to change on the way to the target stack.",
        dependencies: ["structure", "dependencies"],
      },
    ],
  };
}
