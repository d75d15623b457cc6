import { describe, expect, it } from "vitest";
import { analysisPlan } from "../../src/commands/analysis/plan.ts";
import {
  type AnalysedProject,
  dependencyReport,
  structureReport,
  updatePlan,
} from "../../src/commands/analysis/report.ts";
import { parseTarget } from "../../src/commands/convert.ts";

const nothing = {
  language: null,
  framework: null,
  database: null,
  runtime: null,
  buildTool: null,
  packageManager: null,
  deployment: null,
  additional: [],
};

const project: AnalysedProject = {
  originalTechStack: {
    ...nothing,
    language: "TypeScript",
    framework: "Express",
    database: "PostgreSQL 15",
    runtime: "Node.js 20",
    packageManager: "npm",
    additional: ["Zod", "Redis"],
  },
  targetTechStack: { ...nothing, language: "Go", framework: "Gin", database: "PostgreSQL 18" },
  files: [
    { path: "package.json", sizeBytes: 500, language: "JSON" },
    { path: "package-lock.json", sizeBytes: 1_500, language: "JSON" },
    { path: "src/index.ts", sizeBytes: 3_000, language: "TypeScript" },
    { path: "src/deep/more.ts", sizeBytes: 4_000, language: "TypeScript" },
    { path: "logo.png", sizeBytes: 1_000, language: null },
  ],
};

describe("the analysis of a project", () => {
  it("counts files, and gives their sizes and languages", () => {
    expect(structureReport(project).split("\n")).toEqual([
      "5 files, 10.0 KB, in 2 folders",
      "TypeScript: 2 files, 7.0 KB, 70 %",
      "JSON: 2 files, 2.0 KB, 20 %",
      "no language: 1 file, 1.0 KB, 10 %",
      "largest: src/deep/more.ts (4.0 KB), src/index.ts (3.0 KB), package-lock.json (1.5 KB)",
    ]);
    expect(structureReport({ ...project, files: [] })).toBe("No files: nothing was imported.");
  });

  it("lists the parts of the stack, and the files that declare dependencies", () => {
    expect(dependencyReport(project).split("\n")).toEqual([
      "language: TypeScript",
      "framework: Express",
      "database: PostgreSQL 15",
      "runtime: Node.js 20",
      "package manager: npm",
      "also detected: Zod, Redis",
      "declared for npm: package.json, locked by npm",
    ]);
    expect(dependencyReport({ ...project, originalTechStack: nothing, files: [] }).split("\n")).toEqual([
      "also detected: nothing",
      "No manifest: nothing declares dependencies.",
    ]);
  });

  it("plans the changes for another language", () => {
    expect(updatePlan(project)?.split("\n")).toEqual([
      "1. replace the language TypeScript by Go",
      "2. replace the framework Express by Gin",
      "3. update the database PostgreSQL 15 to PostgreSQL 18",
      "4. replace the runtime Node.js 20 by Go, as is usual with Go",
      "5. replace the package manager npm by Go modules, as is usual with Go",
      "6. convert 2 TypeScript files (7.0 KB) to Go",
      "7. declare the dependencies of package.json anew for Go modules",
      "8. find what Go has instead of Zod, Redis",
    ]);
  });

  it("plans updates within the same stack, and lists what is kept", () => {
    const targetTechStack = {
      ...nothing,
      runtime: "Node.js 24",
      deployment: "Docker",
      additional: ["redis"],
    };
    expect(updatePlan({ ...project, targetTechStack })?.split("\n")).toEqual([
      "1. update the runtime Node.js 20 to Node.js 24",
      "2. add the deployment Docker",
      "kept: language TypeScript, framework Express, database PostgreSQL 15, package manager npm",
    ]);
  });

  it("plans nothing without a target, or if the target is the present stack", () => {
    expect(updatePlan({ ...project, targetTechStack: null })).toBeNull();
    expect(updatePlan({ ...project, targetTechStack: project.originalTechStack })?.split("\n")[0]).toBe(
      "Nothing: the target is what the project is built with.",
    );
  });

  it("has three tasks, of which the last depends on the others", () => {
    const { tasks } = analysisPlan(project.files.map(({ path }) => path));
    expect(tasks.map(({ id, dependencies, inputFiles }) => [id, dependencies, inputFiles])).toEqual([
      ["structure", undefined, undefined],
      ["dependencies", undefined, ["package.json"]],
      ["update", ["structure", "dependencies"], undefined],
    ]);
  });
});

describe("a target on the command line", () => {
  it("names parts of a stack, in one text or in several", () => {
    expect(
      parseTarget(["language=Go, framework = Gin", "packagemanager=Go modules", "additional=sqlc"]),
    ).toEqual({
      language: "Go",
      framework: "Gin",
      packageManager: "Go modules",
      additional: ["sqlc"],
    });
    expect(parseTarget([])).toBeUndefined();
  });

  it("is refused when it names no part of a stack", () => {
    for (const text of ["lang=Go", "language", "language="]) {
      expect(() => parseTarget([text])).toThrow(`got "${text}"`);
    }
  });
});
