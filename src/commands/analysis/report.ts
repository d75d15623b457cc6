import { ecosystemOf } from "../../import/manifests.ts";
import { ecosystems, lockFiles } from "../../import/technologies.ts";
import type { TechStackFieldsFragment } from "../../sdk/index.ts";
import { count, listed, number, size, words } from "../wording.ts";

/**
 * Reports about a project from what the service stores of it: paths, sizes, languages and stacks, but no
 * file's content.
 */

export interface AnalysedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly language: string | null;
}

export interface AnalysedProject {
  readonly originalTechStack: TechStackFieldsFragment;
  readonly targetTechStack: TechStackFieldsFragment | null;
  readonly files: readonly AnalysedFile[];
}

const PARTS = [
  "language",
  "framework",
  "database",
  "runtime",
  "buildTool",
  "packageManager",
  "deployment",
] as const;

const MAX_LANGUAGES = 10;

/** How many files there are, how big, and in which languages. */
export function structureReport({ files }: AnalysedProject): string {
  if (files.length === 0) return "No files: nothing was imported.";
  const folders = new Set(files.flatMap(({ path }) => (path.includes("/") ? [folderOf(path)] : [])));
  const totalBytes = sum(files);
  const languages = [...groupBy(files, ({ language }) => language)]
    .map(([language, ofIt]) => ({
      language: language ?? "no language",
      files: ofIt.length,
      bytes: sum(ofIt),
    }))
    .sort((a, b) => b.bytes - a.bytes || b.files - a.files);
  const largest = files.toSorted((a, b) => b.sizeBytes - a.sizeBytes).slice(0, 3);
  return [
    `${count(files.length, "file")}, ${size(totalBytes)}, in ${count(folders.size, "folder")}`,
    ...languages
      .slice(0, MAX_LANGUAGES)
      .map(
        ({ language, files, bytes }) =>
          `${language}: ${count(files, "file")}, ${size(bytes)}, ${percent(bytes, totalBytes)}`,
      ),
    ...(languages.length > MAX_LANGUAGES
      ? [`and ${count(languages.length - MAX_LANGUAGES, "more language")}`]
      : []),
    `largest: ${largest.map(({ path, sizeBytes }) => `${path} (${size(sizeBytes)})`).join(", ")}`,
  ].join("\n");
}

/**
 * What the project is built with, and which files declare that. Versions are missing: they are in the files'
 * content, which the service does not store.
 */
export function dependencyReport({ originalTechStack, files }: AnalysedProject): string {
  const declaring = groupBy(
    files.filter(({ path }) => ecosystemOf(path) !== undefined),
    // Safe: files without an ecosystem were filtered out.
    ({ path }) => ecosystemOf(path)!,
  );
  const locks = lockFiles.filter(([pattern]) => files.some(({ path }) => pattern.test(path)));
  return [
    ...PARTS.flatMap((part) =>
      originalTechStack[part] ? [`${words(part)}: ${originalTechStack[part]}`] : [],
    ),
    `also detected: ${listed(originalTechStack.additional, 50) || "nothing"}`,
    ...[...declaring].map(
      ([ecosystem, manifests]) =>
        `declared for ${ecosystem}: ${listed(manifests.map(({ path }) => path))}${lockedBy(locks, ecosystem)}`,
    ),
    ...(declaring.size === 0 ? ["No manifest: nothing declares dependencies."] : []),
  ].join("\n");
}

/** What has to change on the way to the target stack; null without a target. */
export function updatePlan({ originalTechStack, targetTechStack, files }: AnalysedProject): string | null {
  if (targetTechStack === null) return null;
  const steps: string[] = [];
  const kept: string[] = [];
  const [from, to] = [originalTechStack.language, targetTechStack.language];
  const isConverted = from !== null && to !== null && !isSame(from, to);
  const usual = ecosystemFor(to);
  for (const part of PARTS) {
    const [had, wanted] = [originalTechStack[part], targetTechStack[part]];
    if (wanted !== null && !isSame(had, wanted)) steps.push(changeOf(part, had, wanted));
    else if (had !== null && isConverted && isOfLanguage(part)) {
      const instead = usual?.[part];
      steps.push(
        `replace the ${words(part)} ${had}${instead ? ` by ${instead}, as is usual with ${to}` : ": the target does not say by what"}`,
      );
    } else if (had !== null) kept.push(`${words(part)} ${had}`);
  }
  if (isConverted) {
    const affected = files.filter(({ language }) => language === from);
    steps.push(`convert ${count(affected.length, `${from} file`)} (${size(sum(affected))}) to ${to}`);
    const manifests = files.filter(({ path }) => {
      const ecosystem = ecosystemOf(path);
      return ecosystem !== undefined && ecosystems[ecosystem].languages.includes(from);
    });
    const manager = targetTechStack.packageManager ?? usual?.packageManager;
    if (manifests.length > 0) {
      steps.push(
        `declare the dependencies of ${listed(manifests.map(({ path }) => path))} anew for ${manager ?? to}`,
      );
    }
    const counterparts = originalTechStack.additional.filter(
      (name) => !targetTechStack.additional.some((wanted) => isSame(name, wanted)),
    );
    if (counterparts.length > 0) steps.push(`find what ${to} has instead of ${listed(counterparts, 50)}`);
  }
  for (const name of targetTechStack.additional) {
    if (!originalTechStack.additional.some((had) => isSame(had, name))) steps.push(`add ${name}`);
  }
  return [
    ...(steps.length > 0
      ? steps.map((step, index) => `${index + 1}. ${step}`)
      : ["Nothing: the target is what the project is built with."]),
    ...(kept.length > 0 ? [`kept: ${kept.join(", ")}`] : []),
  ].join("\n");
}

/** Parts that change together with the language. */
function isOfLanguage(part: (typeof PARTS)[number]): part is "runtime" | "buildTool" | "packageManager" {
  return part === "runtime" || part === "buildTool" || part === "packageManager";
}

function ecosystemFor(language: string | null) {
  return Object.values(ecosystems).find(({ languages }) => language !== null && languages.includes(language));
}

/** From "Node.js 20" to "Node.js 22" is an update; from "Node.js 20" to "Deno" is a replacement. */
function changeOf(part: (typeof PARTS)[number], from: string | null, to: string): string {
  if (from === null) return `add the ${words(part)} ${to}`;
  const verb = isSame(nameOf(from), nameOf(to)) ? "update" : "replace";
  return `${verb} the ${words(part)} ${from} ${verb === "update" ? "to" : "by"} ${to}`;
}

function nameOf(technology: string): string {
  return technology.replace(/\s+[vV]?[\d.]+.*$/, "");
}

function isSame(a: string | null, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase();
}

function lockedBy(locks: typeof lockFiles, ecosystem: string): string {
  const managers = locks.flatMap(([, manager, of]) => (of === ecosystem ? [manager] : []));
  return managers.length > 0 ? `, locked by ${[...new Set(managers)].join(", ")}` : "";
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function sum(files: readonly AnalysedFile[]): number {
  return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

function percent(part: number, whole: number): string {
  return `${number(Math.round((part / Math.max(whole, 1)) * 1_000) / 10)} %`;
}

function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
