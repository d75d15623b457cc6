import { parse as parseToml } from "smol-toml";

/**
 * The package ecosystems that the analyser has rules for, and four (from `jvm` on) that only our own rules
 * cover.
 */
export type Ecosystem =
  | "npm"
  | "deno"
  | "python"
  | "ruby"
  | "php"
  | "rust"
  | "golang"
  | "docker"
  | "jvm"
  | "dotnet"
  | "elixir"
  | "dart";

/** `own`: what the project itself runs on. `development`: what builds and tests it. */
export type DependencyKind = "own" | "peer" | "optional" | "development";

export interface Manifest {
  readonly path: string;
  readonly ecosystem: Ecosystem;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly repository?: string | undefined;
  /** The version of the language's runtime that the project asks for, as written: ">=20". */
  readonly runtimeVersion?: string | undefined;
  /** As declared, "pnpm@9.1.0". */
  readonly packageManager?: string | undefined;
  /** Command lines that build the project. */
  readonly buildCommand?: string | undefined;
  /** Whether the project is run, not published: its development dependencies then count as part of its stack. */
  readonly isApplication: boolean;
  readonly dependencies: readonly (readonly [name: string, kind: DependencyKind])[];
}

type Fields = Partial<Omit<Manifest, "path" | "ecosystem">>;
type Read = (text: string) => Fields;

/**
 * How each manifest is read, by file name. The analyser's own readers miss too much to be used: package.json
 * without a name, peer dependencies, `Django~=4.2`, Poetry tables, single-quoted gems, one-line `require` in
 * go.mod; and a malformed compose file makes them throw. We use only the analyser's rules (which dependency
 * is which technology).
 */
const readers: readonly (readonly [RegExp, Ecosystem, Read])[] = [
  [/(^|\/)package\.json$/, "npm", readPackageJson],
  [/(^|\/)deno\.jsonc?$/, "deno", readDeno],
  [/(^|\/)pyproject\.toml$/, "python", readPyproject],
  [/(^|\/)requirements[^/]*\.(txt|in)$/, "python", readRequirements],
  [/(^|\/)Pipfile$/, "python", readPipfile],
  [/(^|\/)setup\.(py|cfg)$/, "python", readSetup],
  [/(^|\/)Cargo\.toml$/, "rust", readCargo],
  [/(^|\/)go\.mod$/, "golang", readGoMod],
  [/(^|\/)composer\.json$/, "php", readComposer],
  [/(^|\/)(Gemfile|[^/]+\.gemspec)$/, "ruby", readGemfile],
  [/(^|\/)pom\.xml$/, "jvm", readPom],
  [/(^|\/)build\.gradle(\.kts)?$/, "jvm", readGradle],
  [/(^|\/)libs\.versions\.toml$/, "jvm", readGradle],
  [/\.(cs|fs|vb)proj$/, "dotnet", readProject],
  [/(^|\/)mix\.exs$/, "elixir", readMix],
  [/(^|\/)pubspec\.ya?ml$/, "dart", readPubspec],
  [/(^|\/)(docker-)?compose[^/]*\.ya?ml$/, "docker", readImages],
];

export function isManifest(path: string): boolean {
  return ecosystemOf(path) !== undefined;
}

/**
 * The ecosystem whose dependencies a file declares, judged by its name; undefined for a file that declares
 * none.
 */
export function ecosystemOf(path: string): Ecosystem | undefined {
  return readers.find(([pattern]) => pattern.test(path))?.[1];
}

/** @returns null if the file is no manifest, "malformed" if it cannot be parsed. */
export function readManifest(path: string, text: string): Manifest | "malformed" | null {
  const reader = readers.find(([pattern]) => pattern.test(path));
  if (!reader) return null;
  try {
    return { path, ecosystem: reader[1], isApplication: false, dependencies: [], ...reader[2](text) };
  } catch {
    return "malformed";
  }
}

// ---- Foreign JSON and TOML may hold anything, so the type is checked at each step down.

