import { notFound } from "../errors.ts";
import type { ProjectNews } from "../jobs/projectFeed.ts";
import type { ProjectStatusChange } from "../repositories/projectActivity.ts";
import { builder } from "./builder.ts";
import { ConversionJobEvent } from "./conversionJobEvent.ts";
import { parseIdOf } from "./nodeId.ts";
import { Project, ProjectStatus } from "./project.ts";
import { demand } from "./rules.ts";

const ProjectStatusChangeType = builder.objectRef<ProjectStatusChange>("ProjectStatusChange").implement({
  description: "A change of a project's status.",
  fields: (t) => ({
    status: t.expose("status", { type: ProjectStatus, description: "The new status of the project." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the status changed." }),
  }),
});

const ProjectNewsType = builder.objectRef<ProjectNews>("ProjectNews").implement({
  description: "What has happened in a project since the previous message.",
  fields: (t) => ({
    jobEvents: t.expose("jobEvents", {
      type: [ConversionJobEvent],
      description:
        "All events of the project's conversion jobs since the previous message, ordered by time. The events of one job are in the order of their sequence numbers.",
    }),
    statusChanges: t.expose("statusChanges", {
      type: [ProjectStatusChangeType],
      description: "All changes of the project's status since the previous message, oldest first.",
    }),
    cursor: t.exposeString("cursor", {
      description:
        "An opaque cursor. Pass it as `after` to continue from here, on any instance, without a gap or a repetition.",
    }),
    project: t.field({
      type: Project,
      nullable: true,
      description: "The project as it is now, which may be later than the events. Null if it was deleted.",
      resolve: ({ projectId }, _, { loaders }) => loaders.projectById.load(projectId),
    }),
  }),
});

builder.subscriptionField("projectActivity", (t) =>
  t.field({
    authScopes: { owner: true },
    type: ProjectNewsType,
    description:
      "What happens in a project: the events of all its conversion jobs, and the changes of its own status. Without `after`, the first message comes at once and carries the current cursor. Nothing is left out: what happens at the same time comes in one message. The stream completes when the project is deleted. A stream that ends without `complete` was cut off: subscribe again with the last `cursor`. Changes of status are kept for 30 days.",
    args: {
      projectId: t.arg.id({ required: true, description: "The project's id." }),
      after: t.arg.string({
        description:
          "The `cursor` of the last message. The default is to begin with what happens from now on. A `Last-Event-ID` header, which browsers send when they reconnect, takes precedence.",
      }),
    },
    subscribe: async (_, { projectId: nodeId, after }, { viewer, loaders, feeds, lastEventId }) => {
      // For a subscriber who gets no message, as in `conversionJobEvents`.
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
