import type {
  ConversionPlan,
  ConversionTask,
  FILE_CHANGE_KINDS,
  PLAN_COMPLEXITIES,
  TASK_STATUSES,
  TaskResult,
} from "../repositories/conversionPlan.ts";
import { builder } from "./builder.ts";

/** The documents of a conversion job: what is planned, and what came of it. */

export const TaskStatus = builder.enumType("TaskStatus", {
  description: "How far one task of a plan has come.",
  values: {
    PENDING: { description: "It waits for its turn." },
    RUNNING: { description: "A worker is at it." },
    COMPLETED: { description: "It succeeded." },
    FAILED: { description: "It failed; the result's `error` says why." },
    SKIPPED: { description: "It was not needed, or what it depends on failed." },
  } as const satisfies Record<(typeof TASK_STATUSES)[number], object>,
});

const PlanComplexity = builder.enumType("PlanComplexity", {
  description: "How hard a conversion is, in the planner's opinion.",
  values: {
    LOW: { description: "Mostly mechanical." },
    MEDIUM: { description: "Some parts want thought." },
    HIGH: { description: "Much of it has to be designed anew." },
  } as const satisfies Record<(typeof PLAN_COMPLEXITIES)[number], object>,
});

const FileChangeKind = builder.enumType("FileChangeKind", {
  description: "What was done to a file.",
  values: {
    CREATED: { description: "It is new." },
    MODIFIED: { description: "Its content changed." },
    DELETED: { description: "It is gone." },
  } as const satisfies Record<(typeof FILE_CHANGE_KINDS)[number], object>,
});

const ConversionTaskType = builder.objectRef<ConversionTask>("ConversionTask").implement({
  description: "One step of a plan, for one worker.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "Unique in its plan; not a node id." }),
    type: t.exposeString("type", { description: "What kind of work it is, in the planner's words." }),
    description: t.exposeString("description", { description: "What is to be done." }),
    inputFiles: t.exposeStringList("inputFiles", { description: "Files that it reads." }),
    outputFiles: t.exposeStringList("outputFiles", { description: "Files that it writes." }),
    dependencies: t.exposeStringList("dependencies", {
      description: "Ids of the tasks that must be finished first.",
    }),
    agentType: t.exposeString("agentType", { description: "Which kind of worker takes it." }),
    priority: t.exposeInt("priority", { description: "Higher goes first." }),
    status: t.expose("status", { type: TaskStatus, description: "How far it has come." }),
    estimatedDuration: t.int({
      nullable: true,
      description: "Seconds that it is expected to take.",
      resolve: ({ estimatedDuration }) => estimatedDuration ?? null,
    }),
  }),
});

export const ConversionPlanType = builder.objectRef<ConversionPlan>("ConversionPlan").implement({
  description: "How a project shall be converted.",
  fields: (t) => ({
    tasks: t.expose("tasks", { type: [ConversionTaskType], description: "The steps." }),
    complexity: t.expose("complexity", { type: PlanComplexity, description: "How hard it is." }),
    warnings: t.exposeStringList("warnings", { description: "What the planner is worried about." }),
    feasible: t.exposeBoolean("feasible", { description: "Whether the planner thinks that it can succeed." }),
  }),
});

type FileChange = TaskResult["fileChanges"][number];

const FileChangeType = builder.objectRef<FileChange>("FileChange").implement({
  description: "What a task did to one file.",
  fields: (t) => ({
    path: t.exposeString("path", { description: "The file's path." }),
    kind: t.expose("kind", { type: FileChangeKind, description: "What was done to it." }),
    summary: t.exposeString("summary", { nullable: true, description: "In a few words." }),
  }),
});

export const TaskResultType = builder.objectRef<TaskResult>("TaskResult").implement({
  description: "What came of one task.",
  fields: (t) => ({
    taskId: t.exposeString("taskId", { description: "The task's id in the plan." }),
    status: t.expose("status", { type: TaskStatus, description: "How it ended." }),
    output: t.exposeString("output", { nullable: true, description: "What the worker reports." }),
    error: t.exposeString("error", { nullable: true, description: "Why it failed." }),
    fileChanges: t.expose("fileChanges", { type: [FileChangeType], description: "Which files it changed." }),
    attempt: t.int({
      nullable: true,
      description: "The job's attempt in which it was reported.",
      resolve: ({ attempt }) => attempt ?? null,
    }),
  }),
});

export const FileChangeInput = builder.inputType("FileChangeInput", {
  description: "What a task did to one file.",
  fields: (t) => ({
    path: t.string({ required: true, description: "The file's path, up to 1,024 characters." }),
    kind: t.field({ type: FileChangeKind, required: true, description: "What was done to it." }),
    summary: t.string({ description: "In a few words, up to 1,000 characters." }),
  }),
});

const ConversionTaskInput = builder.inputType("ConversionTaskInput", {
  description: "One step of a plan.",
  fields: (t) => ({
    id: t.string({ required: true, description: "Unique in its plan, up to 100 characters." }),
    type: t.string({ required: true, description: "What kind of work it is, up to 100 characters." }),
    description: t.string({ required: true, description: "What is to be done, up to 5,000 characters." }),
    inputFiles: t.stringList({ required: true, defaultValue: [], description: "Files that it reads." }),
    outputFiles: t.stringList({ required: true, defaultValue: [], description: "Files that it writes." }),
    dependencies: t.stringList({
      required: true,
      defaultValue: [],
      description: "Ids of the tasks that must be finished first; they form no circle.",
    }),
    agentType: t.string({ required: true, description: "Which kind of worker takes it." }),
    priority: t.int({ required: true, defaultValue: 0, description: "−1,000 to 1,000; higher goes first." }),
    estimatedDuration: t.int({ description: "Seconds that it is expected to take." }),
  }),
});

export const ConversionPlanInput = builder.inputType("ConversionPlanInput", {
  description: "How a project shall be converted.",
  fields: (t) => ({
    tasks: t.field({ type: [ConversionTaskInput], required: true, description: "1 to 500 steps." }),
    complexity: t.field({
      type: PlanComplexity,
      required: true,
      defaultValue: "MEDIUM",
      description: "How hard it is.",
    }),
    warnings: t.stringList({
      required: true,
      defaultValue: [],
      description: "What the planner is worried about; up to 100.",
    }),
    feasible: t.boolean({
      required: true,
      defaultValue: true,
      description: "Whether the planner thinks that it can succeed.",
    }),
  }),
});
