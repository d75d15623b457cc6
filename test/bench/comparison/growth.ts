import { spreadOf } from "../machine.ts";
import { bodyOf, cursorsOf } from "./check.ts";
import { SERVICE, SERVICE_UNCACHED } from "./contenders.ts";
import type { Databases } from "./data.ts";
import { createDatabases } from "./data.ts";
import { type LoadOptions, runLoad } from "./load.ts";
import { ask, startServer } from "./servers.ts";
import { QUERIES } from "./work.ts";

export interface GrowthOptions {
  readonly rounds: number;
  readonly projects: number;
  readonly distinct: number;
  readonly load: LoadOptions;
  readonly postgres: string;
  readonly redis: string;
  readonly progress: (line: string) => void;
}

const MANY = 1_000_000;

/** What a request costs the service with few rows and with many, which should be the same. */
export async function measureGrowth({
  rounds,
  projects,
  distinct,
  load,
  postgres,
  redis,
  progress,
}: GrowthOptions) {
  const found = new Map<string, number[]>();
  for (const count of [projects, MANY]) {
    progress(`${count} projects …`);
    const databases: Databases = await createDatabases(postgres, count, `_${count}`);
    for (const contender of [SERVICE, SERVICE_UNCACHED]) {
      const server = await startServer(contender, {
        database: databases.service,
        redis: `${redis}/${count === MANY ? 1 : 0}`,
        body: bodyOf("service", QUERIES.Q1, 0, [], count),
      });
      const cursors = await cursorsOf(server, distinct);
      for (const query of Object.values(QUERIES)) {
        const bodies = Array.from({ length: distinct }, (_, n) =>
          bodyOf("service", query, n, cursors, count),
        );
        for (const body of bodies) await (await ask(server, body)).arrayBuffer();
        const samples: number[] = [];
        for (let round = 0; round <= rounds; round++) {
          progress(`${count} projects, ${contender.name}: ${query.name}, round ${round} of ${rounds}`);
          const { cpuMicroseconds } = await runLoad(server, bodies, load);
          // The first compiles.
          if (round > 0) samples.push(cpuMicroseconds);
        }
        const name = `${query.name} ${contender === SERVICE ? "cached" : "off"}`;
        found.set(name, [...(found.get(name) ?? []), spreadOf(samples).median]);
      }
      await server.stop();
    }
  }
  return [...found].map(([name, cpuMicroseconds]) => {
    const [work, state] = name.split(" ");
    return { work, state, cpuMicroseconds, growth: cpuMicroseconds[1]! / cpuMicroseconds[0]! - 1 };
  });
}
