import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentWrite, DRAIN } from "../../src/coherence/write.ts";
import { type Prisma, PrismaClient } from "../../src/database/generated/client.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { open } from "./versionTableSpecification.ts";

describe("a write through Prisma", () => {
  const statements: string[] = [];
  const table = createMemoryVersionTable();
  const events: string[] = [];
  let pool: pg.Pool;
  let prisma: PrismaClient;
  let write: <Result>(work: (tx: Prisma.TransactionClient) => Promise<Result>) => Promise<Result>;

  beforeAll(async () => {
    const { url } = await createTestDatabase();
    pool = new pg.Pool({ connectionString: url });
    pool.on("connect", (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown; // Its overloads are passed through.
      client.query = ((...args: unknown[]) => {
        const [first] = args;
        statements.push(typeof first === "string" ? first : (first as { text: string }).text);
        return query(...args);
      }) as typeof client.query;
    });
    await pool.query("UPDATE cache_epoch SET name = '1.a', state = 'live'");
    await open(table, "1.a");
    prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
    const never = () => Promise.reject(new Error("The epoch is live."));
    write = createCoherentWrite<Prisma.TransactionClient>({
      transaction: (work) => prisma.$transaction(work),
      table: {
        async mark(epoch, xid, tags) {
          events.push(`mark ${tags.map((tag) => tag.replace(/[-0-9a-f]{36}/, "<id>")).sort()}`);
          return table.mark(epoch, xid, tags);
        },
        async release(epoch, xid) {
          events.push("release");
          return table.release(epoch, xid);
        },
      },
      epochs: { retire: never, untilRetired: never },
    });
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await pool.end().catch(() => {});
  });

  it("marks before COMMIT, releases after it, and costs one more statement than without a cache", async () => {
    const created = await write((tx) => tx.user.create({ data: { githubId: "1", username: "ada" } }));
    expect(created.username).toBe("ada");
    expect(events).toEqual(["mark User#,User:<id>,User@githubId=1", "release"]);
    expect(await table.transactions("1.a")).toEqual([]);

    const count = async (work: () => Promise<unknown>) => {
      statements.length = 0;
      await work();
      return statements.length;
    };
    const update = (tx: Prisma.TransactionClient) =>
      tx.user.update({ where: { id: created.id }, data: { email: "a@b" } });
    const plain = await count(() => prisma.$transaction(update));
    const coherent = await count(() => write(update));
    expect(coherent - plain).toBe(1);
    expect(statements.slice(-2)).toEqual([DRAIN, "COMMIT"]);
  });

  it("runs again without a mark when marking fails and the epoch has been retired", async () => {
    const log: string[] = [];
    const setState = (state: string) => pool.query("UPDATE cache_epoch SET state = $1", [state]);
    const isolated = createCoherentWrite<Prisma.TransactionClient>({
      transaction: (work) => prisma.$transaction(work),
      table: {
        mark: async (epoch) => {
          log.push(`mark in ${epoch}`);
          throw new Error("unreachable");
        },
        release: () => Promise.reject(new Error("Nothing was marked.")),
      },
      epochs: {
        async retire(name) {
          log.push(`retire ${name}`);
          await setState("retiring");
          return { name, state: "retiring", isSameServer: true, ageMs: 0 };
        },
        async untilRetired(name) {
          log.push(`wait until ${name} is retired`);
          await setState("retired");
          return { name, state: "retired", isSameServer: true, ageMs: 0 };
        },
      },
    });
    const result = await isolated((tx) => {
      log.push("work");
      return tx.user.create({ data: { githubId: "2", username: "bob" } });
    });
    expect(log).toEqual(["work", "mark in 1.a", "retire 1.a", "wait until 1.a is retired", "work"]);
    expect(await prisma.user.findUnique({ where: { githubId: "2" } })).toEqual(result);
    await setState("live");
  });

  it("leaves the tags pending when it is unknown whether the COMMIT took place", async () => {
    const drop = createCoherentWrite<Prisma.TransactionClient>({
      transaction: async (work) => {
        await prisma.$transaction(work);
        throw new Error("connection lost");
      },
      table,
      epochs: { retire: () => Promise.reject(), untilRetired: () => Promise.reject() },
    });
    await expect(drop((tx) => tx.user.updateMany({ data: { email: "c@d" } }))).rejects.toThrow(
      "connection lost",
    );
    expect(await table.transactions("1.a")).toHaveLength(1);
  });
});
