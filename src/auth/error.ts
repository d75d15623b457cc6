import { AppError } from "../errors.ts";

/** Why a credential is refused: for the audit log. Whoever sent it is told less. */
export type CredentialProblem =
  /** Not `Bearer` with a token or key. */
  | "malformed"
  /** Not signed with a key of ours. */
  | "badSignature"
  | "expired"
  /** Not for this service, not by its issuer, or without what a token must say. */
  | "badClaims"
  /** There is no such key. */
  | "unknownKey"
  | "revoked"
  /** Its user is gone. */
  | "unknownUser";

/** What whoever sent it may know: it has shown the credential, but perhaps guessed it. */
const MESSAGES: Partial<Record<CredentialProblem, string>> = {
  malformed: "Expected the header `Authorization: Bearer <token or API key>`.",
  expired: "The token or API key has expired.",
};

/**
 * The request's credential is not valid, or not any more: `UNAUTHENTICATED`, HTTP 401. A request
 * without a credential is another thing: it is nobody's, and may ask for what is public.
 */
export class CredentialError extends AppError {
  readonly problem: CredentialProblem;

  constructor(problem: CredentialProblem, cause?: unknown) {
    const message = MESSAGES[problem] ?? "The token or API key is not valid, or not any more.";
    super("UNAUTHENTICATED", message, cause === undefined ? {} : { cause });
    this.problem = problem;
  }
}
