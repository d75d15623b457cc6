import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine, SchemaFilter } from "@prisma/schema-engine-wasm";
import * as bindings from "@prisma/schema-engine-wasm/schema_engine_bg";
import type pg from "pg";
import { readMigrations } from "../src/database/migrations.ts";

/**
 * Prisma's own schema engine, the one that `prisma migrate` uses, as the WebAssembly that its
 * package contains: nothing is downloaded. For scripts and tests; the service does without.
 */

export const noFilter: SchemaFilter = { externalTables: [], externalEnums: [] };

/** PostgreSQL's internal type "char", a single byte. */
const CHAR_OID = 18;
const BPCHAR_OID = 1042;

/**
 * Connects the engine to a database. Close it by `close`.
 *
 * @param schema the text of schema.prisma
 */
export async function createSchemaEngine(connectionString: string, schema: string) {
  instantiate();
  const factory = new EngineAdapter(connectionString);
  const engine: SchemaEngine = await bindings.SchemaEngine.new(
    { datamodels: [["schema.prisma", schema]] },
    () => {},
    bindMigrationAwareSqlAdapterFactory(factory),
  );
  return {
    engine,
    async close(): Promise<void> {
      engine.free();
      await factory.dispose();
    },
  };
}

/** The migrations as the engine wants to be given them. */
export async function migrationList(directory: string): Promise<MigrationList> {
  const files = await readMigrations(directory);
  return {
    baseDir: directory,
    lockfile: {
      path: "migration_lock.toml",
      content: readFileSync(join(directory, "migration_lock.toml"), "utf8"),
    },
    shadowDbInitScript: "",
    migrationDirectories: files.map(({ name, bytes }) => ({
      path: name,
      migrationFile: {
        path: "migration.sql",
        content: bytes
          ? { tag: "ok", value: bytes.toString("utf8") }
          : { tag: "error", value: "cannot be read" },
      },
    })),
  };
}

/** Two faults of the adapter stand between the engine and this schema; the engine's binary, with a driver of its own, has neither. */
class EngineAdapter extends PrismaPg {
  readonly #opened: { dispose(): Promise<void> }[] = [];

  override async connect() {
    const adapter = await super.connect();
    this.#opened.push(adapter);
    const pool = adapter.underlyingDriver();

    // It cuts a script at every semicolon, those within a function's body, too.
    adapter.executeScript = async (script) => {
      await pool.query(script);
    };

    // It does not know "char", by which the catalogue tells a kind of constraint.
    const charColumns = new Set<string>();
    // as: of the overloads, the one that the adapter calls
    const query = pool.query.bind(pool) as (config: pg.QueryArrayConfig) => Promise<pg.QueryArrayResult>;
    pool.query = (async (config: pg.QueryArrayConfig) => {
      const result = await query(config);
      for (const field of result.fields ?? []) {
        if (field.dataTypeID !== CHAR_OID) continue;
        field.dataTypeID = BPCHAR_OID;
        charColumns.add(field.name);
      }
      return result;
    }) as typeof pool.query;
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (statement) => {
      const result = await queryRaw(statement);
      return {
        ...result,
        columnTypes: result.columnTypes.map((type, index) =>
          charColumns.has(result.columnNames[index] ?? "") ? ColumnTypeEnum.Character : type,
        ),
      };
    };
    return adapter;
  }

  async dispose(): Promise<void> {
    for (const adapter of this.#opened.splice(0)) await adapter.dispose();
  }
}

/** As much of it as is used: TypeScript declares it with the browser's types only, which this program does not take. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> };
};

let isInstantiated = false;

function instantiate(): void {
  if (isInstantiated) return;
  isInstantiated = true;
  // The package's main file imports the WebAssembly as a module, which Node does not do by itself.
  const require = createRequire(import.meta.url);
  const file = require.resolve("@prisma/schema-engine-wasm/schema_engine_bg").replace(/\.js$/, ".wasm");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {
    "./schema_engine_bg.js": bindings,
  });
  bindings.__wbg_set_wasm(exports);
  // The engine reports a panic by this global before it stops.
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => console.error(message) },
  });
  const start = exports.__wbindgen_start;
  if (typeof start === "function") start();
}
