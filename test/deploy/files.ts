import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: the expectations are the types
export type Document = any;

/** The variables that the compose files take from their caller's environment. */
const GIVEN: Record<string, string> = {
  POSTGRES_PASSWORD: "secret",
  REPLICATION_PASSWORD: "secret",
  AUTH_JWT_SECRET: "0123456789abcdef0123456789abcdef",
};

/** A compose file with the variables of its caller's environment filled in. */
export function composeOf(file: string): Document {
  const text = textOf(file).replaceAll(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind: string | undefined, rest: string) => {
      const value = GIVEN[name] ?? (kind === "-" ? rest : undefined);
      if (value === undefined) throw new Error(`${file} needs ${name}.`);
      return value;
    },
  );
  return parse(text, { merge: true });
}
