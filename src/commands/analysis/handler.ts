import { type Client, paginate } from "../../sdk/index.ts";
import { type JobContext, JobFailure, type TaskResultReport } from "../../sdk/worker.ts";
import {
  type AnalysedFile,
  type AnalysedProject,
  dependencyReport,
  structureReport,
  updatePlan,
} from "./report.ts";

type Task = JobContext["job"]["plan"]["tasks"][number];

export interface AnalysisOptions {
  readonly client: Client;
  /** Called with the job's progress, in percent, and the current task. */
  readonly onProgress: (progress: number, task: string) => void;
  readonly onResult: (task: Task, result: TaskResultReport) => void;
}

/**
 * Carries out a plan of analyses: reads the project through the API, like any other client, and reports a
 * result for each task. A task that already has a result in this attempt is not done again.
 *
 * @throws JobFailure when the project is gone
 */
export async function analyse(context: JobContext, options: AnalysisOptions): Promise<void> {
  const { job, checkpoint, reportProgress, reportTaskResult } = context;
  const tasks = inOrder(job.plan.tasks);
  const done = new Set(
    job.results.filter(({ attempt }) => attempt === job.attempt).map(({ taskId }) => taskId),
  );
  let project: AnalysedProject | undefined;

  for (const [index, task] of tasks.entries()) {
    if (done.has(task.id)) continue;
    await checkpoint();
    const report = (part: number) => {
      const progress = Math.floor(((index + part) * 100) / tasks.length);
      options.onProgress(progress, task.description);
      // Not awaited: the analysis need not wait for those who watch it.
      void reportProgress({ progress, currentTask: task.description });
    };
    report(0);
    project ??= await readProject(context, options.client, report);
    const result = resultOf(task, project);
    await reportTaskResult(result);
    options.onResult(task, result);
  }
  options.onProgress(100, "");
}

function resultOf({ id: taskId, type }: Task, project: AnalysedProject): TaskResultReport {
  switch (type) {
    case "analyse-structure":
      return { taskId, status: "COMPLETED", output: structureReport(project) };
    case "list-dependencies":
      return { taskId, status: "COMPLETED", output: dependencyReport(project) };
    case "plan-update": {
      const output = updatePlan(project);
      if (output !== null) return { taskId, status: "COMPLETED", output };
      return { taskId, status: "SKIPPED", error: "The project has no target stack." };
    }
    default:
      return { taskId, status: "SKIPPED", error: `This worker knows no task of the type "${type}".` };
  }
}

/** @param report called with the part of the files that has been read, from 0 to 1 */
async function readProject(
  { job, checkpoint }: JobContext,
  client: Client,
  report: (part: number) => void,
): Promise<AnalysedProject> {
  const { id } = job.project;
  const project = await client.project({ id });
  if (project === null) throw new JobFailure(`The project ${id} is not there any more.`);
  const files: AnalysedFile[] = [];
  let total = 1;
  const readPage = async (page: { after?: string | null }) => {
    await checkpoint();
    report(Math.min(files.length / total, 1));
    const read = await client.projectFiles({ id, first: 1_000, withTotalCount: files.length === 0, ...page });
    total = read?.fileStructure.totalCount ?? total;
    return read?.fileStructure;
  };
  for await (const file of paginate(readPage, {})) files.push(file);
  return { originalTechStack: project.originalTechStack, targetTechStack: project.targetTechStack, files };
}

/** Puts each task after those that it depends on. Otherwise the plan's order is kept. */
function inOrder(tasks: readonly Task[]): Task[] {
  const ordered: Task[] = [];
  const left = [...tasks];
  while (left.length > 0) {
    const isReady = ({ dependencies }: Task) => !left.some(({ id }) => dependencies.includes(id));
    // The service accepts no plan with a cycle. In a cycle the first remaining task would come next.
    const next = Math.max(0, left.findIndex(isReady));
    ordered.push(...left.splice(next, 1));
  }
  return ordered;
}
