import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { authenticationOf } from "../../src/auth/configured.ts";
import { loadConfig, variables } from "../../src/config.ts";
import { createTestApp } from "../support/app.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { composeOf, type Document, ROOT, textOf } from "./files.ts";

/** Checks the Dockerfile, compose files and manifests against the service. No container is run. */

const run = promisify(execFile);

/** Checks the settings of one of our containers: those of the image, and its own. */
async function expectConfiguration(settings: Record<string, string>) {
  const unknown = Object.keys(settings).filter((name) => !(name in variables));
  expect(unknown).toEqual([]);
  const config = loadConfig({ ...imageSettings(), ...settings });
  expect(await authenticationOf(config)).toMatchObject({ isLocal: false });
  expect(config.http).toMatchObject({ host: "0.0.0.0", port: 4000 });
  expect(config.environment).toBe("production");
  return config;
}

function imageSettings(): Record<string, string> {
  const line = /^ENV (.*)$/m.exec(textOf("Dockerfile"))![1]!;
  return Object.fromEntries(line.split(" ").map((pair) => pair.split("=") as [string, string]));
}

const milliseconds = (text: string) => Number(/^(\d+)s$/.exec(text)![1]) * 1_000;

describe("the compose files", () => {
  test.each(["compose.yaml", "deploy/compose.yaml"])("%s has valid settings and references", async (file) => {
    const { services, volumes } = composeOf(file);
    const ours = Object.entries<Document>(services).filter(([, service]) => "build" in service);
    expect(ours.length).toBe(file === "compose.yaml" ? 1 : 2);
    for (const [, { environment, stop_grace_period, build }] of ours) {
      expect(existsSync(join(ROOT, file, "..", build, "Dockerfile"))).toBe(true);
      const { http } = await expectConfiguration(environment);
      expect(http.shutdownDelayMs + http.shutdownTimeoutMs).toBeLessThan(milliseconds(stop_grace_period));
    }
    for (const service of Object.values<Document>(services)) {
      for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(services)).toContain(name);
      for (const mount of service.volumes ?? []) {
        const [source] = mount.split(":");
        if (source.startsWith("."))
          expect([source, existsSync(join(ROOT, file, "..", source))]).toEqual([source, true]);
        else expect(Object.keys(volumes)).toContain(source);
      }
    }
  });

  test("in the larger one, instances use the servers that it defines, and trust its nginx as a proxy", () => {
    const { services, networks } = composeOf("deploy/compose.yaml");
    const { environment } = services["api-1"];
    expect(services["api-2"]).toEqual(services["api-1"]);
    const hosts = [environment.DATABASE_URL, environment.DATABASE_REPLICA_URLS].map(
      (url) => new URL(url).hostname,
    );
    hosts.push(
      ...environment.REDIS_URL.slice("redis+sentinel://".length)
        .split("/")[0]
        .split(",")
        .map((at: string) => at.split(":")[0]),
    );
    expect(hosts).toEqual(["postgres", "postgres-replica", "sentinel-1", "sentinel-2", "sentinel-3"]);
    for (const host of hosts) expect(Object.keys(services)).toContain(host);
    expect(environment.TRUST_PROXY).toBe(networks.default.ipam.config[0].subnet);
    const nginx = textOf("deploy/nginx.conf");
    const upstreams = [...nginx.matchAll(/^ *server (\S+):(\d+) /gm)].map(([, host, port]) => [host, port]);
    expect(upstreams).toEqual([
      ["api-1", "4000"],
      ["api-2", "4000"],
    ]);
    expect(services.nginx.ports).toEqual([
      expect.stringMatching(new RegExp(`:${/listen (\d+);/.exec(nginx)![1]}$`)),
    ]);
    // nginx' megabytes have 1,048,576 bytes too.
    expect(Number(/client_max_body_size (\d+)m;/.exec(nginx)![1]) * 1_048_576).toBe(
      loadConfig({}).http.maxBodyBytes,
    );
  });
});

describe("the image", () => {
  test("copies only existing files, and runs the command as an unprivileged user", () => {
    const text = textOf("Dockerfile");
    const [build, final] = text.split(/^(?=FROM )/m).slice(1) as [string, string];
    const sources = (stage: string) =>
      [...stage.matchAll(/^COPY (.*)$/gm)].flatMap(([, rest]) =>
        rest!
          .split(" ")
          .filter((word) => !word.startsWith("--"))
          .slice(0, -1),
      );
    const made = ["/app/dist", "/app/node_modules"];
    for (const source of [...sources(build), ...sources(final).filter((name) => !made.includes(name))])
      expect([source, existsSync(join(ROOT, source.replace("/app/", "./")))]).toEqual([source, true]);
    expect(sources(final)).toEqual(expect.arrayContaining(made));
    const { bin, scripts, files } = JSON.parse(textOf("package.json"));
    expect(final).toContain(`CMD ["node", "${bin["stack-converter"]}", "serve"]`);
    for (const [, script] of build.matchAll(/npm run (\S+)/g)) expect(Object.keys(scripts)).toContain(script);
    // Parts of the package that the service needs at run time.
    for (const file of ["dist", "trustedDocuments.json"]) expect(files).toContain(file);
    expect(final).toMatch(/^USER node$/m);
    expect(imageSettings().PORT).toBe(/^EXPOSE (\d+)$/m.exec(final)![1]);
    expect(Object.keys(imageSettings()).filter((name) => !(name in variables))).toEqual([]);
  });

  test("has a health check command that works", async () => {
    const { app } = await createTestApp();
    const { port } = await app.listen();
    const line = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(textOf("Dockerfile"))![1]!;
    const [, ...args] = JSON.parse(line) as string[];
    await run(process.execPath, args, { env: { PORT: String(port) } });
    await app.close();
    await expect(run(process.execPath, args, { env: { PORT: String(port) } })).rejects.toMatchObject({
      code: 1,
    });
  });
});

