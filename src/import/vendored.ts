/**
 * Folders that hold other people's code or a tool's output. They are left out even where no .gitignore says
 * so. `dist` and `build` are not among them: a published package consists of them.
 */
interface VendoredRule {
  readonly name: string;
  /** The rule holds only if the parent folder has one of these: `target` is an ordinary word elsewhere. */
  readonly beside?: readonly string[];
  /** The rule holds only if the folder itself has one of these. */
  readonly contains?: readonly string[];
}

const always = [
  ".git .hg .svn .jj CVS",
  "node_modules bower_components jspm_packages .pnpm-store",
  "__pycache__ .venv .tox .nox .mypy_cache .pytest_cache .ruff_cache site-packages",
  ".gradle .terraform .terragrunt-cache .bundle .dart_tool .stack-work .eggs",
  ".next .nuxt .svelte-kit .turbo .parcel-cache .nx .angular .vercel .netlify .serverless",
].flatMap((line) => line.split(" "));

const rules: readonly VendoredRule[] = [
  ...always.map((name) => ({ name })),
  { name: "venv", contains: ["pyvenv.cfg"] },
  { name: "env", contains: ["pyvenv.cfg"] },
  { name: "vendor", contains: ["modules.txt", "autoload.php", "bundle"] },
  { name: "target", beside: ["Cargo.toml", "pom.xml", "build.sbt"] },
  { name: "obj", contains: ["project.assets.json"] },
  { name: "deps", beside: ["mix.exs"] },
  { name: "_build", beside: ["mix.exs", "dune-project"] },
  { name: "Pods", beside: ["Podfile"] },
  { name: "Carthage", beside: ["Cartfile"] },
];

const byName = new Map(rules.map((rule) => [rule.name, rule]));

/** Whether a folder is vendored. `list` reads its entries, and is called only if a rule needs them. */
export async function isVendored(
  name: string,
  siblings: ReadonlySet<string>,
  list: () => Promise<readonly string[]>,
): Promise<boolean> {
  const rule = byName.get(name);
  if (!rule) return false;
  if (rule.beside) return rule.beside.some((sibling) => siblings.has(sibling));
  const marks = rule.contains;
  return marks === undefined || (await list()).some((entry) => marks.includes(entry));
}
