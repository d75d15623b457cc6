import { expect, it } from "vitest";
import { anyOfTypeTag, collectionTag, isTag, lookupTag, rowTag } from "../../src/coherence/tags.ts";

it("every form of a tag is one, and nothing else is", () => {
  const tags = [
    rowTag("Project", "01890a5d-ac96-774b-bcce-b302099a8057"),
    lookupTag("User", "githubId", "583231"),
    collectionTag("ConversionJob", "projectId", "01890a5d-ac96-774b-bcce-b302099a8057"),
    anyOfTypeTag("User"),
    "ProjectFile!",
  ];
  expect(tags.filter((tag) => !isTag(tag))).toEqual([]);
  const others = [
    "",
    "Project",
    "Project:",
    "Project:a b",
    "Project@userId",
    "Project@=1",
    "Project#x",
    "Job:1",
    "project#",
    "User!\n",
    "\0Project!",
  ];
  expect(others.filter(isTag)).toEqual([]);
});
