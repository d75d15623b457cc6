/** Fields of a log line that hold secrets. */
const SECRET_FIELDS =
  /"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|api-?key|password|secret|token|accessToken|access_token)":"(?:[^"\\]|\\.)*"/gi;
/** Credentials anywhere in a line, also in messages and stack traces: in URLs, and after the name of a scheme. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s/"\\]*@/gi;
const URL_TOKEN = /([?&](?:access_token|api_key|apikey|key|password|secret|token)=)[^&\s"\\]+/gi;
const SCHEME = /\b(Bearer|Basic) [\w~+/.=-]{6,}/gi;
/** API keys (src/auth/apiKey.ts) and JSON Web Tokens, recognized by their form. */
const CREDENTIAL = /\bsck_[\w-]{43}|\beyJ[\w-]{6,}(?:\.[\w-]+){2}/g;

/**
 * Matches every line that any of the patterns above can match. Testing this first is a quarter of the work,
 * and hardly any line matches.
 */
const SUSPICIOUS =
  /authorization|cookie|api-?key|password|secret|token|access_|:\/\/|[?&]\w+=|\b(?:bearer|basic) |\bsck_|\beyJ/i;

/** Shorter texts occur in ordinary words, and are no secrets. */
const MIN_SECRET_LENGTH = 6;

/**
 * Removes secrets from a line of the log: the known ones, and any text that looks like one. Any logged value
 * may hold one: a database's error may quote its connection string.
 */
export function createRedaction(secrets: readonly (string | undefined)[]) {
  const known = secrets.flatMap(formsOf).filter((secret) => secret.length >= MIN_SECRET_LENGTH);
  return function redact(line: string): string {
    let text = line;
    for (const secret of known) text = text.replaceAll(secret, "[redacted]");
    if (!SUSPICIOUS.test(text)) return text;
    return text
      .replace(SECRET_FIELDS, '"$1":"[redacted]"')
      .replace(URL_PASSWORD, "$1:[redacted]@")
      .replace(URL_TOKEN, "$1[redacted]")
      .replace(SCHEME, "$1 [redacted]")
      .replace(CREDENTIAL, "[redacted]");
  };
}

/**
 * The forms in which a line may hold a secret: the whole text, and the password alone of a URL, as JSON
 * writes them.
 */
function formsOf(secret: string | undefined): string[] {
  if (secret === undefined) return [];
  const password = URL.canParse(secret) ? new URL(secret).password : "";
  return [secret, password, decoded(password)]
    .filter((form) => form !== "")
    .map((form) => JSON.stringify(form).slice(1, -1));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
