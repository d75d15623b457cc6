import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GraphQLError } from "graphql";
import { createYoga } from "graphql-yoga";
import { pino } from "pino";
import { loadConfig } from "../../src/config.ts";
import { createDatabase } from "../../src/database/database.ts";
import { AppError } from "../../src/errors.ts";
import { createRepositories } from "../../src/repositories/index.ts";
import { schema } from "../../src/schema/index.ts";
import { createContext, requestIdOf } from "../../src/server/context.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";

/** The real schema on a database of the caller's own, behind a socket. Everybody is the user `owner`. */
export async function startService() {
  const { url: databaseUrl } = await createTestDatabase();
  const log = pino({ level: "silent" });
  const database = createDatabase(loadConfig({ DATABASE_URL: databaseUrl }).database, databaseUrl, log);
  const repositories = createRepositories(database);
  const owner = await repositories.users.create({ githubId: "1", username: "octocat" });
  const requests: { headers: Record<string, string | string[] | undefined>; body: string }[] = [];

  const yoga = createYoga({
    schema,
    logging: false,
    maskedErrors: { maskError },
    context: ({ request }) =>
      createContext(
        {
          repositories,
          log,
          identify: async () => ({ userId: owner.id, role: owner.role }),
          system: {
            health: async () => ({ isHealthy: true, components: await repositories.healthCheck() }),
            statistics: () => ({
              pool: database.getPoolStatistics(),
              process: {
                uptimeSeconds: 1,
                residentMemoryBytes: 2,
                heapUsedBytes: 3,
                cpuPercent: 4,
                nodeVersion: "20",
              },
            }),
          },
        },
        request,
      ),
  });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () =>
      requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() }),
    );
    response.setHeader("x-request-id", requestIdOf(request.headers["x-request-id"]?.toString()));
    void yoga(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEndOfFile(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await database.close();
  });
  // Safe: a server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    requests,
    repositories,
    database,
    ownerId: `User:${owner.id}`,
  };
}

function maskError(error: unknown): GraphQLError {
  const located = error instanceof GraphQLError ? error : undefined;
  const original = located?.originalError ?? error;
  if (original instanceof AppError) {
    return new GraphQLError(original.message, {
      path: located?.path,
      extensions: { code: original.code, ...original.details },
    });
  }
  return located ?? new GraphQLError("unexpected");
}
