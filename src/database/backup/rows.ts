import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import type pg from "pg";
import { quoted } from "../session.ts";
import { BackupError } from "./error.ts";
import { dataTables } from "./figures.ts";

/**
 * Stores every row as JSON, gzipped. Rows are loaded into tables that the migrations have created, on any
 * PostgreSQL, the embedded one included. The format needs no external program, and `zcat` shows it.
 *
 *     row       users  {"id":"…", …}
 *     sequence  project_status_changes_id_seq  42
 *     end       1234                                the number of rows
 *
 * Columns are separated by tabs. The JSON is PostgreSQL's own, and nothing here parses it: numbers keep all
 * their digits.
 */
const ROWS_AT_ONCE = 500;
const INSERT_CHARACTERS = 4_000_000;

/** Reads in the transaction that is open on the connection. */
export function dumpRows(client: pg.Client): Readable {
  return Readable.from(linesOf(client)).pipe(createGzip());
}

async function* linesOf(client: pg.Client) {
  let count = 0;
  for (const table of await dataTables(client)) {
    await client.query(
      `DECLARE dumped NO SCROLL CURSOR FOR SELECT row_to_json(whole)::text AS "json" FROM ${quoted(table)} AS whole`,
    );
    for (;;) {
      const { rows } = await client.query<{ json: string }>(`FETCH ${ROWS_AT_ONCE} FROM dumped`);
      count += rows.length;
      yield rows.map(({ json }) => `row\t${table}\t${json}\n`).join("");
      if (rows.length < ROWS_AT_ONCE) break;
    }
    await client.query("CLOSE dumped");
  }
  const { rows: sequences } = await client.query<{ name: string; value: string }>(
    `SELECT sequencename AS "name", last_value::text AS "value" FROM pg_sequences
      WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY 1`,
  );
  for (const { name, value } of sequences) yield `sequence\t${name}\t${value}\n`;
  yield `end\t${count}\n`;
}

/**
 * Loads the rows into empty tables, in one transaction. Triggers do not run: what they would write is among
 * the rows. Foreign keys are checked.
 *
 * @throws BackupError `BACKUP_CORRUPT`; the signal's reason when it is aborted
 */
export async function loadRows(client: pg.Client, source: Readable, signal?: AbortSignal): Promise<void> {
  const tables = await dataTables(client);
  await client.query("BEGIN");
  try {
    for (const table of tables) await client.query(`ALTER TABLE ${quoted(table)} DISABLE TRIGGER USER`);
    await insertLines(client, new Set(tables), source, signal);
    for (const table of tables) await client.query(`ALTER TABLE ${quoted(table)} ENABLE TRIGGER USER`);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

async function insertLines(
  client: pg.Client,
  tables: ReadonlySet<string>,
  source: Readable,
  signal: AbortSignal | undefined,
): Promise<void> {
  let table: string | undefined;
  let batch: string[] = [];
  let characters = 0;
  let count = 0;
  let isComplete = false;
  const flush = async () => {
    if (table === undefined || batch.length === 0) return;
    await client.query(
      `INSERT INTO ${quoted(table)} SELECT * FROM json_populate_recordset(NULL::${quoted(table)}, $1::json)`,
      [`[${batch.join(",")}]`],
    );
    batch = [];
    characters = 0;
  };
  for await (const line of linesIn(source)) {
    signal?.throwIfAborted();
    const [kind, name = "", ...rest] = line.split("\t");
    if (isComplete) throw damaged("goes on after its end");
    if (kind === "row" && tables.has(name)) {
      if (name !== table || batch.length === ROWS_AT_ONCE || characters > INSERT_CHARACTERS) await flush();
      table = name;
      // PostgreSQL's JSON has no unescaped tab, so `rest` is the row's JSON in one part.
      batch.push(rest.join("\t"));
      characters += line.length;
      count++;
    } else if (kind === "sequence") {
      await flush();
      await client.query("SELECT setval(quote_ident($1)::regclass, $2::int8)", [name, rest[0]]);
    } else if (kind === "end") {
      if (Number(name) !== count) throw damaged(`has ${count} rows and should have ${name}`);
      isComplete = true;
    } else throw damaged(`has a line of an unknown kind: ${line.slice(0, 40)}`);
  }
  await flush();
  if (!isComplete) throw damaged("breaks off");
}

/** `readline` does not report a failure of its source by itself. */
async function* linesIn(source: Readable) {
  const plain = createGunzip();
  let failure: unknown;
  source.once("error", (error) => {
    failure = error;
    plain.destroy();
  });
  plain.once("error", (error) => {
    failure ??= damaged("does not unpack", error);
  });
  yield* createInterface({ input: source.pipe(plain), crlfDelay: Number.POSITIVE_INFINITY });
  if (failure !== undefined) throw failure;
}

function damaged(what: string, cause?: unknown): BackupError {
  return new BackupError("BACKUP_CORRUPT", `The archive ${what}.`, cause);
}
