import inspector from "node:inspector";
import { test } from "vitest";
import { QUERIES } from "./bench/comparison/work.ts";
import { createTestApp } from "./support/app.ts";
import { insertRows } from "./support/rows.ts";

test("x", async () => {
  const MODE = process.env.MODE ?? "off";
  const { app, execute } = await createTestApp({
    COMPILE_AFTER: "1",
    NODE_ENV: "production",
    ...(MODE === "off" ? { CACHE_TTL: "0", CACHE_MAX_ENTRIES: "0" } : {}),
  });
  await insertRows(app.database.pool, { users: 1000, projects: 10000, jobs: 50000 });
  await app.database.pool.query("analyze");
  const q = QUERIES[(process.env.Q ?? "Q3") as "Q3"];
  let n = 0;
  const v = () => (MODE === "off" ? {} : { n: String(n++) });
  for (let i = 0; i < 30; i++) await execute(q.documents.service, v());
  const s = new inspector.Session();
  s.connect();
  const post = (m: string, p?: object) =>
    new Promise<any>((ok, no) =>
      s.post(m as never, p as never, (e: unknown, r: unknown) => (e ? no(e) : ok(r))),
    );
  await post("HeapProfiler.startSampling", {
    samplingInterval: 4096,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  const N = 100;
  const cpu = process.cpuUsage();
  for (let i = 0; i < N; i++) await execute(q.documents.service, v());
  const u = process.cpuUsage(cpu);
  const { profile } = await post("HeapProfiler.stopSampling");
  console.log("cpu", (u.user + u.system) / N);
  const self = new Map<string, number>();
  let total = 0;
  const walk = (node: any, mod: string) => {
    const f = node.callFrame;
    const name = `${f.functionName || "(anon)"} ${f.url.replace(/.*\/(node_modules|main)\//, "")}:${f.lineNumber + 1}`;
    self.set(name, (self.get(name) ?? 0) + node.selfSize);
    total += node.selfSize;
    for (const c of node.children) walk(c, mod);
  };
  walk(profile.head, "");
  console.log("per request kB", total / N / 1024);
  for (const [k, b] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 60))
    console.log((b / N / 1024).toFixed(1).padStart(8), k);
}, 200000);
