/** Longer texts are cut off: the beginning identifies a slow statement. */
const MAX_LENGTH = 4_000;

/** Comments, strings, parameters, quoted names and numbers, whichever comes first. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|[eE]?'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|\$\d+|\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\s+/g;

/**
 * The form of a statement under which figures are kept: without the values in its text, on one line, and with
 * each list of parameters as one. So statements that differ only in their values count as one, and no value
 * is shown.
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

/** The keyword that a statement begins with: `SELECT`, `WITH`, `COMMIT`. */
export function verbOf(text: string): string {
  return /^[\s(]*([a-zA-Z]+)/.exec(text)?.[1]?.toUpperCase() ?? "STATEMENT";
}
