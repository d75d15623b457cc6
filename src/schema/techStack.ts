import type { TechStack } from "../repositories/techStack.ts";
import { builder } from "./builder.ts";
import type { RowFieldExtensions } from "./pageColumns.ts";

/** The descriptions of the parts, in both the object and the input. */
const PARTS = {
  language: "The main programming language.",
  framework: "The main framework.",
  database: "The main database.",
  runtime: "What the project runs on, such as `Node.js 20`.",
  buildTool: "The tool that builds the project.",
  packageManager: "The tool that installs the project's dependencies.",
  deployment: "What the project is deployed with or to.",
} as const;

export const TechStackType = builder.objectRef<TechStack>("TechStack").implement({
  description:
    "The technologies that a project is built with, or is to be converted to. Parts that are not known are null.",
  fields: (t) => ({
    language: t.exposeString("language", { nullable: true, description: PARTS.language }),
    framework: t.exposeString("framework", { nullable: true, description: PARTS.framework }),
    database: t.exposeString("database", { nullable: true, description: PARTS.database }),
    runtime: t.exposeString("runtime", { nullable: true, description: PARTS.runtime }),
    buildTool: t.exposeString("buildTool", { nullable: true, description: PARTS.buildTool }),
    packageManager: t.exposeString("packageManager", { nullable: true, description: PARTS.packageManager }),
    deployment: t.exposeString("deployment", { nullable: true, description: PARTS.deployment }),
    additional: t.stringList({
      description: "Technologies that fit nowhere else, most relevant first.",
      extensions: { textsIn: "additional" } satisfies RowFieldExtensions,
      resolve: ({ additional }) => additional ?? [],
    }),
  }),
});

export const TechStackInput = builder.inputType("TechStackInput", {
  description:
    "The technologies that a project is built with, or is to be converted to. Each text has 1 to 100 characters.",
  fields: (t) => ({
    language: t.string({ description: PARTS.language }),
    framework: t.string({ description: PARTS.framework }),
    database: t.string({ description: PARTS.database }),
    runtime: t.string({ description: PARTS.runtime }),
    buildTool: t.string({ description: PARTS.buildTool }),
    packageManager: t.string({ description: PARTS.packageManager }),
    deployment: t.string({ description: PARTS.deployment }),
    additional: t.stringList({
      description: "Technologies that fit nowhere else, most relevant first: up to 50.",
    }),
  }),
});
