import "@specfy/stack-analyser/dist/autoload.js";
import {
  type AllowedKeys,
  dependencies as analyserDependencies,
  type SupportedDeps,
  tech,
} from "@specfy/stack-analyser";
import { languageShares } from "./language.ts";
import type { DependencyKind, Ecosystem, Manifest } from "./manifests.ts";
import {
  buildCommands,
  type Category,
  categoryOfTech,
  categoryOfType,
  databaseWords,
  dependencyRows,
  displayNames,
  ecosystems,
  fileRows,
  frameworkWeight,
  ignoredTypes,
  lockFiles,
} from "./technologies.ts";

/** What a project is made of. Every value has 1 to 100 characters. */
export interface TechStack {
  /** The language with the most bytes of source. */
  readonly language?: string;
  readonly framework?: string;
  readonly database?: string;
  /** With the version that the project asks for: "Node.js >=20". */
  readonly runtime?: string;
  readonly buildTool?: string;
  readonly packageManager?: string;
  readonly deployment?: string;
  /** Everything else that was found, most relevant first, at most 50, each once and none of the above. */
  readonly additional: readonly string[];
}

export interface StackInput {
  readonly files: readonly {
    readonly path: string;
    readonly sizeBytes: number;
    readonly language: string | null;
  }[];
  readonly manifests: readonly Manifest[];
  /** Contents of settings files, by path. */
  readonly settings: ReadonlyMap<string, string>;
}

const maxValueLength = 100;
const maxAdditional = 50;

/**
 * A field is filled only from evidence of at least this weight. A dependency of the root counts 10, one of a
 * package two folders down 5, a development dependency of a library 2, and anything in a folder of examples a
 * tenth. express tests itself with Redis sessions; that does not make Redis its database.
 */
const threshold = 4;

const kindWeight: Readonly<Record<DependencyKind, number>> = {
  own: 10,
  peer: 6,
  optional: 3,
  development: 2,
};
const fileWeight = 8;
const sideFolders =
  /(^|\/)(tests?|__tests__|specs?|e2e|examples?|samples?|demos?|docs?|fixtures?|__fixtures__|benchmarks?|bench|playground|templates?|testdata|website)\//i;

/** Evidence loses weight with each folder down, and nearly all of it in folders beside the project proper. */
function placeWeight(path: string): number {
  const depth = path.split("/").length - 1;
  return (sideFolders.test(path) ? 0.1 : 1) / (1 + depth / 2);
}

/** Pure: the same input gives the same stack. */
export function detectStack(input: StackInput): TechStack {
  const evidence = createEvidence();
  for (const manifest of input.manifests) weighManifest(manifest, evidence);
  weighFiles(input.files, evidence);
  for (const [path, content] of input.settings) {
    for (const [pattern, name] of databaseWords) {
      if (pattern.test(content)) evidence.add("database", name, fileWeight * placeWeight(path));
    }
  }
  const shares = languageShares(input.files);
  const language = shares[0]?.name;
  const main = mainEcosystem(input.manifests, language);
  const fields = {
    language,
    framework: evidence.best("framework"),
    database: evidence.best("database"),
    runtime: runtimeOf(input.manifests, main, evidence, language),
    buildTool: buildToolOf(input.manifests, main, evidence),
    packageManager: packageManagerOf(input, main),
    deployment: evidence.best("deployment"),
  };
  const taken = new Set(Object.values(fields).map((value) => value?.split(" ")[0]));
  const values = new Set(Object.values(fields));
  const otherLanguages = shares.slice(1).filter(({ share }) => share >= 0.05);
  const additional = [...otherLanguages.map(({ name }) => name), ...evidence.ranked()]
    .filter((name) => !values.has(name) && !(taken.has(name) && !name.includes(" ")))
    .map(clip);
  const known = Object.entries(fields).flatMap(([field, value]) =>
    value ? [[field, clip(value)] as const] : [],
  );
  return { ...Object.fromEntries(known), additional: [...new Set(additional)].slice(0, maxAdditional) };
}

