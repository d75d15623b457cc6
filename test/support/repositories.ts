import { pino } from "pino";
import { loadConfig } from "../../src/config.ts";
import { createDatabase } from "../../src/database/database.ts";
import type { TokenCipher } from "../../src/database/encryption.ts";
import { createRepositories } from "../../src/repositories/index.ts";
import { atEndOfFile } from "./cleanup.ts";
import { createTestDatabase } from "./postgres.ts";

/**
 * The repositories on a database of this test file's own, or on the one at `url`. Closed after the file's
 * last test.
 */
export async function createTestRepositories(options: { cipher?: TokenCipher; url?: string } = {}) {
  const url = options.url ?? (await createTestDatabase()).url;
  const database = createDatabase(loadConfig({}).database, url, pino({ level: "silent" }));
  // Registered after the database, so closed before the database is dropped.
  atEndOfFile(database.close);
  const empty = () => database.pool.query("TRUNCATE users CASCADE");
  // Without a cache: the tests of the cache cover what it adds to a write.
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
