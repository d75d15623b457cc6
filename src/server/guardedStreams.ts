import { type ExecutionResult, GraphQLError } from "graphql";
import { CredentialError } from "../auth/error.ts";
import type { Identify, Identity } from "../auth/identity.ts";
import type { CoherentStore } from "../coherence/store.ts";
import type { RequestContext } from "./context.ts";
import { ownerOf, type Streams } from "./streams.ts";

export interface GuardedStreamsOptions {
  readonly streams: Streams;
  readonly identify: Identify;
  readonly store: Pick<CoherentStore, "watch">;
  /** How long until the next attempt when a reader could not be identified, in ms. */
  readonly retryMs?: number;
}

/** Where a stream's values come from. */
export interface GuardedSource<Value> {
  /** As for `Streams.open`. */
  readonly pull: () => Promise<Value | undefined>;
  /** Makes a running `pull` end. May be called again. */
  readonly close: () => void;
  /** Called when the reader was identified anew: something about them has changed, or it was time to look again. */
  readonly onIdentified?: () => void;
}

export type GuardedStreams = ReturnType<typeof createGuardedStreams>;

const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Streams that end with the credential by which they were opened, also when no message comes. They end when
 * it expires, and when something that it depends on has changed and it is refused. The last message says so.
 * While the database is away, the credential cannot be checked, and they go on until it expires.
 */
export function createGuardedStreams(options: GuardedStreamsOptions) {
  const { streams, identify, store, retryMs = 2_000 } = options;
  /**
   * Identifications in flight, by credential: those of the same credential at the same time are one (single flight).
   */
  const asking = new Map<string, Promise<Identity>>();

  const identifyAgain = (authorization: string): Promise<Identity> => {
    let identity = asking.get(authorization);
    if (identity === undefined) {
      identity = identify(authorization).finally(() => asking.delete(authorization));
      asking.set(authorization, identity);
    }
    return identity;
  };

  function guard(
    first: RequestContext,
    onIdentified: () => void,
    onRefused: (error: CredentialError) => void,
  ) {
    const authorization = first.request.headers.get("authorization");
    let { identity } = first;
    let isOver = false;
    let isLooking = false;
    let disarm = () => {};
    if (authorization === null || identity.tags.length === 0) return () => {};

    const lookIn = (ms: number): (() => void) => {
      if (ms === Number.POSITIVE_INFINITY) return () => {};
      const timer = setTimeout(() => void look(), Math.min(Math.max(ms, 0), LONGEST_TIMER_MS)).unref();
      return () => clearTimeout(timer);
    };

    const arm = (): void => {
      const stopTimer = lookIn(identity.until - Date.now());
      const stopWatching = store.watch(identity.tags, identity.instant, () => void look());
      disarm = () => {
        stopTimer();
        stopWatching();
      };
    };

    const look = async (): Promise<void> => {
      // A second look at the same time would arm a second timer and watch, of which only one could be disarmed.
      // What changes meanwhile is not missed: the watch begins at the instant of the new identity.
      if (isLooking) return;
      isLooking = true;
      disarm();
      const found = await identifyAgain(authorization).then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      isLooking = false;
      if (isOver) return;
      if ("value" in found) {
        identity = found.value;
        arm();
        onIdentified();
        return;
      }
      const { error } = found;
      const { expiresAt } = identity.viewer!;
      if (error instanceof CredentialError) onRefused(error);
      else if (expiresAt !== null && expiresAt <= Date.now()) onRefused(new CredentialError("expired"));
      else disarm = lookIn(retryMs);
    };

    arm();
    return () => {
      isOver = true;
      disarm();
    };
  }

  return {
    /** @throws AppError `TOO_MANY_SUBSCRIPTIONS` */
    open<Value>(
      first: RequestContext,
      { pull, close, onIdentified = () => {} }: GuardedSource<Value>,
    ): AsyncIterableIterator<Value | ExecutionResult> {
      let refusal: CredentialError | undefined;
      let isTold = false;
      let endPull = () => {};
      let unguard = () => {};

      /** The refusal, as a message; once. */
      const lastMessage = (): ExecutionResult | undefined => {
        if (isTold || refusal === undefined) return undefined;
        isTold = true;
        const { message, code } = refusal;
        return { errors: [new GraphQLError(message, { extensions: { code } })] };
      };
      const refuse = (error: CredentialError): void => {
        refusal ??= error;
        endPull();
        close();
      };
      const pullGuarded = async (): Promise<Value | ExecutionResult | undefined> => {
        if (refusal !== undefined) return lastMessage();
        try {
          // Not a race with one promise for all messages: that promise would remember every one of them.
          const value = await new Promise<Value | undefined>((resolve, reject) => {
            endPull = () => resolve(undefined);
            pull().then(resolve, reject);
          });
          return refusal === undefined ? value : lastMessage();
        } catch (error) {
          // The next message was refused, as any other request with this credential would be.
          if (!(error instanceof CredentialError)) throw error;
          refuse(error);
          return lastMessage();
        }
      };

      const stream = streams.open<Value | ExecutionResult>(ownerOf(first), pullGuarded, () => {
        unguard();
        close();
      });
      unguard = guard(first, onIdentified, refuse);
      return stream;
    },
  };
}