function createEvidence() {
  const found = new Map<Category, Map<string, { weight: number; rank: number }>>();
  const ranking = (category: Category) =>
    [...(found.get(category) ?? [])].sort(
      ([a, left], [b, right]) => right.rank - left.rank || compareNames(a, b),
    );
  return {
    /** `factor` raises the name's rank within its field. It does not count as evidence. */
    add(category: Category, name: string, weight: number, factor = 1): void {
      const names = found.get(category) ?? new Map<string, { weight: number; rank: number }>();
      const before = names.get(name) ?? { weight: 0, rank: 0 };
      names.set(name, { weight: before.weight + weight, rank: before.rank + weight * factor });
      found.set(category, names);
    },
    best(category: Category): string | undefined {
      return ranking(category).find(([, { weight }]) => weight >= threshold)?.[0];
    },
    /** Every name with some weight, highest rank first. Names that only examples use fall away. */
    ranked(): string[] {
      return [...found.keys()]
        .flatMap((category) => ranking(category))
        .filter(([, { weight }]) => weight >= 1)
        .sort(([a, left], [b, right]) => right.rank - left.rank || compareNames(a, b))
        .map(([name]) => name);
    },
  };
}

/** With equal evidence (a library with drivers for all of them) the most widely used database comes first. */
const byUse = ["PostgreSQL", "MySQL", "MongoDB", "SQLite", "Redis"];

function compareNames(a: string, b: string): number {
  const place = (name: string) => (byUse.includes(name) ? byUse.indexOf(name) : byUse.length);
  return place(a) - place(b) || (a < b ? -1 : 1);
}

type Evidence = ReturnType<typeof createEvidence>;

/** The ecosystems that the analyser has rules for. The others are in our table alone. */
const supported: Readonly<Partial<Record<Ecosystem, SupportedDeps>>> = {
  npm: "npm",
  deno: "deno",
  python: "python",
  ruby: "ruby",
  php: "php",
  rust: "rust",
  golang: "golang",
  docker: "docker",
};

function weighManifest(manifest: Manifest, evidence: Evidence): void {
  const place = placeWeight(manifest.path);
  const ecosystem = supported[manifest.ecosystem];
  for (const kind of ["own", "peer", "optional", "development"] as const) {
    const names = manifest.dependencies.filter((dependency) => dependency[1] === kind).map(([name]) => name);
    // A name counts once per manifest and kind, however many packages indicate it: 30 @babel/* are one Babel.
    const found = new Map<string, { category: Category; factor: number }>();
    if (ecosystem) {
      for (const key of analyserDependencies.detect(names, ecosystem).keys()) {
        const known = describe(key);
        if (known) found.set(known.name, known);
      }
    }
    for (const [pattern, name, category] of dependencyRows[manifest.ecosystem] ?? []) {
      if (
        names.some((dependency) =>
          typeof pattern === "string" ? pattern === dependency : pattern.test(dependency),
        )
      ) {
        found.set(name, { category, factor: category === "framework" ? 2 : 1 });
      }
    }
    for (const [name, { category, factor }] of found) {
      // A build tool is a development dependency by nature, and an application may list anything as one.
      const counts =
        kind === "development" && (category === "buildTool" || manifest.isApplication) ? 8 : kindWeight[kind];
      evidence.add(category, name, counts * place, factor);
    }
  }
}

/** Maps a technology of the analyser to a name, a field and its factor in that field; null if it is ignored. */
function describe(key: AllowedKeys): { name: string; category: Category; factor: number } | null {
  const item = tech.indexed[key];
  const own = categoryOfTech[key];
  if (own === undefined && ignoredTypes.has(item.type)) return null;
  const category = own ?? categoryOfType[item.type] ?? "additional";
  const factor = category === "framework" ? (frameworkWeight[item.type] ?? 1) : 1;
  return { name: displayNames[item.name] ?? item.name, category, factor };
}

/**
 * Weighs files that the analyser or our table knows by name. Each technology counts once, at its heaviest
 * place.
 */
function weighFiles(files: StackInput["files"], evidence: Evidence): void {
  const seen = new Map<string, { category: Category; name: string; weight: number; factor: number }>();
  const note = (name: string, category: Category, weight: number, factor: number) => {
    const before = seen.get(name);
    if (!before || before.weight < weight) seen.set(name, { category, name, weight, factor });
  };
  // The analyser tests each of its 700 rules on each name. It is called once per weight with the distinct
  // names, not once per folder. Its rules by extension only tell languages, which the bytes tell better.
  const places = new Map<number, StackInput["files"][number][]>();
  for (const file of files) {
    const weight = placeWeight(file.path);
    const members = places.get(weight);
    if (members) members.push(file);
    else places.set(weight, [file]);
  }
  for (const [weight, members] of places) {
    const names = new Map(
      members.map((file) => [file.path.slice(file.path.lastIndexOf("/") + 1), file.path]),
    );
    const listed = [...names].map(([name, path]) => ({ name, fp: path, type: "file" as const }));
    for (const key of tech.detectInFileList(listed, "").keys()) {
      const known = describe(key);
      if (known) note(known.name, known.category, fileWeight * weight, known.factor);
    }
    for (const { path } of members) {
      for (const [pattern, name, category] of fileRows)
        if (pattern.test(path)) note(name, category, fileWeight * weight, category === "framework" ? 2 : 1);
    }
  }
  for (const { category, name, weight, factor } of seen.values())
    evidence.add(category, name, weight, factor);
}

