import { timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { CacheLifetimes } from "../cacheKinds.ts";
import { Dependencies } from "../coherence/dependencies.ts";
import type { CoherentStore } from "../coherence/store.ts";
import { withTypeTags } from "../coherence/tags.ts";
import type { Instant } from "../coherence/validator.ts";
import { createLoaders, type Loaders } from "../loaders.ts";
import type { Repositories } from "../repositories/index.ts";
import { digestOf, isApiKey } from "./apiKey.ts";
import { CredentialError } from "./error.ts";
import type { VerifiedToken, VerifyToken } from "./jwt.ts";
import { API_KEY_SCOPES, type Viewer, viewerOf } from "./viewer.ts";

/** Who sent a request, and how long that may be relied on. */
export interface Identity {
  readonly viewer: Viewer | null;
  /**
   * The tags (src/coherence/tags.ts) of everything that it depends on. Identities with equal tags share the array.
   */
  readonly tags: readonly string[];
  /**
   * An instant at which the identity held. Undefined: the store could tell none, so only this request may
   * rely on it.
   */
  readonly instant: Instant | undefined;
  /** When the identity has to be established again although no tag has changed, in ms since 1970. */
  readonly until: number;
}

/** Identifies a request's sender from its `Authorization` header. Without one, the sender is anonymous. */
export type Identify = (authorization: string | null) => Promise<Identity>;

export interface AuthenticatorOptions {
  readonly verify: VerifyToken;
  readonly repositories: Repositories;
  readonly store: Pick<CoherentStore, "areKept" | "getMany" | "hasReplicas" | "instant" | "isCurrent">;
  readonly ttlMs: CacheLifetimes;
  /** Called with a key's id when a request has used it. */
  readonly onKeyUse?: (id: string) => void;
  /** In ms since 1970. */
  readonly now?: () => number;
}

/**
 * The longest `Authorization` header that is read. Tokens that carry their signing key's certificates stay below it.
 */
const MAX_LENGTH = 8_192;
const BEARER = /^Bearer +([\w\-.~+/]+=*)$/i;
/** Entries that each LRU cache below holds; of verified tokens, that is 3 MB. */
const MAX_REMEMBERED = 10_000;
/**
 * How long a verified token is trusted before it is verified again, in ms. A withdrawn signing key counts no longer.
 */
const RECHECK_MS = 300_000;

/** A viewer whose identity needs no check, or nobody (null). It depends on nothing and does not expire. */
export const identityOf = (viewer: Viewer | null): Identity => ({
  viewer,
  tags: [],
  instant: undefined,
  until: Number.POSITIVE_INFINITY,
});
const STRANGER = identityOf(null);

/** Whether an identity that held at `since` still holds at the store's current instant, and has not expired. */
export function isStill(
  { tags, until }: Identity,
  since: Instant | undefined,
  store: Pick<CoherentStore, "isCurrent">,
  now = Date.now(),
): boolean {
  if (tags.length === 0) return true;
  return since !== undefined && now < until && store.isCurrent(since, tags);
}

/**
 * Identifies a request's sender: the bearer of a token (jwt.ts) or of an API key (apiKey.ts).
 *
 * Tokens that were verified are remembered by their digest, because verifying a signature takes longer than
 * all the rest. The user with their role, and the key, are read through the coherent store, and again as soon
 * as the store reports a change to one of them. So a demotion, a deletion or a revocation takes effect at
 * once, on every instance.
 *
 * The function rejects with `CredentialError` for a credential that is not valid, and as reads do when the
 * database is away.
 */
export function createAuthenticator(options: AuthenticatorOptions): Identify {
  const { verify, repositories, store, ttlMs, onKeyUse = () => {}, now = Date.now } = options;
  const verified = new LRUCache<string, VerifiedToken & { readonly until: number }>({ max: MAX_REMEMBERED });
  /**
   * By the credential's digest. An identity holds from its instant on, until something that it depends on changes.
   */
  const identities = new LRUCache<string, Identity>({ max: MAX_REMEMBERED });
  const tagLists = new LRUCache<string, readonly string[]>({ max: MAX_REMEMBERED });

  async function verifiedToken(token: string, digest: string) {
    const remembered = verified.get(digest);
    if (remembered !== undefined && now() < remembered.until) return remembered;
    verified.delete(digest);
    const found = await verify(token);
    const fresh = { ...found, until: Math.min(found.expiresAt, now() + RECHECK_MS) };
    verified.set(digest, fresh);
    return fresh;
  }

  async function bearerOfToken(token: string, digest: string, loaders: Loaders) {
    const { userId, id, expiresAt, until } = await verifiedToken(token, digest);
    const user = await loaders.userById.load(userId);
    if (user === null) throw new CredentialError("unknownUser");
    const credential = { kind: "token", id } as const;
    return { viewer: { ...viewerOf(userId, user.role), credential, expiresAt }, until };
  }

  async function bearerOfKey(digest: string, loaders: Loaders) {
    const key = await loaders.apiKeyByHash.load(digest);
    if (key === null || !timingSafeEqual(Buffer.from(key.hash), Buffer.from(digest)))
      throw new CredentialError("unknownKey");
    if (key.revokedAt !== null) throw new CredentialError("revoked");
    const expiresAt = key.expiresAt?.getTime() ?? null;
    if (expiresAt !== null && expiresAt <= now()) throw new CredentialError("expired");
    const user = await loaders.userById.load(key.userId);
    if (user === null) throw new CredentialError("unknownUser");
    const viewer: Viewer = {
      ...viewerOf(user.id, user.role),
      // Scopes that only a later version of this service knows are dropped.
      scopes: API_KEY_SCOPES.filter((scope) => key.scopes.includes(scope)),
      credential: { kind: "apiKey", id: key.id },
      expiresAt,
    };
    return { viewer, until: expiresAt ?? Number.POSITIVE_INFINITY };
  }

  /** One array for equal tags: watchers of the same array share their place in the watchers' index. */
  function shared(tags: Iterable<string>): readonly string[] {
    const name = [...tags].join(" ");
    let list = tagLists.get(name);
    if (list === undefined) {
      list = withTypeTags([...tags]);
      tagLists.set(name, list);
    }
    return list;
  }

  async function identityOfBearer(
    bearer: string,
    digest: string,
    instant: Instant | undefined,
  ): Promise<Identity> {
    const reads = new Dependencies();
    const loaders = createLoaders(repositories, { reads, store, ttlMs, begun: () => instant });
    const found = await (isApiKey(bearer)
      ? bearerOfKey(digest, loaders)
      : bearerOfToken(bearer, digest, loaders));
    return { ...found, tags: shared(reads.all()), instant };
  }

  return async (authorization) => {
    if (authorization === null) return STRANGER;
    const bearer = authorization.length > MAX_LENGTH ? undefined : BEARER.exec(authorization)?.[1];
    if (bearer === undefined) throw new CredentialError("malformed");
    const digest = digestOf(bearer);
    const instant = await store.instant();
    const known = identities.get(digest);
    const identity =
      known !== undefined && isStill(known, known.instant, store, now())
        ? { ...known, instant }
        : await identityOfBearer(bearer, digest, instant);
    // Without an instant, a later request could not tell whether the identity still holds.
    if (instant !== undefined) identities.set(digest, identity);
    const { viewer } = identity;
    if (viewer?.credential?.kind === "apiKey") onKeyUse(viewer.credential.id!);
    return identity;
  };
}
