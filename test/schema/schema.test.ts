import { readFileSync } from "node:fs";
import {
  type GraphQLArgument,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isNonNullType,
  isObjectType,
  isSpecifiedDirective,
  isSpecifiedScalarType,
} from "graphql";
import { expect, test } from "vitest";
import { printedSchema, schema } from "../../src/schema/index.ts";

test("schema.graphql is up to date with src/schema (npm run schema)", () => {
  expect(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8")).toBe(printedSchema());
});

test("everything has a description: types, fields, arguments, enum values and input fields", () => {
  const silent: string[] = [];
  const see = (name: string, { description }: { description?: string | null | undefined }) => {
    if (!description?.trim()) silent.push(name);
  };
  const seeArguments = (name: string, args: readonly GraphQLArgument[]) => {
    for (const arg of args) see(`${name}(${arg.name})`, arg);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    see(type.name, type);
    if (isEnumType(type)) for (const value of type.getValues()) see(`${type.name}.${value.name}`, value);
    if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        see(`${type.name}.${field.name}`, field);
        if ("args" in field) seeArguments(`${type.name}.${field.name}`, field.args);
      }
    }
  }
  for (const directive of schema.getDirectives()) {
    if (!isSpecifiedDirective(directive)) see(`@${directive.name}`, directive);
  }

  expect(silent).toEqual([]);
});

test("every mutation takes one required `input` of a type of its own, and returns a payload", () => {
  for (const field of Object.values(schema.getMutationType()!.getFields())) {
    expect(field.args.map(({ name }) => name)).toEqual(["input"]);
    const { type } = field.args[0]!;
    const own = `${field.name[0]!.toUpperCase()}${field.name.slice(1)}Input`;
    expect([field.name, String(type), isNonNullType(type)]).toEqual([field.name, `${own}!`, true]);
    expect(String(field.type)).toMatch(/Payload!$/);
  }
});

test("every connection takes all four paging arguments", () => {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (!String(field.type).endsWith("Connection!")) continue;
      expect(field.args.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["first", "after", "last", "before"]),
      );
    }
  }
});
