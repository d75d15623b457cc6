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
  description: "Why nothing is served from the cache. Answers come from the database meanwhile.",
  values: {
    OFF: { value: "off", description: "It is turned off (`CACHE_ENABLED`)." },
    LOST: {
      value: "lost",
      description:
        "Redis or PostgreSQL was restarted or could not be reached; the cache is about to begin anew.",
    },
    QUIESCING: {
      value: "quiescing",
      description: "It begins anew, and waits for transactions that began before to end.",
    },
    LAGGING: {
      value: "lagging",
      description: "No instance has reported changes by others than the service for a second.",
    },
    NO_LEASE: { value: "no-lease", description: "PostgreSQL has not been heard of for a second." },
    UNREACHABLE: { value: "unreachable", description: "Redis does not answer." },
  } as const,
});

const CacheEpochState = builder.enumType("CacheEpochState", {
  description: "Where the epoch is in its life.",
  values: {
    LIVE: { value: "live", description: "Answers may be served from it." },
    RETIRING: { value: "retiring", description: "It has ended, and some may not have heard of it yet." },
    RETIRED: { value: "retired", description: "It has ended." },
    QUIESCING: { value: "quiescing", description: "It is about to begin." },
  } as const,
});

const CacheEpochType = builder.objectRef<CacheEpoch>("CacheEpoch").implement({
  description: "What is kept belongs to an epoch; with its end all of it is void.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name; a later epoch's begins with a higher number." }),
    state: t.expose("state", { type: CacheEpochState, description: "Where it is in its life." }),
    ageMs: t.exposeFloat("ageMs", {
      description: "For how long this instance has seen it in this state, in milliseconds.",
    }),
  }),
});

export const CacheStatusType = builder.objectRef<CacheStatus>("CacheStatus").implement({
  description: "Whether answers are served from the cache.",
  fields: (t) => ({
    isServing: t.boolean({
      description: "Whether they are, at this moment.",
      resolve: ({ obstacle }) => obstacle === undefined,
    }),
    obstacle: t.field({
      type: CacheObstacle,
      nullable: true,
      description: "Why they are not; null: they are.",
      resolve: ({ obstacle }) => obstacle ?? null,
    }),
    epoch: t.field({
      type: CacheEpochType,
      nullable: true,
      description: "The present epoch; null: PostgreSQL has not named one yet.",
      resolve: ({ epoch }) => epoch ?? null,
    }),
    pendingTransactions: t.int({
      nullable: true,
      description:
        "Writes that are about to be committed, or whose end is not known yet; what they touch is read from the database. Null: it cannot be told.",
      resolve: ({ pendingTransactions }) => pendingTransactions ?? null,
    }),
  }),
});
