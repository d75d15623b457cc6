import { text } from "node:stream/consumers";
import { createYoga } from "graphql-yoga";
import { expect, test } from "vitest";
import { ReadBody } from "../../src/server/body.ts";

const { fetchAPI } = createYoga({ logging: false });

test("a body that was read has two properties, however long it is: Yoga's HTTP layer lists them", () => {
  expect(Object.keys(new ReadBody(Buffer.alloc(1_048_576)))).toEqual(["size", "type"]);
});

test.each(["", '{"query":"{ __typename }"}', "ü €"])(
  "a request with the body %j has its text",
  async (body) => {
    const request = new fetchAPI.Request("http://test/", {
      method: "POST",
      body: new ReadBody(Buffer.from(body)) as unknown as Blob, // Safe: it has what is asked of a Blob here.
    });
    expect(await request.text()).toBe(body);
    expect(await text(new ReadBody(Buffer.from(body)).stream())).toBe(body);
  },
);
