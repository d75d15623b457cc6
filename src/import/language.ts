import * as linguist from "linguist-languages";
import type { WalkedFile } from "./walk.ts";

type Language = linguist.Language;

/**
 * Languages are looked up in GitHub's own table (833 languages): by file name, then by extension, then by the
 * "#!" line if no extension is known. 173 of the 1,486 extensions belong to several languages. For those
 * linguist reads the content; we use this table of what the extension means in nearly every repository.
 */
const preferred: Readonly<Record<string, string>> = {
  ".as": "ActionScript",
  ".asc": "AsciiDoc",
  ".asm": "Assembly",
  ".bas": "BASIC",
  ".bb": "BitBake",
  ".cake": "C#",
  ".cfg": "INI",
  ".cgi": "Perl",
  ".cl": "Common Lisp",
  ".cls": "Apex",
  ".cs": "C#",
  ".d": "D",
  ".es": "JavaScript",
  ".ex": "Elixir",
  ".f": "Fortran",
  ".for": "Fortran",
  ".frag": "GLSL",
  ".fs": "F#",
  ".gd": "GDScript",
  ".gs": "JavaScript",
  ".h": "C",
  ".hh": "C++",
  ".html": "HTML",
  ".inc": "PHP",
  ".json": "JSON",
  ".l": "Lex",
  ".lean": "Lean",
  ".lisp": "Common Lisp",
  ".m": "Objective-C",
  ".m4": "M4",
  ".md": "Markdown",
  ".ml": "OCaml",
  ".mm": "Objective-C++",
  ".php": "PHP",
  ".pl": "Perl",
  ".plist": "XML Property List",
  ".pm": "Perl",
  ".pp": "Puppet",
  ".pro": "QMake",
  ".properties": "Java Properties",
  ".r": "R",
  ".re": "Reason",
  ".res": "ReScript",
  ".rs": "Rust",
  ".s": "Assembly",
  ".sc": "Scala",
  ".scm": "Scheme",
  ".sol": "Solidity",
  ".spec": "RPM Spec",
  ".sql": "SQL",
  ".star": "Starlark",
  ".t": "Perl",
  ".toc": "TeX",
  ".ts": "TypeScript",
  ".tsx": "TSX",
  ".txt": "Text",
  ".typ": "Typst",
  ".v": "Verilog",
  ".vba": "VBA",
  ".yaml": "YAML",
  ".yml": "YAML",
  ".yy": "Yacc",
};

const languages: readonly Language[] = Object.values(linguist);
const byName = new Map<string, Language>(languages.map((language) => [language.name, language]));
const byFilename = index((language) => language.filenames ?? []);
const byInterpreter = index((language) => language.interpreters ?? []);
const byExtension = index((language) =>
  (language.extensions ?? []).map((extension) => extension.toLowerCase()),
);

/**
 * Maps each key to one language. If several languages share the key, the preferred one wins, else the one
 * that lists it as its first extension, else the first by name.
 */
function index(keysOf: (language: Language) => readonly string[]): ReadonlyMap<string, Language> {
  const found = new Map<string, Language>();
  for (const language of languages) {
    for (const key of keysOf(language)) {
      const other = found.get(key);
      const isFirst = language.extensions?.[0] === key && other?.extensions?.[0] !== key;
      if (other === undefined || isFirst) found.set(key, language);
    }
  }
  for (const [extension, name] of Object.entries(preferred)) {
    const language = byName.get(name);
    if (language && found.has(extension) && keysOf(language).includes(extension))
      found.set(extension, language);
  }
  return found;
}

/**
 * Returns a function that names a file's language; null for binary files and for files that the table does
 * not know.
 */
export function createLanguageDetector(files: readonly WalkedFile[]): (file: WalkedFile) => string | null {
  const has = (pattern: RegExp) => files.some((file) => pattern.test(file.path));
  // A .h file takes its language from the project's other sources.
  const header = has(/\.(cc|cpp|cxx|hpp)$/) ? "C++" : has(/\.mm?$/) ? "Objective-C" : "C";
  return (file) => {
    if (file.isBinary) return null;
    const name = file.path.slice(file.path.lastIndexOf("/") + 1);
    if (name.endsWith(".h")) return header;
    return languageOf(name, file.interpreter)?.name ?? null;
  };
}

function languageOf(name: string, interpreter: string | null): Language | undefined {
  const exact = byFilename.get(name);
  if (exact) return exact;
  // Longest first: ".d.ts" before ".ts", ".rst.txt" before ".txt".
  const lower = name.toLowerCase();
  for (let dot = lower.indexOf(".", 1); dot !== -1; dot = lower.indexOf(".", dot + 1)) {
    const language = byExtension.get(lower.slice(dot));
    if (language) return language;
  }
  if (interpreter === null) return undefined;
  return byInterpreter.get(interpreter) ?? byInterpreter.get(interpreter.replace(/[\d.]+$/, ""));
}

/**
 * Files that were not written by hand, or that only declare types. They are listed, but do not count in the
 * shares (linguist's vendor rules do the same).
 */
const notCounted =
  /(^|\/)(dist|third_party|vendor|fixtures|__snapshots__)\/|\.min\.(js|css)$|[.-]d\.[cm]?ts$|\.map$/;

/**
 * Languages by bytes, largest first: programming languages, or markup languages if there are none. Data and
 * prose never count: a project is not written in package-lock.json.
 */
export function languageShares(
  files: readonly { readonly path: string; readonly sizeBytes: number; readonly language: string | null }[],
): readonly { readonly name: string; readonly share: number }[] {
  const kinds = ["programming", "markup"];
  // The second pass also counts built files and declarations, as published packages hold little else.
  const passes = [files.filter((file) => !notCounted.test(file.path)), files];
  for (const kind of kinds) {
    for (const pass of passes) {
      const shares = sum(pass, kind);
      if (shares.length > 0) return shares;
    }
  }
  return [];
}

function sum(
  files: readonly { readonly sizeBytes: number; readonly language: string | null }[],
  kind: string,
): { name: string; share: number }[] {
  const bytes = new Map<string, number>();
  let total = 0;
  for (const file of files) {
    const language = file.language === null ? undefined : byName.get(file.language);
    if (language?.type !== kind || file.sizeBytes === 0) continue;
    const name = language.group ?? language.name;
    bytes.set(name, (bytes.get(name) ?? 0) + file.sizeBytes);
    total += file.sizeBytes;
  }
  return [...bytes]
    .map(([name, size]) => ({ name, share: size / total }))
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));
}
