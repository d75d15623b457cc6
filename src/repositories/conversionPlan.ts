import { z } from "zod";

/**
 * The plan of a conversion, and its results. Both are documents in the job's row. Their shape is checked here
 * on the way in, and typed in GraphQL on the way out.
 */

export const TASK_STATUSES = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED"] as const;
export const PLAN_COMPLEXITIES = ["LOW", "MEDIUM", "HIGH"] as const;
export const FILE_CHANGE_KINDS = ["CREATED", "MODIFIED", "DELETED"] as const;

const name = z.string().trim().min(1).max(100);
const filePath = z.string().min(1).max(1_024);

const taskSchema = z.strictObject({
  /** Unique within its plan. */
  id: name,
  /** What kind of work it is, in the planner's words: "convert-file", "update-dependencies". */
  type: name,
  description: z.string().trim().min(1).max(5_000),
  inputFiles: z.array(filePath).max(1_000).default([]),
  outputFiles: z.array(filePath).max(1_000).default([]),
  /** Ids of tasks that must be finished first. */
  dependencies: z.array(name).max(500).default([]),
  /** Which kind of worker takes it. */
  agentType: name,
  /** Higher goes first. */
  priority: z.int().min(-1_000).max(1_000).default(0),
  status: z.enum(TASK_STATUSES).default("PENDING"),
  /** Seconds. */
  estimatedDuration: z.int().min(0).max(31_536_000).nullish(),
});

export const conversionPlanSchema = z
  .strictObject({
    tasks: z.array(taskSchema).min(1).max(500),
    complexity: z.enum(PLAN_COMPLEXITIES).default("MEDIUM"),
    warnings: z.array(z.string().max(1_000)).max(100).default([]),
    /** Whether the planner thinks that the conversion can succeed at all. */
    feasible: z.boolean().default(true),
  })
  .superRefine(({ tasks }, context) => {
    const ids = new Set<string>();
    tasks.forEach(({ id }, index) => {
      if (ids.has(id))
        context.addIssue({
          code: "custom",
          path: ["tasks", index, "id"],
          message: `expected an id of its own, got "${id}" again`,
        });
      ids.add(id);
    });
    tasks.forEach(({ dependencies }, index) => {
      dependencies.forEach((dependency, position) => {
        if (!ids.has(dependency)) {
          context.addIssue({
            code: "custom",
            path: ["tasks", index, "dependencies", position],
            message: `expected the id of a task in this plan, got "${dependency}"`,
          });
        }
      });
    });
    const cycle = findCycle(tasks);
    if (cycle) {
      context.addIssue({
        code: "custom",
        path: ["tasks"],
        message: `expected no circular dependencies, got ${cycle.join(" → ")}`,
      });
    }
  });

/** The statuses in which a task can end. */
export const TASK_END_STATUSES = ["COMPLETED", "FAILED", "SKIPPED"] as const;

const nullable = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .nullish()
    .transform((text) => text ?? null);

/** What a worker reports about a task. */
export const taskResultSchema = z.object({
  taskId: name,
  status: z.enum(TASK_END_STATUSES),
  output: nullable(100_000),
  error: nullable(10_000),
  fileChanges: z
    .array(z.object({ path: filePath, kind: z.enum(FILE_CHANGE_KINDS), summary: nullable(1_000) }))
    .max(5_000),
});

export type ConversionPlan = z.output<typeof conversionPlanSchema>;
export type ConversionPlanInput = z.input<typeof conversionPlanSchema>;
export type ConversionTask = ConversionPlan["tasks"][number];
/** A result as the job's row has it, with the attempt in which it was reported. */
export type TaskResult = z.output<typeof taskResultSchema> & { readonly attempt?: number };

/** The plan, with the tasks' statuses taken from their results. */
export function withResults(plan: ConversionPlan, results: readonly TaskResult[]): ConversionPlan {
  if (results.length === 0) return plan;
  const statuses = new Map(results.map(({ taskId, status }) => [taskId, status]));
  return {
    ...plan,
    tasks: plan.tasks.map((task) => ({ ...task, status: statuses.get(task.id) ?? task.status })),
  };
}

/**
 * The ids along one cycle of dependencies, with the first again at the end; undefined when there is no cycle.
 */
function findCycle(tasks: readonly { id: string; dependencies: readonly string[] }[]): string[] | undefined {
  const dependenciesOf = new Map(tasks.map(({ id, dependencies }) => [id, dependencies]));
  const finished = new Set<string>();

  for (const { id: start } of tasks) {
    // Depth first, with an explicit stack: a chain of 500 tasks is legal, and so is a wide graph.
    const path: string[] = [];
    const pending: { id: string; depth: number }[] = [{ id: start, depth: 0 }];
    while (pending.length > 0) {
      const { id, depth } = pending.pop()!;
      for (const left of path.splice(depth)) finished.add(left);
      if (finished.has(id)) continue;
      if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
      path.push(id);
      for (const dependency of dependenciesOf.get(id) ?? [])
        pending.push({ id: dependency, depth: path.length });
    }
    for (const left of path) finished.add(left);
  }
  return undefined;
}
