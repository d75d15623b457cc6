import { StackConverterError } from "../sdk/index.ts";

/** What the user can mend: the message is all that is shown of it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code = "COMMAND_FAILED";
}

/** The error, with what to do when it is that no service answers. */
export function withHint(error: unknown): unknown {
  const isUnreachable = error instanceof StackConverterError && error.code === "NETWORK_ERROR";
  if (!isUnreachable) return error;
  const hint = `${error.message} Is the service running? \`npm start\` starts one; --url names another.`;
  return new StackConverterError(error.code, hint, { cause: error });
}
