import { notFound } from "../errors.ts";
import type { ProjectNews } from "../jobs/projectFeed.ts";
import type { ProjectStatusChange } from "../repositories/projectActivity.ts";
import { builder } from "./builder.ts";
import { ConversionJobEvent } from "./conversionJobEvent.ts";
import { parseIdOf } from "./nodeId.ts";
import { Project, ProjectStatus } from "./project.ts";
import { demand } from "./rules.ts";

const ProjectStatusChangeType = builder.objectRef<ProjectStatusChange>("ProjectStatusChange").implement({
  description: "A project got another status.",
  fields: (t) => ({
    status: t.expose("status", { type: ProjectStatus, description: "The status that it got." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it did." }),
  }),
});

const ProjectNewsType = builder.objectRef<ProjectNews>("ProjectNews").implement({
  description: "What has happened in a project since the message before.",
  fields: (t) => ({
    jobEvents: t.expose("jobEvents", {
      type: [ConversionJobEvent],
      description:
        "All events of its conversion jobs since the message before: each job's in their order, and all of them by time.",
    }),
    statusChanges: t.expose("statusChanges", {
      type: [ProjectStatusChangeType],
      description: "The statuses that the project got since then, in their order.",
    }),
    cursor: t.exposeString("cursor", {
      description: "Opaque. As `after` it goes on from here, on any instance, without a gap or a repetition.",
    }),
    project: t.field({
      type: Project,
      nullable: true,
      description: "The project as it is now, which may be later; null when it was deleted.",
      resolve: ({ projectId }, _, { loaders }) => loaders.projectById.load(projectId),
    }),
  }),
});

builder.subscriptionField("projectActivity", (t) =>
  t.field({
    authScopes: { owner: true },
    type: ProjectNewsType,
    description:
      "What happens in a project: the events of all its conversion jobs, and its own status. The first message comes at once and has the cursor of now. Nothing is left out: what happens at once comes in one message. The stream completes when the project is deleted. One that ends without `complete` was cut off: subscribe again with the last `cursor`. Changes of status are kept for 30 days.",
    args: {
      projectId: t.arg.id({ required: true, description: "The project's id." }),
      after: t.arg.string({
        description:
          "The `cursor` of the last message; from now on unless told. A `Last-Event-ID` header, which browsers send when they connect again, goes first.",
      }),
    },
    subscribe: async (_, { projectId: nodeId, after }, { viewer, loaders, feeds, lastEventId }) => {
      // As of a job's events.
      demand("owner", viewer);
      const projectId = parseIdOf("Project", nodeId, ["projectId"]);
      if ((await loaders.projectById.load(projectId)) === null) throw notFound("Project", nodeId);
      return feeds.projects.follow(projectId, lastEventId || (after ?? undefined));
    },
    resolve: async (news, _, { access, loaders }) => {
      if (access.to !== "everything" && (await loaders.projectById.load(news.projectId)) === null)
        throw notFound("Project", news.projectId);
      return news;
    },
  }),
);
