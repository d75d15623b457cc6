import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT,
} from "jose";
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";
import { CredentialError, type CredentialProblem } from "./error.ts";

/** What a verified token says. */
export interface VerifiedToken {
  readonly userId: string;
  readonly id: string | null;
  /** When the token stops being accepted, including the clock skew, in ms since 1970. */
  readonly expiresAt: number;
}

export type VerifyToken = (token: string) => Promise<VerifiedToken>;

/** Asymmetric algorithms alone: with a symmetric one, anybody could sign tokens with the provider's public key. */
const PROVIDER_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const SUBJECT = /^(?:User:)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

export interface JwtOptions extends Readonly<Config["auth"]> {
  /** After fetching the provider's keys, an unknown key id causes no further fetch for this long, in ms. */
  readonly jwksCooldownMs?: number;
}

/**
 * Verifies JSON Web Tokens (RFC 7519) that are signed with our secret (HS256) or with one of the identity
 * provider's keys. The provider's keys are fetched again when a token names an unknown key, and every ten minutes.
 *
 * The subject is one of our users, `User:<uuid>` or the uuid alone. Anything else that the token says about
 * the user is ignored.
 *
 * The function rejects with `CredentialError` for a token that is not valid, and with AppError
 * `SERVICE_UNAVAILABLE` when the provider's keys cannot be fetched.
 */
export function createTokenVerifier(options: JwtOptions): VerifyToken {
  const { jwtSecret, jwksUrl, issuer, audience, clockSkewMs, jwksCooldownMs = 30_000 } = options;
  const secret = jwtSecret === undefined ? undefined : new TextEncoder().encode(jwtSecret);
  const providerKeys = jwksUrl === undefined ? undefined : createProviderKeys(jwksUrl, jwksCooldownMs);
  const rules = {
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
    clockTolerance: clockSkewMs / 1_000,
    requiredClaims: ["sub", "exp"],
  };

  async function payloadOf(token: string): Promise<JWTPayload> {
    // The algorithm only claims who signed the token; verifying it with that party's key decides.
    const isOwn = decodeProtectedHeader(token).alg === "HS256";
    if (isOwn && secret !== undefined)
      return (await jwtVerify(token, secret, { ...rules, algorithms: ["HS256"] })).payload;
    if (!isOwn && providerKeys !== undefined)
      return (await jwtVerify(token, providerKeys, { ...rules, algorithms: PROVIDER_ALGORITHMS })).payload;
    throw new CredentialError("badSignature");
  }

  return async (token) => {
    const { sub, jti, exp } = await payloadOf(token).catch((error: unknown) => {
      throw error instanceof AppError ? error : new CredentialError(problemOf(error), error);
    });
    const userId = SUBJECT.exec(sub ?? "")?.[1]?.toLowerCase();
    if (userId === undefined) throw new CredentialError("badClaims");
    // Safe: `exp` is one of the required claims.
    return { userId, id: jti ?? null, expiresAt: exp! * 1_000 + clockSkewMs };
  };
}

/** Signs a token for one of our users, which `createTokenVerifier` with the same settings accepts. */
export function signToken(
  {
    jwtSecret,
    issuer,
    audience,
  }: Pick<Config["auth"], "issuer" | "audience"> & { readonly jwtSecret: string },
  { userId, lifetimeSeconds, id }: { userId: string; lifetimeSeconds: number; id: string },
): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const token = new SignJWT()
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(`User:${userId}`)
    .setJti(id)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + lifetimeSeconds);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(jwtSecret));
}

/** The provider's keys. Failing to fetch them is an outage, not a fault of the token. */
function createProviderKeys(url: string, cooldownDuration: number): JWTVerifyGetKey {
  const keyOf = createRemoteJWKSet(new URL(url), { cooldownDuration });
  return async (header, token) => {
    try {
      return await keyOf(header, token);
    } catch (error) {
      const isAnswer =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys ||
        error instanceof errors.JOSENotSupported;
      if (isAnswer) throw error;
      const message = "Tokens cannot be verified now: the identity provider's keys cannot be had.";
      throw new AppError("SERVICE_UNAVAILABLE", message, { cause: error });
    }
  };
}

function problemOf(error: unknown): CredentialProblem {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) return "badClaims";
  const isUnsigned =
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported;
  return isUnsigned ? "badSignature" : "malformed";
}
