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

/** Who sends a request, and how long one may rely on that. */
export interface Identity {
  readonly viewer: Viewer | null;
  /** What it depends on, in the words of src/coherence/tags.ts. Callers with the same share the array. */
  readonly tags: readonly string[];
  /** An instant at which it was so. Undefined: nothing can be said, so only this request may rely on it. */
  readonly instant: Instant | undefined;
  /** When it has to be asked again although nothing has changed, in ms since 1970. */
  readonly until: number;
}

/** Says who sends a request, by its `Authorization`; nobody in particular without one. */
export type Identify = (authorization: string | null) => Promise<Identity>;

export interface AuthenticatorOptions {
  readonly verify: VerifyToken;
  readonly repositories: Repositories;
  readonly store: Pick<CoherentStore, "areKept" | "getMany" | "hasReplicas" | "instant" | "isCurrent">;
  readonly ttlMs: CacheLifetimes;
  /** An API key was used. */
  readonly onKeyUse?: (id: string) => void;
  /** In ms since 1970. */
  readonly now?: () => number;
}

/** A longer one is no credential; signing keys with their certificates stay below it. */
const MAX_LENGTH = 8_192;
const BEARER = /^Bearer +([\w\-.~+/]+=*)$/i;
/** Verified tokens that are remembered: 3 MB of them. */
const MAX_REMEMBERED = 10_000;
/** A signing key that was withdrawn counts for so long at most, in ms. */
const RECHECK_MS = 300_000;

/** Somebody whose word is not to be doubted, or nobody. */
export const identityOf = (viewer: Viewer | null): Identity => ({
  viewer,
  tags: [],
  instant: undefined,
  until: Number.POSITIVE_INFINITY,
});
const STRANGER = identityOf(null);

/** Whether what was so at `since` is so at the instant that the store has just told, and has not run out. */
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
 * Says who sends a request: the bearer of a token (jwt.ts) or of an API key (apiKey.ts).
 *
 * That a token is genuine is remembered by its digest, for verifying a signature takes longer than the rest.
 * Everything else is read through the coherent store: the user with their role, and the key; and again as soon as the
 * store tells that one of them has changed. So a demotion, a deletion and a revocation count at once, on every instance.
 *
 * Rejects with `CredentialError` for a credential that is not valid, and as reads do when the database is away.
 */
export function createAuthenticator(options: AuthenticatorOptions): Identify {
  const { verify, repositories, store, ttlMs, onKeyUse = () => {}, now = Date.now } = options;
  const verified = new LRUCache<string, VerifiedToken & { readonly until: number }>({ max: MAX_REMEMBERED });
  /** By the digest of the credential: as it was at an instant, which counts while nothing that it depends on has changed. */
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
      // Scopes of a later version of this service are none of this one's.
      scopes: API_KEY_SCOPES.filter((scope) => key.scopes.includes(scope)),
      credential: { kind: "apiKey", id: key.id },
      expiresAt,
    };
    return { viewer, until: expiresAt ?? Number.POSITIVE_INFINITY };
  }

  /** Watchers of the same array share their place in the index. */
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
    // Of what nothing can be said there is nothing to remember.
    if (instant !== undefined) identities.set(digest, identity);
    const { viewer } = identity;
    if (viewer?.credential?.kind === "apiKey") onKeyUse(viewer.credential.id!);
    return identity;
  };
}
