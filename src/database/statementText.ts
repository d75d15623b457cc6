/** Longer ones are cut off: a slow statement is known by its beginning. */
const MAX_LENGTH = 4_000;

/** Texts of comments, strings, parameters, names in quotes and numbers, whichever comes first. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|[eE]?'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|\$\d+|\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\s+/g;

/**
 * A statement as figures are kept under: without what was put into its text, on one line, and with lists of
 * parameters as one. So statements that differ in their values alone are one, and no value is told.
 */
export function normalizeStatement(text: string): string {
  const plain = text
    .replace(TOKENS, (token) => {
      if (/^\s/.test(token) || token.startsWith("--") || token.startsWith("/*")) return " ";
      if (token.startsWith('"') || /^\$\d/.test(token)) return token;
      return "?";
    })
    .replace(/((?:\$\d+|\?))(?:\s*,\s*(?:\$\d+|\?))+/g, "$1, …")
    .replace(/(\((?:\$\d+|\?)(?:, …)?\))(?:\s*,\s*\((?:\$\d+|\?)(?:, …)?\))+/g, "$1, …")
    .replace(/\s+/g, " ")
    .trim();
  return plain.length > MAX_LENGTH ? `${plain.slice(0, MAX_LENGTH)}…` : plain;
}

/** What a statement begins with: `SELECT`, `WITH`, `COMMIT`. */
export function verbOf(text: string): string {
  return /^[\s(]*([a-zA-Z]+)/.exec(text)?.[1]?.toUpperCase() ?? "STATEMENT";
}