describe("the Kubernetes manifests", () => {
  const folder = "deploy/kubernetes";
  const documents = readdirSync(join(ROOT, folder)).flatMap((file) =>
    parseAllDocuments(textOf(join(folder, file))).map((document) => {
      expect([file, document.errors]).toEqual([file, []]);
      return document.toJS() as Document;
    }),
  );
  const only = (kind: string) => {
    const found = documents.filter((document) => document.kind === kind);
    expect([kind, found.length]).toEqual([kind, 1]);
    return found[0];
  };
  const secret = only("Secret").stringData as Record<string, string>;
  const deployment = only("Deployment");
  const pod = deployment.spec.template;
  const [container] = pod.spec.containers;
  const settingsOf = ({ env, envFrom }: Document): Record<string, string> => {
    expect(envFrom).toEqual([{ secretRef: { name: only("Secret").metadata.name } }]);
    return { ...secret, ...Object.fromEntries(env.map(({ name, value }: Document) => [name, value])) };
  };

  test("set everything that the service needs, and no unknown variable", async () => {
    const { http, metrics } = await expectConfiguration(settingsOf(container));
    const ports = Object.fromEntries(
      container.ports.map(({ name, containerPort }: Document) => [name, containerPort]),
    );
    expect(ports).toEqual({ http: http.port, metrics: metrics.port });
    expect(metrics.host).toBe("0.0.0.0");
    expect(pod.metadata.annotations["prometheus.io/port"]).toBe(String(metrics.port));
    expect(http.shutdownDelayMs + http.shutdownTimeoutMs).toBeLessThan(
      pod.spec.terminationGracePeriodSeconds * 1_000,
    );
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(periodSeconds * failureThreshold * 1_000).toBeLessThan(http.shutdownDelayMs);
  });

  test("use probes that the service has", async () => {
    const { app } = await createTestApp();
    const { url } = await app.listen();
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
      const { path, port } = container[probe].httpGet;
      expect(port).toBe("http");
      expect([path, (await fetch(new URL(path, url))).status]).toEqual([path, 200]);
    }
  });

  test("refer to each other by matching labels and names", () => {
    const { labels } = pod.metadata;
    expect(deployment.spec.selector.matchLabels).toEqual(labels);
    expect(only("Service").spec.selector).toEqual(labels);
    expect(only("Service").spec.ports[0].targetPort).toBe("http");
    expect(only("PodDisruptionBudget").spec.selector.matchLabels).toEqual(labels);
    const { scaleTargetRef, minReplicas, maxReplicas } = only("HorizontalPodAutoscaler").spec;
    expect(scaleTargetRef.name).toBe(deployment.metadata.name);
    expect(only("PodDisruptionBudget").spec.minAvailable).toBeLessThan(minReplicas);
    // With the four connections that each instance has beside its pool, within PostgreSQL's default of 100.
    expect(maxReplicas * (Number(settingsOf(container).DB_POOL_MAX) + 4)).toBeLessThan(100);
    expect(deployment.spec.replicas).toBeUndefined();
  });

  test("back up with a command that works", async () => {
    const { url } = await createTestDatabase();
    const { containers, volumes } = only("CronJob").spec.jobTemplate.spec.template.spec;
    const [backup] = containers;
    const settings = settingsOf(backup);
    loadConfig(settings);
    expect(backup.volumeMounts).toEqual([{ name: volumes[0].name, mountPath: settings.BACKUP_DIRECTORY }]);
    expect(volumes[0].persistentVolumeClaim.claimName).toBe(only("PersistentVolumeClaim").metadata.name);
    expect(backup.image).toBe(container.image);
    const folder = mkdtempSync(join(tmpdir(), "stack-converter-backup-"));
    atEndOfFile(() => rm(folder, { recursive: true, force: true }));
    const env = { ...settings, DATABASE_URL: url, BACKUP_DIRECTORY: folder, LOG_LEVEL: "silent" };
    const { stdout } = await run(process.execPath, backup.args.slice(1), { cwd: ROOT, env });
    expect(stdout).toContain("Not verified yet");
    expect(readdirSync(folder)).toHaveLength(2);
  }, 60_000);
});
