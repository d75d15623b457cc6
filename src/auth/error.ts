import { AppError } from "../errors.ts";

/** Why a credential is refused: for the audit log. The client is told less. */
export type CredentialProblem =
  /** Not `Bearer` with a token or key, or a token that cannot be read. */
  | "malformed"
  /** Not signed with a key that the service accepts. */
  | "badSignature"
  | "expired"
  /** For another service, by another issuer, or without a claim that is required. */
  | "badClaims"
  /** No such key exists. */
  | "unknownKey"
  | "revoked"
  /** The user whom it names does not exist (any more). */
  | "unknownUser";

/** What the client may be told: it has presented the credential, but may have guessed it. */
const MESSAGES: Partial<Record<CredentialProblem, string>> = {
  malformed: "Expected the header `Authorization: Bearer <token or API key>`.",
  expired: "The token or API key has expired.",
};

/**
 * The request's credential is not valid, or not any more: `UNAUTHENTICATED`, HTTP 401. A request without a
 * credential is a different case: it is anonymous, and may ask for what is public.
 */
export class CredentialError extends AppError {
  readonly problem: CredentialProblem;

  constructor(problem: CredentialProblem, cause?: unknown) {
    const message = MESSAGES[problem] ?? "The token or API key is not valid, or not any more.";
    super("UNAUTHENTICATED", message, cause === undefined ? {} : { cause });
    this.problem = problem;
  }
}
