import type { EntityType } from "../coherence/tags.ts";
import type { Access } from "./access.ts";
import type { List, PagePlan, PageRequest } from "./page.ts";
import type { ListSource } from "./pageStatement.ts";

/** What is answered of one row; at the top, of none. */
export type ObjectShape = readonly ObjectMember[];

/** A name in an object, and what it is answered with. */
export type ObjectMember =
  | ConstantMember
  | ValueMember
  | DocumentMember
  | RowMember
  | NamedRowMember
  | PageMember;

export interface Named {
  readonly key: string;
}

export interface ConstantMember extends Named {
  readonly kind: "constant";
  readonly json: string;
}

export interface ValueMember extends Named {
  readonly kind: "value";
  /** The row's property. */
  readonly column: string;
  /** As it is, between quotes as it is, as JSON of a text or of a list of texts, or as a time. */
  readonly form: "bare" | "word" | "text" | "time";
  readonly isNullable: boolean;
  /** Of a word: what comes before it. */
  readonly prefix?: string;
}

/** A column with a JSON object in it, of which some is answered. */
export interface DocumentMember extends Named {
  readonly kind: "document";
  readonly column: string;
  readonly isNullable: boolean;
  readonly parts: readonly DocumentPart[];
}

export type DocumentPart =
  | ConstantMember
  /** A text of the document, null where it has none; or its list of texts, empty where it has none. */
  | (Named & { readonly kind: "text" | "texts"; readonly property: string });

/** The row that a column is the key of. There has to be one. */
export interface RowMember extends Named {
  readonly kind: "row";
  readonly column: string;
  readonly type: ComposedType;
  readonly shape: ObjectShape;
}

/** At the top, a row that the request names by its id. Null where there is none. */
export interface NamedRowMember extends Named {
  readonly kind: "namedRow";
  readonly type: ComposedType;
  /** Which of the request's ids is its own. */
  readonly index: number;
  readonly shape: ObjectShape;
}

/** A page of a list: of this row's, or at the top, of a whole type's or of one row's that is named. */
export interface PageMember extends Named {
  readonly kind: "page";
  readonly type: ComposedType;
  /** Which of the request's lists it is. */
  readonly index: number;
  readonly parts: readonly PagePart[];
}

export type PagePart =
  | ConstantMember
  | (Named & { readonly kind: "nodes"; readonly shape: ObjectShape })
  | (Named & { readonly kind: "edges"; readonly parts: readonly EdgePart[] })
  | (Named & { readonly kind: "pageInfo"; readonly parts: readonly PageInfoPart[] })
  | (Named & { readonly kind: "totalCount" });

/** What a part of a page says of each row: more than one thing, where an edge's node is asked for by several names. */
export function shapesIn(part: PagePart): readonly ObjectShape[] {
  if (part.kind === "nodes") return [part.shape];
  if (part.kind !== "edges") return [];
  return part.parts.flatMap((edge) => (edge.kind === "node" ? [edge.shape] : []));
}

export type EdgePart =
  | ConstantMember
  | (Named & { readonly kind: "node"; readonly shape: ObjectShape })
  | (Named & { readonly kind: "cursor" });

export type PageInfoPart = ConstantMember | (Named & { readonly kind: (typeof PAGE_INFO_FIELDS)[number] });

export const PAGE_INFO_FIELDS = ["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"] as const;

/** The types whose rows answers are composed of. */
export type ComposedType = Extract<EntityType, "User" | "Project" | "ConversionJob">;
export const COMPOSED_TYPES: readonly ComposedType[] = ["User", "Project", "ConversionJob"];
export type ComposedSources = Readonly<Record<ComposedType, ListSource>>;

/** In a list that is asked for, the place of its parent's id: the statement has it for each row. */
export const EACH_PARENT = "each-parent";

export interface ComposedRequest {
  readonly shape: ObjectShape;
  /** By the pages' indexes. */
  readonly lists: readonly { readonly type: ComposedType; readonly request: PageRequest }[];
  /** By the named rows' indexes. */
  readonly named: readonly { readonly type: ComposedType; readonly id: string }[];
  readonly access: ComposedAccess;
}

/** What is left of a request when its pages' arguments have been looked at. */
export interface AnswerInput extends Pick<ComposedRequest, "named"> {
  readonly pages: readonly { readonly list: List; readonly plan: PagePlan }[];
  readonly access: ComposedAccess;
  /** Whether what the answer depends on is in its text: of a list of lists, that is more than all the rest. */
  readonly hasTags: boolean;
  /** Of the rows that parts of the answer are asked for. */
  readonly ids: readonly string[];
}

/** Who holds leases sees rows that no list's parent tells of. */
type ComposedAccess = Exclude<Access, { to: "held" }>;
