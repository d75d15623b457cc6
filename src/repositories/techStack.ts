import { z } from "zod";

const part = z.string().trim().min(1).max(100).nullish();

/** What a project is built with, or will be. Every part is free text, as people name it: "PostgreSQL 16". */
export const techStackSchema = z.strictObject({
  language: part,
  framework: part,
  database: part,
  runtime: part,
  buildTool: part,
  packageManager: part,
  deployment: part,
  /** Anything that fits nowhere else, most relevant first. */
  additional: z.array(z.string().trim().min(1).max(100)).max(50).nullish(),
});

export type TechStackInput = z.input<typeof techStackSchema>;
export type TechStack = z.output<typeof techStackSchema>;
