import type {
  ConversionPlan,
  ConversionTask,
  FILE_CHANGE_KINDS,
  PLAN_COMPLEXITIES,
  TASK_STATUSES,
  TaskResult,
} from "../repositories/conversionPlan.ts";
import { builder } from "./builder.ts";

/** The documents of a conversion job: its plan, and the results of the plan's tasks. */

export const TaskStatus = builder.enumType("TaskStatus", {
  description: "The status of one task of a plan.",
  values: {
    PENDING: { description: "The task is waiting for its turn." },
    RUNNING: { description: "A worker is working on the task." },
    COMPLETED: { description: "The task succeeded." },
    FAILED: { description: "The task failed; the `error` of its result says why." },
    SKIPPED: { description: "The task was not needed, or a task that it depends on failed." },
  } as const satisfies Record<(typeof TASK_STATUSES)[number], object>,
});

const PlanComplexity = builder.enumType("PlanComplexity", {
  description: "How hard a conversion is, in the planner's judgement.",
  values: {
    LOW: { description: "The conversion is mostly mechanical." },
    MEDIUM: { description: "Some parts of the conversion need thought." },
    HIGH: { description: "Much of the project has to be redesigned." },
  } as const satisfies Record<(typeof PLAN_COMPLEXITIES)[number], object>,
});

const FileChangeKind = builder.enumType("FileChangeKind", {
  description: "The kind of change to a file.",
  values: {
    CREATED: { description: "The file was created." },
    MODIFIED: { description: "The file's content was changed." },
    DELETED: { description: "The file was deleted." },
  } as const satisfies Record<(typeof FILE_CHANGE_KINDS)[number], object>,
});

const ConversionTaskType = builder.objectRef<ConversionTask>("ConversionTask").implement({
  description: "A task of a conversion plan: one step, for one worker.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "The task's id, unique within its plan. It is not a node id." }),
    type: t.exposeString("type", {
      description: "The kind of work, in the planner's words, such as `convert-file`.",
    }),
    description: t.exposeString("description", { description: "What the task is to do." }),
    inputFiles: t.exposeStringList("inputFiles", {
      description: "The paths of the files that the task reads.",
    }),
    outputFiles: t.exposeStringList("outputFiles", {
      description: "The paths of the files that the task writes.",
    }),
    dependencies: t.exposeStringList("dependencies", {
      description: "The ids of the tasks that must be finished before this one.",
    }),
    agentType: t.exposeString("agentType", { description: "The kind of worker that the task needs." }),
    priority: t.exposeInt("priority", {
      description: "The task's priority within its plan: −1,000 to 1,000. Higher goes first.",
    }),
    status: t.expose("status", {
      type: TaskStatus,
      description: "The task's status, as its last reported result says.",
    }),
    estimatedDuration: t.int({
      nullable: true,
      description: "How long the task is expected to take, in seconds; null if it was not estimated.",
      resolve: ({ estimatedDuration }) => estimatedDuration ?? null,
    }),
  }),
});

export const ConversionPlanType = builder.objectRef<ConversionPlan>("ConversionPlan").implement({
  description: "A plan for the conversion of a project.",
  fields: (t) => ({
    tasks: t.expose("tasks", { type: [ConversionTaskType], description: "The tasks of the plan." }),
    complexity: t.expose("complexity", { type: PlanComplexity, description: "How hard the conversion is." }),
    warnings: t.exposeStringList("warnings", { description: "The warnings of the planner." }),
    feasible: t.exposeBoolean("feasible", {
      description: "Whether the planner thinks that the conversion can succeed.",
    }),
  }),
});

type FileChange = TaskResult["fileChanges"][number];

const FileChangeType = builder.objectRef<FileChange>("FileChange").implement({
  description: "A change that a task made to a file.",
  fields: (t) => ({
    path: t.exposeString("path", { description: "The file's path." }),
    kind: t.expose("kind", { type: FileChangeKind, description: "The kind of change." }),
    summary: t.exposeString("summary", {
      nullable: true,
      description: "A short summary of the change; null if the worker gave none.",
    }),
  }),
});

export const TaskResultType = builder.objectRef<TaskResult>("TaskResult").implement({
  description: "The result of one task, as its worker reported it.",
  fields: (t) => ({
    taskId: t.exposeString("taskId", { description: "The id of the task in the plan." }),
    status: t.expose("status", {
      type: TaskStatus,
      description: "How the task ended: `COMPLETED`, `FAILED` or `SKIPPED`.",
    }),
    output: t.exposeString("output", {
      nullable: true,
      description: "The worker's report; null if it gave none.",
    }),
    error: t.exposeString("error", {
      nullable: true,
      description: "Why the task failed; null if the worker gave no reason.",
    }),
    fileChanges: t.expose("fileChanges", {
      type: [FileChangeType],
      description: "The changes that the task made to files.",
    }),
    attempt: t.int({
      nullable: true,
      description: "The attempt of the job in which the result was reported; null if it is not known.",
      resolve: ({ attempt }) => attempt ?? null,
    }),
  }),
});

export const FileChangeInput = builder.inputType("FileChangeInput", {
  description: "A change that a task made to a file.",
  fields: (t) => ({
    path: t.string({ required: true, description: "The file's path: 1 to 1,024 characters." }),
    kind: t.field({ type: FileChangeKind, required: true, description: "The kind of change." }),
    summary: t.string({ description: "A short summary of the change, up to 1,000 characters." }),
  }),
});

const ConversionTaskInput = builder.inputType("ConversionTaskInput", {
  description: "A task of a conversion plan: one step, for one worker.",
  fields: (t) => ({
    id: t.string({
      required: true,
      description: "The task's id, unique within its plan: 1 to 100 characters.",
    }),
    type: t.string({
      required: true,
      description: "The kind of work, in the planner's words: 1 to 100 characters.",
    }),
    description: t.string({ required: true, description: "What the task is to do: 1 to 5,000 characters." }),
    inputFiles: t.stringList({
      required: true,
      defaultValue: [],
      description:
        "The paths of the files that the task reads, up to 1,000. If the project's files are known, each must be one of them, or be written by a task of the plan.",
    }),
    outputFiles: t.stringList({
      required: true,
      defaultValue: [],
      description: "The paths of the files that the task writes, up to 1,000.",
    }),
    dependencies: t.stringList({
      required: true,
      defaultValue: [],
      description:
        "The ids of the tasks that must be finished before this one, up to 500. They must be in the same plan and form no cycle.",
    }),
    agentType: t.string({
      required: true,
      description: "The kind of worker that the task needs: 1 to 100 characters.",
    }),
    priority: t.int({
      required: true,
      defaultValue: 0,
      description: "The task's priority within its plan: −1,000 to 1,000. Higher goes first.",
    }),
    estimatedDuration: t.int({
      description: "How long the task is expected to take, in seconds: 0 to 31,536,000.",
    }),
  }),
});

export const ConversionPlanInput = builder.inputType("ConversionPlanInput", {
  description: "A plan for the conversion of a project.",
  fields: (t) => ({
    tasks: t.field({
      type: [ConversionTaskInput],
      required: true,
      description: "The tasks of the plan: 1 to 500.",
    }),
    complexity: t.field({
      type: PlanComplexity,
      required: true,
      defaultValue: "MEDIUM",
      description: "How hard the conversion is.",
    }),
    warnings: t.stringList({
      required: true,
      defaultValue: [],
      description: "The warnings of the planner: up to 100, of up to 1,000 characters each.",
    }),
    feasible: t.boolean({
      required: true,
      defaultValue: true,
      description: "Whether the planner thinks that the conversion can succeed.",
    }),
  }),
});
