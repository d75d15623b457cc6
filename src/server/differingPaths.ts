/**
 * Where two JSON values differ: `data.users.nodes.3.username`. The paths have names and positions but no
 * values, because readers of a log may not be meant to see those.
 *
 * @param limit the most paths that are returned
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
      // Safe: both are objects or arrays, and a missing key reads as undefined.
      const parts = [left, right] as Record<string, unknown>[];
      compare(parts[0]![key], parts[1]![key], path === "" ? key : `${path}.${key}`);
    }
  };
  compare(one, other, "");
  return paths;
}
