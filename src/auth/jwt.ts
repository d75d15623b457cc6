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
  /** When it stops being accepted, the clocks' skew included, in ms since 1970. */
  readonly expiresAt: number;
}

export type VerifyToken = (token: string) => Promise<VerifiedToken>;

/** Public keys alone: with a symmetric algorithm a provider's public key would sign tokens. */
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
  /** After the provider's keys were read, so long no unknown key is a reason to read them again, in ms. */
  readonly jwksCooldownMs?: number;
}

/**
 * Verifies JSON Web Tokens (RFC 7519): signed with our secret (HS256), or with a key of the identity
 * provider's. A provider's keys are read again when a token names one that is not known, and every ten minutes.
 *
 * The subject is a user of ours, `User:<uuid>` or the uuid alone. What else the token says of them
 * does not count.
 *
 * The function rejects with `CredentialError` for a token that is not valid, and with AppError
 * `SERVICE_UNAVAILABLE` when the provider's keys cannot be had.
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
    // The algorithm says whose token it is; the key then decides whether that is so.
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
    // Safe: `exp` is among the claims that are required.
    return { userId, id: jti ?? null, expiresAt: exp! * 1_000 + clockSkewMs };
  };
}

/** Signs a token for a user of ours, as `createTokenVerifier` with the same settings verifies it. */
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

/** The provider's keys. That they cannot be had is nothing that is wrong with a token. */
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
