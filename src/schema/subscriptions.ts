import { notFound, validationFailed } from "../errors.ts";
import type { JobNews } from "../jobs/jobFeed.ts";
import { builder } from "./builder.ts";
import { ConversionJob } from "./conversionJob.ts";
import { ConversionJobEvent } from "./conversionJobEvent.ts";
import { parseIdOf } from "./nodeId.ts";
import { demand } from "./rules.ts";

builder.subscriptionType({
  description:
    "The root of all subscriptions: what can be followed over server-sent events (`accept: text/event-stream`). A stream has at most ten messages a second. Each carries everything that has happened since the previous one.",
});

const ConversionJobNews = builder.objectRef<JobNews>("ConversionJobNews").implement({
  description: "What has happened to a conversion job since the previous message.",
  fields: (t) => ({
    events: t.expose("events", {
      type: [ConversionJobEvent],
      description: "All events since the previous message, oldest first: 1 to 1,000.",
    }),
    cursor: t.exposeInt("cursor", {
      description:
        "The sequence number of the last of these events. Pass it as `after` to continue from here, on any instance, without a gap or a repetition.",
    }),
    job: t.field({
      type: ConversionJob,
      nullable: true,
      description: "The job as it is now, which may be later than the last event. Null if it was deleted.",
      resolve: ({ jobId }, _, { loaders }) => loaders.conversionJobById.load(jobId),
    }),
  }),
});

builder.subscriptionField("conversionJobEvents", (t) =>
  t.field({
    authScopes: { reader: true },
    type: ConversionJobNews,
    description:
      "The events of a conversion job: first those that exist already, then each new one as it happens. No event is left out; several at once come in one message. The stream completes when the job is `COMPLETED`, `FAILED`, `CANCELLED` or deleted and all of its events were sent. To follow the retry of a failed job, subscribe again. A stream that ends without `complete` was cut off: subscribe again with the last `cursor`.",
    args: {
      jobId: t.arg.id({ required: true, description: "The job's id." }),
      after: t.arg.int({
        description:
          "Sends only events after the one with this sequence number, such as the `cursor` of the last message. The default is to send all events. A `Last-Event-ID` header, which browsers send when they reconnect, takes precedence.",
      }),
    },
    subscribe: async (_, { jobId: nodeId, after: asked }, { viewer, loaders, feeds, lastEventId }) => {
      // The field's rule is checked for every message. This is for a subscriber who gets none.
      demand("reader", viewer);
      const jobId = parseIdOf("ConversionJob", nodeId, ["jobId"]);
      const after = sequenceOf(lastEventId) ?? asked;
      if (after != null && after < 0) {
        throw validationFailed([{ path: ["after"], message: `expected 0 or more, got ${after}` }]);
      }
      if ((await loaders.conversionJobById.load(jobId)) === null) throw notFound("ConversionJob", nodeId);
      return feeds.jobs.follow(jobId, after ?? 0);
    },
    resolve: async (news, _, { access, loaders }) => {
      // The subscriber may have lost access to the job since. The stream ends as if the job had been deleted.
      if (access.to !== "everything" && (await loaders.conversionJobById.load(news.jobId)) === null)
        throw notFound("ConversionJob", news.jobId);
      return news;
    },
  }),
);

/**
 * The sequence number of the last message that a browser got. The request that it repeats has an older
 * `after`, or none.
 */
function sequenceOf(lastEventId: string | null): number | undefined {
  return lastEventId !== null && /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) : undefined;
}
