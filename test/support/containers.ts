import type { StartedTestContainer } from "testcontainers";
import { pingPostgres } from "./postgresServer.ts";
import { pingRedis } from "./redisServer.ts";
import { findFreePort, type TestServer } from "./server.ts";

/**
 * The last resort, for machines without the servers' programs: the same servers in containers. If this
 * process ends without removing them, Testcontainers' own reaper does.
 */

export async function startPostgresContainer(
  settings: Readonly<Record<string, string>>,
): Promise<TestServer> {
  const { listen_addresses: _address, unix_socket_directories: _socket, ...portable } = settings;
  return startContainer({
    image: "postgres:17-alpine",
    containerPort: 5432,
    environment: {
      POSTGRES_HOST_AUTH_METHOD: "trust",
      POSTGRES_INITDB_ARGS: "--no-sync --locale=C --lc-ctype=C.UTF-8",
    },
    command: ["postgres", ...Object.entries(portable).flatMap(([key, value]) => ["-c", `${key}=${value}`])],
    url: (host, port) => `postgres://postgres@${host}:${port}/postgres`,
    ping: pingPostgres,
  });
}

export async function startRedisContainer(args: readonly string[]): Promise<TestServer> {
  return startContainer({
    image: "redis:7-alpine",
    containerPort: 6379,
    environment: {},
    command: ["redis-server", ...args],
    url: (host, port) => `redis://${host}:${port}`,
    ping: pingRedis,
  });
}

async function startContainer(options: {
  image: string;
  containerPort: number;
  environment: Record<string, string>;
  command: string[];
  url: (host: string, port: number) => string;
  ping: (url: string) => Promise<void>;
}): Promise<TestServer> {
  const { image, containerPort, environment, command, url: urlOf, ping } = options;
  const port = await findFreePort();
  let container: StartedTestContainer;
  try {
    const { GenericContainer, Wait } = await import("testcontainers");
    container = await new GenericContainer(image)
      .withEnvironment(environment)
      .withCommand(command)
      // A fixed port: Docker would choose another one at every restart.
      .withExposedPorts({ container: containerPort, host: port })
      .withWaitStrategy(Wait.forListeningPorts())
      .start();
  } catch (error) {
    throw new Error(
      "The tests need PostgreSQL and Redis. Neither their programs nor Docker (for containers) could be " +
        "used on this machine. Install PostgreSQL 15 or newer and Redis 7 or newer, or name running servers by " +
        "TEST_DATABASE_URL (a role that may create databases) and TEST_REDIS_URL.",
      { cause: error },
    );
  }
  const url = urlOf(container.getHost(), port);
  // The image starts PostgreSQL once to set it up and then again, so only an answer on this port tells that
  // it is ready.
  const answers = async () => {
    const deadline = Date.now() + 60_000;
    for (;;) {
      try {
        return await ping(url);
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  };
  await answers();
  let isStopped = false;
  return {
    url,
    port,
    pid: () => undefined,
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await container.stop({ remove: true, removeVolumes: true });
    },
    async kill() {
      await container.stop({ remove: false, removeVolumes: false, timeout: 0 });
    },
    async restart() {
      await container.restart({ timeout: 10_000 });
      await answers();
    },
  };
}
