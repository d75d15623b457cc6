/**
 * Checks paths that come from outside: archive entries and file names. The import code itself uses relative
 * paths with forward slashes, without `.`, `..` or empty segments.
 */

export type EntryPath =
  | { readonly isSafe: true /** "" for the root itself. */; readonly path: string }
  | { readonly isSafe: false; readonly reason: string };

/**
 * Judges an archive entry's name. A backslash is refused, not translated: it is a separator on
 * one system and a letter on another, so one archive would unpack to two different trees.
 */
export function entryPath(name: string): EntryPath {
  const unsafe = (reason: string): EntryPath => ({ isSafe: false, reason });
  if (name === "") return unsafe("has no name");
  if (name.includes("\0")) return unsafe("has a NUL byte in its name");
  if (name.includes("\\")) return unsafe("has a backslash in its name");
  if (name.startsWith("/")) return unsafe("has an absolute path");
  const segments = name.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (segments.includes("..")) return unsafe('has ".." in its path');
  // Judged on the first real segment: "./C:/x" is "C:/x" once the dot is gone.
  if (/^[A-Za-z]:/.test(segments[0] ?? "")) return unsafe("begins with a drive letter");
  return { isSafe: true, path: segments.join("/") };
}

/** Whether a link at `linkPath` with this target stays in the tree, judged by the text alone. */
export function linkStaysInside(linkPath: string, target: string): boolean {
  if (target === "" || /[\0\\]/.test(target) || target.startsWith("/") || /^[A-Za-z]:/.test(target))
    return false;
  let depth = linkPath.split("/").length - 1;
  for (const segment of target.split("/")) {
    if (segment === "" || segment === ".") continue;
    depth += segment === ".." ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}

/**
 * Order by UTF-8 bytes, as `sort` does in the C locale. JavaScript's `<` compares UTF-16 units,
 * which puts U+FFxx after emoji; a surrogate is therefore ranked above every other unit.
 */
export function compareBytewise(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
