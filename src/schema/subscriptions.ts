import { notFound, validationFailed } from "../errors.ts";
import type { JobNews } from "../jobs/jobFeed.ts";
import { builder } from "./builder.ts";
import { ConversionJob } from "./conversionJob.ts";
import { ConversionJobEvent } from "./conversionJobEvent.ts";
import { parseIdOf } from "./nodeId.ts";
import { demand } from "./rules.ts";

builder.subscriptionType({
  description:
    "What can be followed, over server-sent events (`accept: text/event-stream`), a message at a time: at most ten a second, each with all that has happened since the one before.",
});

const ConversionJobNews = builder.objectRef<JobNews>("ConversionJobNews").implement({
  description: "What has happened to a conversion job since the message before.",
  fields: (t) => ({
    events: t.expose("events", {
      type: [ConversionJobEvent],
      description: "All events since the message before, the oldest first: 1 to 1,000.",
    }),
    cursor: t.exposeInt("cursor", {
      description:
        "The number of the last of them. As `after` it goes on from here, on any instance, without a gap or a repetition.",
    }),
    job: t.field({
      type: ConversionJob,
      nullable: true,
      description: "The job as it is now, which may be later than the last event; null when it was deleted.",
      resolve: ({ jobId }, _, { loaders }) => loaders.conversionJobById.load(jobId),
    }),
  }),
});

builder.subscriptionField("conversionJobEvents", (t) =>
  t.field({
    authScopes: { reader: true },
    type: ConversionJobNews,
    description:
      "The events of a conversion job: first those that there are, then each as it happens. Nothing is left out: several at once come in one message. The stream completes when the job is COMPLETED, FAILED, CANCELLED or deleted and everything was told; who wants to see a failed job retried subscribes again. A stream that ends without `complete` was cut off: subscribe again with the last `cursor`.",
    args: {
      jobId: t.arg.id({ required: true, description: "The job's id." }),
      after: t.arg.int({
        description:
          "Only events after the one with this number: the `cursor` of the last message. All of them unless told. A `Last-Event-ID` header, which browsers send when they connect again, goes first.",
      }),
    },
    subscribe: async (_, { jobId: nodeId, after: asked }, { viewer, loaders, feeds, lastEventId }) => {
      // The field's rule is asked again for every message; this is for who gets none.
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
      // Its reader may have lost sight of the job since, as if it had been deleted: the stream ends.
      if (access.to !== "everything" && (await loaders.conversionJobById.load(news.jobId)) === null)
        throw notFound("ConversionJob", news.jobId);
      return news;
    },
  }),
);

/** Of a stream's last message, which its reader's first request does not know. */
function sequenceOf(lastEventId: string | null): number | undefined {
  return lastEventId !== null && /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) : undefined;
}
