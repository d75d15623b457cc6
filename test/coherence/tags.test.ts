import { expect, it } from "vitest";
import {
  anyOfTypeTag,
  collectionTag,
  isTag,
  lookupTag,
  rowTag,
  withTypeTags,
} from "../../src/coherence/tags.ts";

it("isTag accepts every form of a tag and nothing else", () => {
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

it("withTypeTags adds each type's own tag once, even where one type's name begins like another's", () => {
  const tags = [
    "Project:1",
    "ProjectFile@projectId=1",
    "Project:2",
    "Project#",
    "ConversionJobEvent@jobId=1",
    "User!",
  ];
  expect(withTypeTags(tags).sort()).toEqual(
    [...tags, "Project!", "ProjectFile!", "ConversionJobEvent!"].sort(),
  );
  expect(withTypeTags([])).toEqual([]);
});