/**
 * The manifests, the one that best represents the project first. That is the one nearest to the root, unless
 * a manifest of the main language lies a folder below a package.json that only holds tools. A package.json
 * that publishes keeps its place: node-gyp publishes from its root, though its bundled generator makes it
 * more Python than JavaScript.
 */
export function mainManifests(
  manifests: readonly Manifest[],
  language: string | undefined,
): readonly Manifest[] {
  const distance = (manifest: Manifest) => {
    const depth = manifest.path.split("/").length - 1;
    const isPublished = depth === 0 && manifest.name !== undefined && !manifest.isApplication;
    const speaks = language !== undefined && ecosystems[manifest.ecosystem].languages.includes(language);
    return depth - (isPublished ? 1 : 0) - (speaks ? 1.5 : 0) + (sideFolders.test(manifest.path) ? 10 : 0);
  };
  return manifests
    .filter((manifest) => manifest.ecosystem !== "docker")
    .sort((a, b) => distance(a) - distance(b) || (a.path < b.path ? -1 : 1));
}

function mainEcosystem(manifests: readonly Manifest[], language: string | undefined): Ecosystem | undefined {
  const [first] = mainManifests(manifests, language);
  if (first) return first.ecosystem;
  const known = Object.entries(ecosystems).find(
    ([, { languages }]) => language !== undefined && languages.includes(language),
  );
  // The keys of the table are the ecosystems.
  return known?.[0] as Ecosystem | undefined;
}

function runtimeOf(
  manifests: readonly Manifest[],
  main: Ecosystem | undefined,
  evidence: Evidence,
  language: string | undefined,
): string | undefined {
  const shell = evidence.best("runtime");
  if (shell) return shell;
  const runtime = main && ecosystems[main].runtime;
  if (!runtime) return undefined;
  const version = mainManifests(manifests, language).find(
    (manifest) => manifest.ecosystem === main && manifest.runtimeVersion !== undefined,
  )?.runtimeVersion;
  return version === undefined || version === "*"
    ? runtime
    : `${runtime} ${version.replace(/^(\^|~>?|>=?|<=?|=)\s+/, "$1")}`;
}

function buildToolOf(
  manifests: readonly Manifest[],
  main: Ecosystem | undefined,
  evidence: Evidence,
): string | undefined {
  const root = manifests.filter(
    (manifest) => manifest.ecosystem === main && placeWeight(manifest.path) === 1,
  );
  for (const [pattern, name] of buildCommands) {
    // The project's own build script is proof; a dependency may only be there for a test.
    if (root.some((manifest) => pattern.test(manifest.buildCommand ?? ""))) return name;
  }
  const own = main && ecosystems[main].buildTool;
  return own ?? evidence.best("buildTool");
}

function packageManagerOf(input: StackInput, main: Ecosystem | undefined): string | undefined {
  if (main === undefined) return undefined;
  const declared = input.manifests.find(
    (manifest) => manifest.packageManager !== undefined && placeWeight(manifest.path) === 1,
  );
  if (declared?.packageManager && declared.ecosystem === main) {
    const [, name = "", version = ""] = /^@?([\w./-]+)(?:@([\w.-]+))?/.exec(declared.packageManager) ?? [];
    const known = { npm: "npm", pnpm: "pnpm", yarn: "Yarn", bun: "Bun" }[name] ?? name;
    return version === "" ? known : `${known} ${version}`;
  }
  for (const depth of [0, 1, 2]) {
    const near = input.files.filter(
      ({ path }) => path.split("/").length - 1 === depth && !sideFolders.test(path),
    );
    for (const [pattern, name, ecosystem] of lockFiles) {
      if (ecosystem === main && near.some(({ path }) => pattern.test(path))) return name;
    }
  }
  if (main === "jvm")
    return input.manifests.some(({ path }) => path.endsWith("pom.xml")) ? "Maven" : "Gradle";
  return input.manifests.some((manifest) => manifest.ecosystem === main)
    ? ecosystems[main].packageManager
    : undefined;
}

function clip(value: string): string {
  return value.length <= maxValueLength ? value : `${value.slice(0, maxValueLength - 1)}…`;
}