type Table = Readonly<Record<string, unknown>>;

const table = (value: unknown): Table =>
  // After the check it is an object whose values are unknown, which is what Table says.
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
const text = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
/** A home page counts as the repository only if it is on a forge. */
const forge = (value: unknown): string | undefined => {
  const address = text(value);
  return address && /^https?:\/\/(www\.)?(github|gitlab|bitbucket)\.(com|org)\//.test(address)
    ? address
    : undefined;
};
const named = (names: readonly string[], kind: DependencyKind) => names.map((name) => [name, kind] as const);
const matches = (source: string, pattern: RegExp): string[] =>
  [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? "").filter((name) => name !== "");

function readPackageJson(source: string): Fields {
  const json = table(JSON.parse(source));
  const optional = Object.keys(table(json.optionalDependencies));
  const scripts = table(json.scripts);
  return {
    name: text(json.name),
    description: text(json.description),
    repository: text(json.repository) ?? text(table(json.repository).url) ?? forge(json.homepage),
    runtimeVersion: text(table(json.engines).node),
    packageManager: text(json.packageManager),
    buildCommand: ["build", "compile", "bundle", "prepare", "prepack", "install"]
      .map((script) => text(scripts[script]) ?? "")
      .join(" ; "),
    isApplication: json.private === true,
    dependencies: [
      ...named(
        Object.keys(table(json.dependencies)).filter((name) => !optional.includes(name)),
        "own",
      ),
      ...named(Object.keys(table(json.peerDependencies)), "peer"),
      ...named(optional, "optional"),
      ...named(Object.keys(table(json.devDependencies)), "development"),
    ],
  };
}

function readDeno(source: string): Fields {
  // Of jsonc, comments on lines of their own and trailing commas are handled: nothing else occurs in
  // practice.
  const json = table(JSON.parse(source.replace(/^\s*\/\/.*$/gm, "").replace(/,(\s*[}\]])/g, "$1")));
  return {
    name: text(json.name),
    isApplication: json.exports === undefined,
    dependencies: named(texts(Object.values(table(json.imports))), "own"),
  };
}

/** "uvicorn[standard] >=0.2 ; python_version > '3.8'" → "uvicorn", in the registry's spelling. */
const requirement = (line: string): string =>
  (/^\s*([A-Za-z0-9][\w.-]*)/.exec(line)?.[1] ?? "").toLowerCase().replace(/[_.]+/g, "-");
const requirements = (lines: readonly string[]) => lines.map(requirement).filter((name) => name !== "");

function readPyproject(source: string): Fields {
  const toml = table(parseToml(source));
  const project = table(toml.project);
  const poetry = table(table(toml.tool).poetry);
  const urls = { ...table(project.urls), ...table(poetry.urls) };
  const address = Object.entries(urls).find(([label]) =>
    /^(source|repo|code|github|homepage)/i.test(label),
  )?.[1];
  const groups = Object.values(table(toml["dependency-groups"])).flatMap(texts);
  const poetryGroups = Object.values(table(poetry.group)).flatMap((group) =>
    Object.keys(table(table(group).dependencies)),
  );
  const development = [...groups, ...poetryGroups, ...Object.keys(table(poetry["dev-dependencies"]))];
  const own = [...texts(project.dependencies), ...Object.keys(table(poetry.dependencies))];
  return {
    name: text(project.name) ?? text(poetry.name),
    description: text(project.description) ?? text(poetry.description),
    repository: text(poetry.repository) ?? text(address),
    runtimeVersion: text(project["requires-python"]) ?? text(table(poetry.dependencies).python),
    buildCommand: text(table(toml["build-system"])["build-backend"]),
    dependencies: [
      ...named(
        requirements(own).filter((name) => name !== "python"),
        "own",
      ),
      ...named(
        requirements(Object.values(table(project["optional-dependencies"])).flatMap(texts)),
        "optional",
      ),
      ...named(requirements(development), "development"),
    ],
  };
}

