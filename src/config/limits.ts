import { z } from "zod";
import { count, flag, isNetwork, list, variable } from "./variable.ts";

/** How much one client may ask for, and which documents, origins and proxies are accepted. */
export const limitVariables = {
  MAX_TOKENS: variable(
    count(10, 1_000_000),
    "The most tokens (words and marks) of a document, and the most comments.",
    {
      default: "2000",
    },
  ),
  MAX_DEPTH: variable(count(1, 1_000), "The most levels of fields in an operation.", { default: "16" }),
  MAX_ALIASES: variable(count(0, 100_000), "The most aliases in an operation.", { default: "100" }),
  MAX_DIRECTIVES: variable(count(0, 100_000), "The most directives in an operation.", { default: "50" }),
  MAX_ROOT_FIELDS: variable(count(1, 100_000), "The most fields at an operation's top.", { default: "50" }),
  MAX_COMPLEXITY: variable(
    count(1, 1_000_000_000),
    "The most values that an operation may ask for; lists count as often as `first` says.",
    { default: "50000" },
  ),
  MAX_LIST_SIZE: variable(count(1, 10_000_000), "The most items of a list in an operation's input.", {
    default: "10000",
  }),
  MAX_VARIABLE_VALUES: variable(count(1, 100_000_000), "The most values in all variables together.", {
    default: "200000",
  }),
  COMPILE_AFTER: variable(
    count(0, 1_000_000),
    "How often a query is executed before it is compiled, which pays from some 10 times on; 0: none is.",
    { default: "10" },
  ),
  MAX_EXECUTION_TIME: variable(
    count(1, 86_400_000),
    "How long a query may take, in ms; then its SQL is cancelled. Writes are finished.",
    { default: "15000" },
  ),
  RATE_LIMIT: variable(
    count(0, 1_000_000_000),
    "Units a minute for a viewer: 1 for a request, and 1 for each 100 of its complexity. 0: no limit.",
    { default: "60000" },
  ),
  RATE_LIMIT_STRANGERS: variable(
    count(0, 1_000_000_000),
    "The same for an address of which nobody has said who they are (an IPv6 network of /64 is one).",
    { default: "12000" },
  ),
  TRUSTED_DOCUMENTS_ONLY: variable(flag, "Run only operations of the SDK and of `TRUSTED_DOCUMENTS_FILE`.", {
    default: "false",
  }),
  TRUSTED_DOCUMENTS_FILE: variable(
    z.string().min(1),
    'More trusted documents: a JSON file, `{"sha256:…": "query …"}`, as the client preset writes them.',
  ),
  MAX_PERSISTED_QUERIES: variable(
    count(0, 1_000_000),
    "How many documents clients may register by Apollo's protocol; the oldest make room. 0: none.",
    { default: "1000" },
  ),
  INTROSPECTION: variable(flag, "Tell clients the schema. Unset: where GraphiQL is served."),
  CORS_ORIGINS: variable(
    list(
      (text) => text === "*" || (URL.canParse(text) && new URL(text).origin === text),
      "expected origins such as https://app.example.com, or *",
    ),
    "Origins whose pages may ask, with commas. Unset: those on this machine, in production none.",
  ),
  TRUST_PROXY: variable(
    list(isNetwork, "expected addresses and networks such as 10.0.0.0/8, or loopback"),
    "Proxies whose `X-Forwarded-For` and `-Proto` count: addresses and networks, or `loopback`, with commas.",
  ),
  HEADERS_TIMEOUT: variable(count(1, 3_600_000), "How long a request's head may take to arrive, in ms.", {
    default: "20000",
  }),
  REQUEST_TIMEOUT: variable(
    count(1, 3_600_000),
    "How long a whole request may take to arrive, in ms; no less than the head.",
    { default: "60000" },
  ),
  MAX_HEADER_BYTES: variable(count(1_024, 1_048_576), "The longest head of a request, in bytes.", {
    default: "16384",
  }),
  MAX_CONNECTIONS: variable(
    count(1, 1_000_000),
    "Connections at most; more are closed at once. Every subscription holds one.",
    { default: "20000" },
  ),
} as const;
