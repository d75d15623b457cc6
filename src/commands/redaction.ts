/** Fields of a log line whose values nobody needs to read. */
const SECRET_FIELDS =
  /"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|api-?key|password|secret|token|accessToken|access_token)":"(?:[^"\\]|\\.)*"/gi;
/** Credentials wherever they stand, in messages and stack traces too: in URLs, and after a scheme's name. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s/"\\]*@/gi;
const URL_TOKEN = /([?&](?:access_token|api_key|apikey|key|password|secret|token)=)[^&\s"\\]+/gi;
const SCHEME = /\b(Bearer|Basic) [\w~+/.=-]{6,}/gi;
/** API keys (src/auth/apiKey.ts) and JSON Web Tokens, by what they look like. */
const CREDENTIAL = /\bsck_[\w-]{43}|\beyJ[\w-]{6,}(?:\.[\w-]+){2}/g;

/** Something without which none of these is in a line: to look for that first is a quarter of the work, and hardly any line has it. */
const SUSPICIOUS =
  /authorization|cookie|api-?key|password|secret|token|access_|:\/\/|[?&]\w+=|\b(?:bearer|basic) |\bsck_|\beyJ/i;

/** Shorter ones are parts of ordinary words, and no secrets. */
const MIN_SECRET_LENGTH = 6;

/**
 * Takes secrets out of a line of the log: those that are known, and what looks like one. Whatever is logged
 * may hold some, such as a database's error with its connection string in it.
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

/** A secret as it may stand in a line: a URL whole and its password alone, each as JSON writes it. */
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
