import pg from "pg";
import { applyMigrations } from "../../../src/database/migrations.ts";
import { addAdministrator } from "../../support/access.ts";
import { canInstall, findBinaries, installBinaries } from "../../support/binaries.ts";
import { launchPostgres, launchReplica } from "../../support/postgresServer.ts";
import { launchRedis } from "../../support/redisServer.ts";
import type { TestServer } from "../../support/server.ts";
import { type Instance, startInstance } from "./instance.ts";

export interface World {
  readonly postgres: TestServer;
  readonly redis: TestServer;
  /** Undefined: the instances have no replica. */
  readonly replica: TestServer | undefined;
  readonly instances: readonly Instance[];
  /** Connections straight to PostgreSQL, past the service and the proxies. */
  readonly outside: pg.Pool;
  stop(): Promise<void>;
}

const DATABASE = "checked";

/**
 * Lets counters keep their highest value. A write that seemed lost may arrive after later ones, which is no
 * fault of the service.
 */
const KEEP_THE_HIGHEST = `
CREATE FUNCTION keep_the_highest_username() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.username ~ '^[0-9]+$' AND NEW.username ~ '^[0-9]+$' THEN
    NEW.username := greatest(OLD.username::bigint, NEW.username::bigint)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_the_highest BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION keep_the_highest_username();
CREATE FUNCTION keep_the_highest_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.name ~ '^[0-9]+$' AND NEW.name ~ '^[0-9]+$' THEN
    NEW.name := greatest(OLD.name::bigint, NEW.name::bigint)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_the_highest BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION keep_the_highest_name();
CREATE FUNCTION keep_the_highest_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.plan->'warnings'->>0)::bigint > (NEW.plan->'warnings'->>0)::bigint THEN NEW.plan := OLD.plan; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_the_highest BEFORE UPDATE ON conversion_jobs FOR EACH ROW EXECUTE FUNCTION keep_the_highest_plan();
`;

/** Starts real servers, and instances of the service on them, and waits until all answer. */
export async function startWorld(options: {
  readonly instances: number;
  /** HTTP connections to each instance. */
  readonly connections: number;
  readonly hasReplica: boolean;
}): Promise<World> {
  const found = findBinaries();
  if ((found.postgres === undefined || found.redis === undefined) && canInstall()) installBinaries(found);

  // Released in reverse order.
  const releasers: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    const failures: unknown[] = [];
    for (let release = releasers.pop(); release !== undefined; release = releasers.pop()) {
      await release().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    const postgres = await launchPostgres({
      // A replica that was away must find the log that it missed.
      settings: { autovacuum: "on", ...(options.hasReplica && { wal_keep_size: "1GB" }) },
    });
    releasers.push(postgres.stop);
    const redis = await launchRedis();
    releasers.push(redis.stop);

    const url = new URL(postgres.url);
    url.pathname = `/${DATABASE}`;
    const admin = new pg.Client({ connectionString: postgres.url });
    await admin.connect();
    await admin.query(`CREATE DATABASE "${DATABASE}" TEMPLATE template0`);
    await admin.end();
    await applyMigrations({ connectionString: url.href });

    const outside = new pg.Pool({ connectionString: url.href, max: 4, connectionTimeoutMillis: 2_000 });
    // The server is restarted while the pool is open.
    outside.on("error", () => {});
    releasers.push(() => outside.end());
    await outside.query(KEEP_THE_HIGHEST);
    await addAdministrator(url.href);

    const replica = options.hasReplica ? await launchReplica(postgres) : undefined;
    if (replica) releasers.push(replica.stop);

    const instances: Instance[] = [];
    for (let index = 0; index < options.instances; index++) {
      const instance = await startInstance({
        index,
        postgresPort: postgres.port,
        databaseName: DATABASE,
        redisPort: redis.port,
        replicaPort: replica?.port,
        connections: options.connections,
      });
      releasers.push(instance.stop);
      instances.push(instance);
    }
    await Promise.all(instances.map((instance) => instance.untilUp()));
    return { postgres, redis, replica, instances, outside, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
