import { StackConverterError } from "../sdk/index.ts";

/** An error that the user can fix: only its message is shown. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code = "COMMAND_FAILED";
}

const HINTS: Readonly<Record<string, string>> = {
  NETWORK_ERROR: "Is the service running? `npm start` starts one; --url names another.",
  UNAUTHENTICATED: "Send a token or an API key: --token, or STACK_CONVERTER_TOKEN.",
};

/** Adds advice to the error if no service answers, or if the service does not know who asks. */
export function withHint(error: unknown): unknown {
  if (!(error instanceof StackConverterError)) return error;
  const hint = HINTS[error.code];
  if (hint === undefined) return error;
  return new StackConverterError(error.code, `${error.message} ${hint}`, { cause: error });
}
