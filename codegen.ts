import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { codegen } from "@graphql-codegen/core";
import * as typedDocumentNode from "@graphql-codegen/typed-document-node";
import * as typescript from "@graphql-codegen/typescript";
import * as typescriptOperations from "@graphql-codegen/typescript-operations";
import {
  buildSchema,
  concatAST,
  type FieldNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  Source,
  stripIgnoredCharacters,
  validate,
} from "graphql";

/**
 * `npm run codegen` writes src/sdk/generated.ts from schema.graphql and src/sdk/operations, and
 * trustedDocuments.json, which has the texts of these operations by their SHA-256. With --check it only says
 * whether the files are up to date. (It does not use graphql-codegen's own command line, whose current
 * versions need Node 22.)
 */
const schemaFile = new URL("schema.graphql", import.meta.url);
const operationsFolder = new URL("src/sdk/operations/", import.meta.url);
const GENERATED = "src/sdk/generated.ts";
const MANIFEST = "trustedDocuments.json";

const schemaDocument = parse(readFileSync(schemaFile, "utf8"));
const schema = buildSchema(readFileSync(schemaFile, "utf8"));
const documents = readdirSync(operationsFolder)
  .filter((name) => name.endsWith(".graphql"))
  .sort()
  .map((name) => {
    const text = readFileSync(new URL(name, operationsFolder), "utf8");
    return { location: name, document: parse(new Source(text, `src/sdk/operations/${name}`)) };
  });
const operations = documents
  .flatMap(({ document }) => document.definitions)
  .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);

const problems = [
  ...validate(schema, concatAST(documents.map(({ document }) => document))).map(String),
  ...operations.filter((operation) => !rootFieldOf(operation)).map(refuseOperation),
  ...uncoveredFields(schema).map((field) => `No operation in src/sdk/operations asks for ${field}.`),
];

if (problems.length > 0) {
  console.error(problems.join("\n\n"));
  process.exitCode = 1;
} else {
  const generated = await generate();
  for (const [name, content] of [
    [GENERATED, generated],
    [MANIFEST, manifestOf(generated)],
  ] as const) {
    const file = new URL(name, import.meta.url);
    if (!process.argv.includes("--check")) writeFileSync(file, content);
    else if (!existsSync(file) || readFileSync(file, "utf8") !== content) {
      console.error(
        `${name} differs from schema.graphql and src/sdk/operations: run \`npm run codegen\` and commit the result.`,
      );
      process.exitCode = 1;
    }
  }
}

