import { builder } from "./builder.ts";

/** Whether the cache serves. */
export interface CacheStatus {
  readonly obstacle: "lost" | "quiescing" | "lagging" | "off" | "no-lease" | "unreachable" | undefined;
  readonly epoch: CacheEpoch | undefined;
  readonly pendingTransactions: number | undefined;
}

interface CacheEpoch {
  readonly name: string;
  readonly state: "live" | "retiring" | "retired" | "quiescing";
  readonly ageMs: number;
}

const CacheObstacle = builder.enumType("CacheObstacle", {
  description: "Why nothing is served from the cache. Meanwhile answers come from the database.",
  values: {
    OFF: { value: "off", description: "The cache is turned off (`CACHE_ENABLED`)." },
    LOST: {
      value: "lost",
      description:
        "Redis or PostgreSQL was restarted or could not be reached. The cache is about to begin a new epoch.",
    },
    QUIESCING: {
      value: "quiescing",
      description: "A new epoch is beginning. It waits for transactions that began earlier to end.",
    },
    LAGGING: {
      value: "lagging",
      description: "For a second, no instance has reported changes by programs other than the service.",
    },
    NO_LEASE: { value: "no-lease", description: "This instance has not heard from PostgreSQL for a second." },
    UNREACHABLE: { value: "unreachable", description: "Redis does not answer." },
  } as const,
});

const CacheEpochState = builder.enumType("CacheEpochState", {
  description: "The state of an epoch.",
  values: {
    LIVE: { value: "live", description: "Answers may be served from the epoch." },
    RETIRING: {
      value: "retiring",
      description: "The epoch has ended, but some instances may not have heard of it yet.",
    },
    RETIRED: { value: "retired", description: "The epoch has ended." },
    QUIESCING: { value: "quiescing", description: "The epoch is about to begin." },
  } as const,
});

const CacheEpochType = builder.objectRef<CacheEpoch>("CacheEpoch").implement({
  description: "An epoch of the cache. Every cached answer belongs to one, and becomes invalid when it ends.",
  fields: (t) => ({
    name: t.exposeString("name", {
      description: "The epoch's name. The name of a later epoch begins with a higher number.",
    }),
    state: t.expose("state", { type: CacheEpochState, description: "The epoch's state." }),
    ageMs: t.exposeFloat("ageMs", {
      description: "For how long this instance has seen the epoch in this state, in milliseconds.",
    }),
  }),
});

export const CacheStatusType = builder.objectRef<CacheStatus>("CacheStatus").implement({
  description: "Whether answers are served from the cache, and what keeps them from it.",
  fields: (t) => ({
    isServing: t.boolean({
      description: "Whether answers are served from the cache at this moment.",
      resolve: ({ obstacle }) => obstacle === undefined,
    }),
    obstacle: t.field({
      type: CacheObstacle,
      nullable: true,
      description: "Why no answers are served from the cache; null if they are.",
      resolve: ({ obstacle }) => obstacle ?? null,
    }),
    epoch: t.field({
      type: CacheEpochType,
      nullable: true,
      description: "The current epoch; null if this instance has not learned it from PostgreSQL yet.",
      resolve: ({ epoch }) => epoch ?? null,
    }),
    pendingTransactions: t.int({
      nullable: true,
      description:
        "The number of writes that are about to be committed, or whose outcome is not known yet. What they touch is read from the database. Null if the number is not known.",
      resolve: ({ pendingTransactions }) => pendingTransactions ?? null,
    }),
  }),
});
