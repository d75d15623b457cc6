import { pino } from "pino";
import { loadConfig } from "../../src/config.ts";
import { createDatabase } from "../../src/database/database.ts";
import type { TokenCipher } from "../../src/database/encryption.ts";
import { createRepositories } from "../../src/repositories/index.ts";
import { atEndOfFile } from "./cleanup.ts";
import { createTestDatabase } from "./postgres.ts";

/** The repositories on a database of this test file's own, or the one at `url`; closed after its last test. */
export async function createTestRepositories(options: { cipher?: TokenCipher; url?: string } = {}) {
  const url = options.url ?? (await createTestDatabase()).url;
  const database = createDatabase(loadConfig({}).database, url, pino({ level: "silent" }));
  // After the database was registered, so before it is dropped.
  atEndOfFile(database.close);
  const empty = () => database.pool.query("TRUNCATE users CASCADE");
  // Without a cache: what the cache adds to a write is tested with the cache.
  const repositories = createRepositories(
    {
      query: database.query,
      write: database.prismaTransaction,
      writeStatements: database.statementTransaction,
      isRepeatable: () => false,
    },
    options,
  );
  return { database, pool: database.pool, empty, repositories };
}