/** The documents exactly as the SDK sends them, in the format of the client preset's `persistedDocuments`. */
function manifestOf(generated: string): string {
  const texts = [...generated.matchAll(/new TypedDocumentString\(("(?:[^"\\]|\\.)*")/g)].map(
    ([, literal]) => JSON.parse(literal!) as string, // Safe: the match is a string's literal.
  );
  if (texts.length !== operations.length)
    throw new Error(`expected the documents of ${operations.length} operations, got ${texts.length}`);
  const entries = texts.map((text) => [createHash("sha256").update(text).digest("hex"), text] as const);
  return `${JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`;
}

async function generate(): Promise<string> {
  const output = await codegen({
    filename: "src/sdk/generated.ts",
    schema: schemaDocument,
    documents,
    config: {
      useTypeImports: true,
      scalars: { ID: "string", DateTime: "string", SafeInt: "number" },
      strictScalars: true,
      // Types alone: no enum object ends up in a bundle.
      enumsAsTypes: true,
      enumType: "string-literal",
      // Inputs may be given as undefined, which JSON leaves out, under exactOptionalPropertyTypes too.
      inputMaybeValue: "T | null | undefined",
      maybeValue: "T | null",
      // A field that was asked for may be null, but is never undefined (`@include` aside).
      avoidOptionals: { field: true, inputValue: false, object: false, defaultValue: false },
      onlyOperationTypes: true,
      skipTypename: true,
      immutableTypes: true,
      // Results refer to the fragments' types, so that a program can name what it passes around.
      inlineFragmentTypes: "combine",
      dedupeFragments: true,
      documentMode: "string",
      pureMagicComment: true,
    },
    pluginMap: {
      typescript,
      typescriptOperations,
      typedDocumentNode: { ...typedDocumentNode, plugin: compactDocuments },
      methods: { plugin: methods },
    },
    plugins: [{ typescript: {} }, { typescriptOperations: {} }, { typedDocumentNode: {} }, { methods: {} }],
  });
  return `// Written by \`npm run codegen\` from schema.graphql and src/sdk/operations. Do not edit.\n${output.trim()}\n`;
}

/**
 * The plugin's documents without their layout, and without a document for each fragment, which could not be
 * sent alone anyway. That makes what a browser loads and sends 40 % shorter.
 */
async function compactDocuments(...args: Parameters<typeof typedDocumentNode.plugin>) {
  const output = await typedDocumentNode.plugin(...args);
  if (typeof output === "string")
    throw new Error("expected the documents with their imports, got text alone");
  const content = output.content
    .replace(/^export const \w+FragmentDoc = [^`]*`[^`]*`[^`]*?;$/gm, "")
    .replace(
      /new TypedDocumentString\(`([^`]*)`/g,
      (_, text: string) => `new TypedDocumentString(${JSON.stringify(stripIgnoredCharacters(text))}`,
    );
  return { ...output, content };
}

/**
 * Writes a method for each query and mutation. It takes the variables, and gives the value of the one root
 * field.
 */
function methods() {
  const entries = operations.filter(isRequest).map((operation) => {
    const name = operation.name!.value;
    // Safe: operations without exactly one root field were refused.
    const field = rootFieldOf(operation)!;
    const isRequired = (operation.variableDefinitions ?? []).some(
      ({ type, defaultValue }) => type.kind === Kind.NON_NULL_TYPE && !defaultValue,
    );
    return {
      method: `${name[0]!.toLowerCase()}${name.slice(1)}`,
      document: `${name}Document`,
      field: field.name.value,
      result: `${name}${operation.operation === "query" ? "Query" : "Mutation"}`,
      optional: isRequired ? "" : "?",
      description: schemaDescription(operation, field),
    };
  });
  const signatures = entries.map(
    ({ method, result, optional, field, description }) =>
      `  /** ${description} */\n  readonly ${method}: (variables${optional}: ${result}Variables, options?: Options) => Promise<${result}[${JSON.stringify(field)}]>;`,
  );
  const values = entries.map(
    ({ method, document, optional, field }) =>
      `    ${method}: async (variables, options) => (await request(${document}, variables${optional ? " ?? {}" : ""}, options)).${field},`,
  );
  return [
    "/** Sends one document and resolves to its data. */",
    "export type Request<Options> = <TResult, TVariables>(document: TypedDocumentString<TResult, TVariables>, variables: TVariables, options?: Options) => Promise<TResult>;",
    "",
    "/** A function for each operation. The functions can be passed around, because none uses `this`. */",
    "export interface Operations<Options> {",
    ...signatures,
    "}",
    "",
    "/** All operations, sent with `request`. A program that calls this has all documents in its bundle. */",
    "export function createOperations<Options>(request: Request<Options>): Operations<Options> {",
    "  return {",
    ...values,
    "  };",
    "}",
  ].join("\n");
}

/** Subscriptions get a document but no method: a stream of answers is no value that a method could give. */
function isRequest({ operation }: OperationDefinitionNode): boolean {
  return operation !== "subscription";
}

/** The operation's only root field, unless it has none, several, or one under another name. */
function rootFieldOf(operation: OperationDefinitionNode): FieldNode | undefined {
  const [field, ...others] = operation.selectionSet.selections;
  return field?.kind === Kind.FIELD && !field.alias && others.length === 0 ? field : undefined;
}

function refuseOperation({ name, loc }: OperationDefinitionNode): string {
  return `${loc?.source.name}: ${name?.value ?? "an operation"}: expected exactly one root field without an alias, because its value is what the method gives.`;
}

/** The root fields that no operation asks for: the API has them and the SDK lacks them. */
function uncoveredFields(schema: GraphQLSchema): string[] {
  const covered = new Set(operations.map((operation) => rootFieldOf(operation)?.name.value));
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
    .flatMap((type) => Object.keys(type?.getFields() ?? {}).map((name) => ({ type, name })))
    .filter(({ name }) => !covered.has(name))
    .map(({ type, name }) => `${type?.name}.${name}`);
}

function schemaDescription({ operation }: OperationDefinitionNode, { name }: FieldNode): string {
  const type = operation === "query" ? schema.getQueryType() : schema.getMutationType();
  return (type?.getFields()[name.value]?.description ?? "").replaceAll("*/", "*\\/").replaceAll("\n", " ");
}
