import {
  type Client,
  createClient,
  type ProjectFieldsFragment,
  paginate,
  type TechStackInput,
} from "../sdk/index.ts";
import { analysisPlan } from "./analysis/plan.ts";
import { CommandError, withHint } from "./error.ts";
import { listed, plain, row, words } from "./wording.ts";

export interface ConvertCommand {
  readonly url: string;
  readonly token?: string | undefined;
  /** An id, or a name that only one project has. */
  readonly project: string;
  /** As `part=value`, several separated by commas; empty for the target that the project already has. */
  readonly target: readonly string[];
  readonly priority?: number | undefined;
  /** Print the job's id alone. */
  readonly isQuiet?: boolean | undefined;
}

const PARTS = [
  "language",
  "framework",
  "database",
  "runtime",
  "buildTool",
  "packageManager",
  "deployment",
  "additional",
] as const;

/**
 * `stack-converter convert`: sets a project's target stack, and creates a job that analyses what the
 * conversion needs.
 *
 * @throws CommandError and StackConverterError: the messages are for people
 */
export async function runConvert(
  { url, token, project: wanted, target, priority, isQuiet = false }: ConvertCommand,
  { print, signal }: { readonly print: (line: string) => void; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const client = createClient({ url, token });
  const options = { signal };
  try {
    const targetTechStack = parseTarget(target);
    let project = await findProject(client, wanted, signal);
    if (targetTechStack !== undefined) {
      const input = { id: project.id, targetTechStack };
      ({ project } = await client.setTargetTechStack({ input }, options));
    }
    if (project.targetTechStack === null) {
      throw new CommandError(
        `${project.name} has no target stack: --target language=Go,framework=Gin sets one.`,
      );
    }
    const { id: projectId } = project;
    const paths: string[] = [];
    const readPage = async (page: { after?: string | null }) =>
      (await client.projectFiles({ id: projectId, first: 1_000, ...page }, options))?.fileStructure;
    for await (const { path } of paginate(readPage, {})) paths.push(path);

    const input = { projectId, plan: analysisPlan(paths), priority: priority ?? 0 };
    const { conversionJob } = await client.createConversionJob({ input }, options);
    const { additional, ...parts } = project.targetTechStack;
    const lines = [
      `Created a conversion job for ${project.name}`,
      row("job", conversionJob.id),
      ...Object.entries(parts).flatMap(([part, value]) => (value ? [row(`to ${words(part)}`, value)] : [])),
      ...(additional.length > 0 ? [row("also", listed(additional))] : []),
      row("tasks", conversionJob.plan.tasks.map(({ id }) => id).join(", ")),
      row("work on it", "npx stack-converter work --demo"),
      row("watch it", `npx stack-converter watch ${conversionJob.id}`),
    ];
    for (const line of isQuiet ? [conversionJob.id] : lines) print(plain(line));
  } catch (error) {
    throw withHint(error);
  }
}

/** @returns undefined for no target */
export function parseTarget(target: readonly string[]): TechStackInput | undefined {
  const pairs = target.flatMap((text) => text.split(",")).filter((text) => text.trim() !== "");
  if (pairs.length === 0) return undefined;
  const parts: Record<string, string> = {};
  const additional: string[] = [];
  for (const pair of pairs) {
    const [, name, value] = /^\s*(\w+)\s*=\s*(.*\S)\s*$/.exec(pair) ?? [];
    const part = PARTS.find((known) => known.toLowerCase() === name?.toLowerCase());
    if (part === undefined || value === undefined) {
      throw new CommandError(`--target: expected part=value with one of ${PARTS.join(", ")}, got "${pair}".`);
    }
    if (part === "additional") additional.push(value);
    else parts[part] = value;
  }
  return { ...parts, ...(additional.length > 0 && { additional }) };
}

async function findProject(
  client: Client,
  wanted: string,
  signal: AbortSignal | undefined,
): Promise<ProjectFieldsFragment> {
  if (wanted.startsWith("Project:")) {
    const project = await client.project({ id: wanted }, { signal });
    if (project) return project;
    throw new CommandError(`There is no project ${wanted}.`);
  }
  const named: ProjectFieldsFragment[] = [];
  for await (const project of paginate(client.searchProjects, { query: wanted, first: 100 }, { signal })) {
    if (project.name === wanted) named.push(project);
  }
  const [project, ...others] = named;
  if (project === undefined) throw new CommandError(`There is no project named "${wanted}".`);
  if (others.length === 0) return project;
  throw new CommandError(
    `${named.length} projects are named "${wanted}": name one by its id, ${listed(named.map(({ id }) => id))}.`,
  );
}
