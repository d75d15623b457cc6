import { LRUCache } from "lru-cache";
import type { Viewer } from "../auth/viewer.ts";
import { networkOf } from "./clientAddress.ts";
import { createMemoryBucket, type TakeFromBucket } from "./tokenBucket.ts";

/** Whose allowance a request is charged to. */
export interface RateSubject {
  readonly policy: "viewer" | "stranger";
  /** The policy, and the viewer's id or the stranger's network. */
  readonly name: string;
}

export interface RateDecision {
  readonly subject: RateSubject;
  /** Units per minute. */
  readonly limit: number;
  readonly isAdmitted: boolean;
  /** Units that are left, as far as this instance knows. */
  readonly remaining: number;
  /** Seconds until there are enough units for the same request; 0 when it was admitted. */
  readonly retryAfterSeconds: number;
}

export interface RateLimiterOptions {
  /** Units per minute; 0: no limit. */
  readonly limits: Readonly<Record<RateSubject["policy"], number>>;
  /** The buckets that all instances share; rejects when they cannot be reached. Undefined: there is one instance. */
  readonly shared: TakeFromBucket | undefined;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

/** What this instance knows of one subject. */
interface Account {
  readonly subject: RateSubject;
  /** Units that were taken out of the bucket in advance. */
  leased: number;
  leaseEndsAt: number;
  /** Units in the bucket when it was last asked. */
  inBucket: number;
  seenAt: number;
  /** No request of at least this cost can be admitted before `until`. */
  refused: { readonly cost: number; readonly until: number } | undefined;
  refilling: Promise<void> | undefined;
}

export type RateLimiter = ReturnType<typeof createRateLimiter>;

const WINDOW_MS = 60_000;
/** An instance takes a hundredth of the limit out of the bucket at a time. */
const LEASE_PART = 100;
const MAX_ACCOUNTS = 100_000;

/**
 * Token buckets: each subject may spend `limit` units at once, and gets them back over a minute.
 *
 * Instances share the buckets. An instance does not ask them for every request: it leases a hundredth of the
 * limit at a time, and spends that. Leased units are gone from the bucket, so all instances together never
 * admit more than the buckets hold. In any span of time, N instances admit at most
 * `limit + limit × minutes + N × (limit / 100)`. The last part is what they had leased before. A lease ends
 * after a minute. While the shared buckets cannot be reached, each instance uses its own, and N instances
 * admit up to N times as much.
 *
 * Refusing costs nothing: until the bucket can hold enough again, no bucket is asked.
 */
export function createRateLimiter({ limits, shared, now = () => performance.now() }: RateLimiterOptions) {
  const own = createMemoryBucket({ maxBuckets: MAX_ACCOUNTS, now });
  const accounts = new LRUCache<string, Account>({ max: MAX_ACCOUNTS });

  const decided = { viewer: { admitted: 0, refused: 0 }, stranger: { admitted: 0, refused: 0 } };

  const accountOf = (subject: RateSubject): Account => {
    let account = accounts.get(subject.name);
    if (account === undefined) {
      account = {
        subject,
        leased: 0,
        leaseEndsAt: 0,
        inBucket: limits[subject.policy],
        seenAt: now(),
        refused: undefined,
        refilling: undefined,
      };
      accounts.set(subject.name, account);
    }
    return account;
  };

  const spend = (account: Account, cost: number, at: number): boolean => {
    if (account.leased < cost || account.leaseEndsAt < at) return false;
    account.leased -= cost;
    return true;
  };

  const waitMs = ({ refused }: Account, cost: number, at: number): number =>
    refused !== undefined && cost >= refused.cost && refused.until > at ? refused.until - at : 0;

  const refill = async (account: Account, cost: number): Promise<void> => {
    const { subject } = account;
    const capacity = limits[subject.policy];
    if (account.leaseEndsAt < now()) account.leased = 0;
    const needed = cost - account.leased;
    const request = {
      key: subject.name,
      capacity,
      windowMs: WINDOW_MS,
      needed,
      wanted: needed + Math.ceil(capacity / LEASE_PART) - 1,
    };
    const { granted, left } = await (shared?.(request).catch(() => own(request)) ?? own(request));
    const at = now();
    account.leased += granted;
    account.leaseEndsAt = at + WINDOW_MS;
    account.inBucket = left;
    account.seenAt = at;
    account.refused =
      granted > 0 ? undefined : { cost, until: at + Math.ceil(((needed - left) * WINDOW_MS) / capacity) };
  };

  const decision = (account: Account, isAdmitted: boolean, retryAfterMs: number): RateDecision => {
    const { subject, leased, inBucket, seenAt } = account;
    decided[subject.policy][isAdmitted ? "admitted" : "refused"]++;
    const limit = limits[subject.policy];
    const remaining = Math.floor(leased + inBucket + ((now() - seenAt) * limit) / WINDOW_MS);
    return {
      subject,
      limit,
      isAdmitted,
      remaining: Math.max(0, Math.min(limit, remaining)),
      retryAfterSeconds: Math.ceil(retryAfterMs / 1_000),
    };
  };

  /** A cost is at most the limit: a request that costs more would never be admitted. */
  const payable = (subject: RateSubject, cost: number) => Math.min(cost, limits[subject.policy]);

  return {
    /** How many requests were admitted and refused since the start, by policy. */
    statistics: (): Readonly<typeof decided> => decided,

    /** Undefined: the policy has no limit, or the sender is a stranger without an address. */
    subjectOf(viewer: Viewer | null, address: string | undefined): RateSubject | undefined {
      const policy = viewer === null ? "stranger" : "viewer";
      if (limits[policy] === 0 || (viewer === null && address === undefined)) return undefined;
      return { policy, name: `${policy}:${viewer === null ? networkOf(address!) : viewer.userId}` };
    },

    /** Admits the request if this instance has leased enough; undefined: call `take`. */
    takeAtOnce(subject: RateSubject, cost: number): RateDecision | undefined {
      const account = accountOf(subject);
      return spend(account, payable(subject, cost), now()) ? decision(account, true, 0) : undefined;
    },

    /** The refusal, if the subject is known to have nothing left. Asks no bucket, and costs nothing. */
    exhausted(subject: RateSubject): RateDecision | undefined {
      const account = accounts.get(subject.name);
      if (account === undefined || account.leased >= 1) return undefined;
      const ms = waitMs(account, 1, now());
      return ms > 0 ? decision(account, false, ms) : undefined;
    },

    /** Admits or refuses the request. Never rejects. */
    async take(subject: RateSubject, wanted: number): Promise<RateDecision> {
      const cost = payable(subject, wanted);
      const account = accountOf(subject);
      for (;;) {
        const at = now();
        if (spend(account, cost, at)) return decision(account, true, 0);
        const ms = waitMs(account, cost, at);
        if (ms > 0) return decision(account, false, ms);
        // Single flight, so that many requests at once do not lease many shares.
        account.refilling ??= refill(account, cost).finally(() => {
          account.refilling = undefined;
        });
        await account.refilling;
      }
    },
  };
}