function readRequirements(source: string): Fields {
  const lines = source.split("\n").filter((line) => !/^\s*(#|-)/.test(line));
  return { dependencies: named(requirements(lines), "own") };
}

function readPipfile(source: string): Fields {
  const toml = table(parseToml(source));
  return {
    isApplication: true,
    runtimeVersion: text(table(toml.requires).python_version),
    dependencies: [
      ...named(requirements(Object.keys(table(toml.packages))), "own"),
      ...named(requirements(Object.keys(table(toml["dev-packages"]))), "development"),
    ],
  };
}

/**
 * setup.py is a program, and we do not run it: dependencies come from the list literal after install_requires
 * alone.
 */
function readSetup(source: string): Fields {
  const list = /install_requires\s*=\s*\[?([\s\S]*?)(?:\]|\n\S|$)/.exec(source)?.[1] ?? "";
  const lines =
    list.includes('"') || list.includes("'") ? matches(list, /["']([^"']+)["']/g) : list.split("\n");
  return {
    name: /^\s*name\s*=\s*["']?([\w.-]+)/m.exec(source)?.[1],
    runtimeVersion: /python_requires\s*=\s*["']?([^"'\n]+)/.exec(source)?.[1],
    buildCommand: "setuptools",
    dependencies: named(requirements(lines), "own"),
  };
}

function readCargo(source: string): Fields {
  const toml = table(parseToml(source));
  const crate = table(toml.package);
  const own = { ...table(toml.dependencies), ...table(table(toml.workspace).dependencies) };
  return {
    name: text(crate.name),
    description: text(crate.description),
    repository: text(crate.repository),
    runtimeVersion: text(crate["rust-version"]),
    dependencies: [
      ...named(Object.keys(own), "own"),
      ...named(
        [...Object.keys(table(toml["dev-dependencies"])), ...Object.keys(table(toml["build-dependencies"]))],
        "development",
      ),
    ],
  };
}

function readGoMod(source: string): Fields {
  const module = /^module\s+(\S+)/m.exec(source)?.[1];
  const direct = source
    .split("\n")
    .filter((line) => !line.includes("// indirect"))
    .join("\n");
  return {
    name: module
      ?.split("/")
      .filter((part) => !/^v\d+$/.test(part))
      .at(-1),
    repository:
      module && /^[\w-]+\.[\w.-]+\/[^/]+\/[^/]+/.test(module)
        ? `https://${module.split("/").slice(0, 3).join("/")}`
        : undefined,
    runtimeVersion: /^go\s+([\d.]+)/m.exec(source)?.[1],
    dependencies: named(matches(direct, /^(?:require\s+|\s+)([\w.-]+\.[\w.-]+\/\S+)\s+v/gm), "own"),
  };
}

function readComposer(source: string): Fields {
  const json = table(JSON.parse(source));
  const required = table(json.require);
  return {
    name: text(json.name),
    description: text(json.description),
    repository: text(table(json.support).source) ?? forge(json.homepage),
    runtimeVersion: text(required.php),
    isApplication: json.type === "project",
    dependencies: [
      ...named(
        Object.keys(required).filter((name) => name.includes("/")),
        "own",
      ),
      ...named(Object.keys(table(json["require-dev"])), "development"),
    ],
  };
}

function readGemfile(source: string): Fields {
  return {
    name: /\.name\s*=\s*["']([^"']+)/.exec(source)?.[1],
    runtimeVersion:
      /^\s*ruby\s+["']([^"']+)/m.exec(source)?.[1] ??
      /required_ruby_version\s*=\s*["']([^"']+)/.exec(source)?.[1],
    dependencies: [
      ...named(matches(source, /^\s*(?:gem|\w+\.add_(?:runtime_)?dependency)[\s(]+["']([^"']+)/gm), "own"),
      ...named(matches(source, /^\s*\w+\.add_development_dependency[\s(]+["']([^"']+)/gm), "development"),
    ],
  };
}

function readPom(source: string): Fields {
  const own = source.replace(
    /<parent>[\s\S]*?<\/parent>|<dependencies>[\s\S]*?<\/dependencies>|<build>[\s\S]*?<\/build>/g,
    "",
  );
  return {
    name: /<artifactId>\s*([^<\s]+)/.exec(own)?.[1],
    description: /<description>\s*([^<]+?)\s*</.exec(own)?.[1],
    repository: /<scm>[\s\S]*?<url>\s*([^<\s]+)/.exec(source)?.[1],
    runtimeVersion: /<(?:java\.version|maven\.compiler\.(?:release|target))>\s*([\d.]+)/.exec(source)?.[1],
    isApplication: /<packaging>\s*war|spring-boot-maven-plugin/.test(source),
    buildCommand: "mvn",
    dependencies: named(matches(source, /<artifactId>\s*([^<\s]+)/g), "own"),
  };
}

function readGradle(source: string): Fields {
  const coordinates = matches(source, /["'][\w.-]+:([\w.-]+)(?::[^"']*)?["']/g);
  const plugins = matches(source, /\bid[\s(=]+["']([^"']+)/g);
  return {
    runtimeVersion:
      /(?:JavaLanguageVersion\.of\(|JavaVersion\.VERSION_|sourceCompatibility\s*=\s*["']?)(\d+)/.exec(
        source,
      )?.[1],
    buildCommand: "gradle",
    dependencies: named([...coordinates, ...plugins], "own"),
  };
}

function readProject(source: string): Fields {
  return {
    runtimeVersion: /<TargetFrameworks?>\s*net(?:coreapp)?([\d.]+)/.exec(source)?.[1],
    isApplication: /Sdk\.Web|<OutputType>\s*(Win)?Exe/.test(source),
    buildCommand: "dotnet",
    dependencies: named(
      [
        ...matches(source, /<PackageReference\s+Include="([^"]+)"/g),
        ...matches(source, /<Project\s+Sdk="([^"]+)"/g),
      ],
      "own",
    ),
  };
}

function readMix(source: string): Fields {
  return {
    name: /\bapp:\s*:(\w+)/.exec(source)?.[1],
    runtimeVersion: /\belixir:\s*"([^"]+)"/.exec(source)?.[1],
    buildCommand: "mix",
    dependencies: named(matches(source, /\{:(\w+),/g), "own"),
  };
}

function readPubspec(source: string): Fields {
  const section = (name: string) =>
    new RegExp(`^${name}:\\s*\\n((?:[ \\t]+.*\\n|\\s*\\n|#.*\\n)*)`, "m").exec(`${source}\n`)?.[1] ?? "";
  return {
    name: /^name:\s*["']?([\w-]+)/m.exec(source)?.[1],
    description: /^description:\s*["']?([^"'>|\n][^"'\n]*)/m.exec(source)?.[1],
    repository: /^repository:\s*(\S+)/m.exec(source)?.[1],
    runtimeVersion: /^\s+sdk:\s*["']?([^"'\n]+)/m.exec(section("environment"))?.[1],
    dependencies: [
      ...named(matches(section("dependencies"), /^ {2}(\w+):/gm), "own"),
      ...named(matches(section("dev_dependencies"), /^ {2}(\w+):/gm), "development"),
    ],
  };
}

/** The images of a compose file, without registry host and version: "ghcr.io/x/postgres:16" → "x/postgres". */
function readImages(source: string): Fields {
  const images = matches(source, /^\s+image:\s*["']?([^\s"'#]+)/gm).filter((image) => !image.startsWith("$"));
  const plain = images.map((image) =>
    image
      .replace(/@.*$/, "")
      .replace(/:[^/:]*$/, "")
      .replace(/^(?:[\w-]+\.[\w.-]+(?::\d+)?\/)+(?:library\/)?/, ""),
  );
  return { isApplication: true, dependencies: named(plain, "own") };
}
