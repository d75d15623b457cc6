/**
 * Where two JSON values differ: `data.users.nodes.3.username`. Names and places alone, no values: they may
 * be nobody's business who reads a log.
 *
 * @param limit how many are told at most
 */
export function differingPaths(one: unknown, other: unknown, limit: number): string[] {
  const paths: string[] = [];
  const compare = (left: unknown, right: unknown, path: string): void => {
    if (paths.length >= limit || Object.is(left, right)) return;
    const isOfParts =
      typeof left === "object" && typeof right === "object" && left !== null && right !== null;
    if (!isOfParts || Array.isArray(left) !== Array.isArray(right)) {
      paths.push(path);
      return;
    }
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      // Safe: both are objects or arrays, and what is not there is undefined.
      const parts = [left, right] as Record<string, unknown>[];
      compare(parts[0]![key], parts[1]![key], path === "" ? key : `${path}.${key}`);
    }
  };
  compare(one, other, "");
  return paths;
}
