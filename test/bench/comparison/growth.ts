import { spreadOf } from "../machine.ts";
import { bodyOf, cursorsOf } from "./check.ts";
import { SERVICE, SERVICE_UNCACHED } from "./contenders.ts";
import { createServiceDatabase } from "./data.ts";
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

/** The cost of a request to the service with few rows and with many, which should be the same. Rounds alternate. */
export async function measureGrowth({
  rounds,
  projects,
  distinct,
  load,
  postgres,
  redis,
  progress,
}: GrowthOptions) {
  const sizes: { readonly count: number; readonly database: string; readonly redis: string }[] = [];
  for (const count of [projects, MANY]) {
    progress(`${count} projects …`);
    const database = await createServiceDatabase(postgres, count, `_${count}`);
    sizes.push({ count, database, redis: `${redis}/${sizes.length}` });
  }
  const found: { work: string; state: string; cpuMicroseconds: number[]; growth: number }[] = [];
  for (const contender of [SERVICE, SERVICE_UNCACHED]) {
    const turns = await Promise.all(
      sizes.map(async ({ count, database, redis }) => {
        const server = await startServer(contender, {
          database,
          redis,
          body: bodyOf("service", QUERIES.Q1, 0, [], count),
        });
        return { count, server, cursors: await cursorsOf(server, distinct), samples: [] as number[] };
      }),
    );
    for (const query of Object.values(QUERIES)) {
      const bodies = turns.map(({ count, cursors }) =>
        Array.from({ length: distinct }, (_, n) => bodyOf("service", query, n, cursors, count)),
      );
      for (const [index, { server }] of turns.entries())
        for (const body of bodies[index]!) await (await ask(server, body)).arrayBuffer();
      for (const turn of turns) turn.samples = [];
      for (let round = 0; round <= rounds; round++) {
        progress(`${contender.name}: ${query.name}, round ${round} of ${rounds}`);
        for (const [index, { server, samples }] of turns.entries()) {
          const { cpuMicroseconds } = await runLoad(server, bodies[index]!, load);
          // The first round does not count: V8 compiles the code in it.
          if (round > 0) samples.push(cpuMicroseconds);
        }
      }
      const cpuMicroseconds = turns.map(({ samples }) => spreadOf(samples).median);
      found.push({
        work: query.name,
        state: contender === SERVICE ? "cached" : "off",
        cpuMicroseconds,
        growth: cpuMicroseconds[1]! / cpuMicroseconds[0]! - 1,
      });
    }
    for (const { server } of turns) await server.stop();
  }
  return found;
}
