import type { EntityType } from "../coherence/tags.ts";
import type { Access } from "./access.ts";
import type { List, PagePlan, PageRequest } from "./page.ts";
import type { ListSource } from "./pageStatement.ts";

/** What an answer says about one row. At the top, it is about no row. */
export type ObjectShape = readonly ObjectMember[];

/** A name in an object, and the value that it gets. */
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
  /**
   * How the value is written: as it is, as it is between quotes, as the JSON of a text or of a list of texts,
   * or as a time.
   */
  readonly form: "bare" | "word" | "text" | "time";
  readonly isNullable: boolean;
  /** For a word: what precedes it between the quotes. */
  readonly prefix?: string;
}

/** A column with a JSON object, of which some properties are answered. */
export interface DocumentMember extends Named {
  readonly kind: "document";
  readonly column: string;
  readonly isNullable: boolean;
  readonly parts: readonly DocumentPart[];
}

export type DocumentPart =
  | ConstantMember
  /** A text of the document, or null if it has none; or its list of texts, which is empty if it has none. */
  | (Named & { readonly kind: "text" | "texts"; readonly property: string });

/** The row whose key is in the column. It has to exist. */
export interface RowMember extends Named {
  readonly kind: "row";
  readonly column: string;
  readonly type: ComposedType;
  readonly shape: ObjectShape;
}

/** A row that the request names by its id, at the top. Null if it does not exist. */
export interface NamedRowMember extends Named {
  readonly kind: "namedRow";
  readonly type: ComposedType;
  /** The index of its id among the request's `named`. */
  readonly index: number;
  readonly shape: ObjectShape;
}

/** A page of a list. The list is this row's; at the top, it is that of a whole type or of one named row. */
export interface PageMember extends Named {
  readonly kind: "page";
  readonly type: ComposedType;
  /** The index of its list among the request's `lists`. */
  readonly index: number;
  readonly parts: readonly PagePart[];
}

export type PagePart =
  | ConstantMember
  | (Named & { readonly kind: "nodes"; readonly shape: ObjectShape })
  | (Named & { readonly kind: "edges"; readonly parts: readonly EdgePart[] })
  | (Named & { readonly kind: "pageInfo"; readonly parts: readonly PageInfoPart[] })
  | (Named & { readonly kind: "totalCount" });

/**
 * What a part of a page says about each row. It has several shapes where an edge's node is asked for by
 * several names.
 */
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

/** The types of rows that answers are composed of. */
export type ComposedType = Extract<EntityType, "User" | "Project" | "ConversionJob">;
export const COMPOSED_TYPES: readonly ComposedType[] = ["User", "Project", "ConversionJob"];
export type ComposedSources = Readonly<Record<ComposedType, ListSource>>;

/**
 * Stands for the parent's id in a list that belongs to each row of another list. The statement fills the
 * row's id in.
 */
export const EACH_PARENT = "each-parent";

export interface ComposedRequest {
  readonly shape: ObjectShape;
  /** Indexed by the pages' `index`. */
  readonly lists: readonly { readonly type: ComposedType; readonly request: PageRequest }[];
  /** Indexed by the named rows' `index`. */
  readonly named: readonly { readonly type: ComposedType; readonly id: string }[];
  readonly access: ComposedAccess;
}

/** A request whose pages' arguments have been turned into plans. */
export interface AnswerInput extends Pick<ComposedRequest, "named"> {
  readonly pages: readonly { readonly list: List; readonly plan: PagePlan }[];
  readonly access: ComposedAccess;
  /**
   * Whether the answer's text contains the tags that it depends on: for a list of lists, they are longer than
   * all the rest.
   */
  readonly hasTags: boolean;
  /** Ids of the rows for which a part of the answer is wanted. */
  readonly ids: readonly string[];
}

/** Without "held": which rows a lease holder sees does not follow from a list's parent. */
type ComposedAccess = Exclude<Access, { to: "held" }>;
