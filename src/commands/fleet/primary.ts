import cluster, { type Worker } from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backoffMs } from "../../cache/backoff.ts";
import type { Config } from "../../config.ts";
import { createFleetFigures, tell } from "./figures.ts";
import type { ToPrimary } from "./messages.ts";

export interface FleetIo {
  readonly log: Logger;
  /** Calls back on every signal to stop, with its name. */
  readonly onSignal: (listener: (signal: string) => void) => void;
  /** Calls back when all workers are to be replaced. */
  readonly onReload: (listener: () => void) => void;
  readonly exit: (code: number) => never;
}

/** The workers cannot be started, or none of them keeps running. */
export class FleetError extends Error {
  readonly code = "WORKERS_FAILED";
}

interface Member {
  readonly worker: Worker;
  readonly startedAt: number;
  /** Resolves to true when the worker answers, or to false if it ended before. */
  readonly ready: Promise<boolean>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  state: "starting" | "ready" | "stopping" | "ended";
}

const RESTART_DELAY = { firstMs: 100, maxMs: 30_000 };
/** A worker that ends sooner counts as one more failure in a row, and its successor starts later. */
const STABLE_MS = 10_000;
/**
 * After so many failures in a row, with no worker left that answers, this process ends, so that its
 * supervisor notices.
 */
const MAX_FAILURES = 5;
/** Added to the worker's own time-outs: a worker that has not ended by then never will. */
const GRACE_MS = 15_000;

/**
 * `stack-converter serve` with WEB_CONCURRENCY above 1: starts the workers, each of which is the whole
 * service, and lets them share one port. A worker that dies gets a successor. A signal stops all workers. A
 * reload replaces one worker after another, and stops each only when its successor answers. The primary
 * process itself answers no requests.
 *
 * @throws FleetError when the first worker does not start
 */
export async function runFleet(config: Config, { log, onSignal, onReload, exit }: FleetIo): Promise<void> {
  const { shutdownDelayMs, shutdownTimeoutMs } = config.http;
  const stopMs = shutdownDelayMs + shutdownTimeoutMs + GRACE_MS;
  /** The worker that answers at each place, or will. */
  const places = new Map<number, Member>();
  /** All workers that run, also those that are being replaced. */
  const members = new Set<Member>();
  const figures = createFleetFigures(
    () =>
      new Map(
        [...places].flatMap(([place, { worker, state }]) => (state === "ready" ? [[place, worker]] : [])),
      ),
  );
  const stopping = new AbortController();
  /** True also until all workers answer for the first time. */
  let isBusy = true;

  // The workers accept connections from a shared socket. If this process handed connections out, those on
  // their way to a worker that is killed would hang for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  // Figures may be NaN or infinite, which JSON cannot express.
  cluster.setupPrimary({ serialization: "advanced" });

  function launch(): Member {
    const worker = cluster.fork();
    const exited = new Promise<Awaited<Member["exited"]>>((resolve) => {
      worker.once("exit", (code, signal) => {
        member.state = "ended";
        members.delete(member);
        resolve({ code, signal });
      });
    });
    const ready = new Promise<boolean>((resolve) => {
      worker.on("message", (message: ToPrimary) => {
        if (message.kind !== "ready") return void figures.receive(worker, message);
        if (member.state === "starting") member.state = "ready";
        resolve(true);
      });
      void exited.then(() => resolve(false));
    });
    // Errors of the worker's message channel. The worker's end is reported by `exit`.
    worker.on("error", (error) =>
      log.warn({ err: error, worker: worker.process.pid }, "a worker cannot be told"),
    );
    const member: Member = { worker, startedAt: performance.now(), ready, exited, state: "starting" };
    members.add(member);
    log.info({ worker: worker.process.pid }, "a worker starts");
    return member;
  }

  async function end(member: Member, hasSuccessor: boolean): Promise<void> {
    // A worker that does not answer requests yet does not listen to messages either.
    if (member.state === "starting") member.worker.process.kill("SIGTERM");
    else tell(member.worker, { kind: "stop", hasSuccessor });
    member.state = "stopping";
    const timer = setTimeout(() => {
      log.error({ worker: member.worker.process.pid }, "a worker did not stop in time, and is killed");
      member.worker.process.kill("SIGKILL");
    }, stopMs);
    await member.exited;
    clearTimeout(timer);
  }

  /** Keeps a worker running at the place, until all stop. */
  async function keep(place: number): Promise<void> {
    let failures = 0;
    for (let member = places.get(place)!; ; ) {
      const { code, signal } = await member.exited;
      if (places.get(place) === member && !stopping.signal.aborted) {
        failures = performance.now() - member.startedAt > STABLE_MS ? 1 : failures + 1;
        const pid = member.worker.process.pid;
        log.error({ worker: pid, code, signal, failures }, "a worker has ended; another will take its place");
        if (failures >= MAX_FAILURES && ![...members].some(({ state }) => state === "ready"))
          return stop(`${failures} workers in a row have failed, and none is left`, 1);
        await sleep(backoffMs(failures, RESTART_DELAY), undefined, { signal: stopping.signal }).catch(
          () => {},
        );
      }
      if (stopping.signal.aborted) return;
      if (places.get(place) === member) places.set(place, launch());
      member = places.get(place)!;
    }
  }

  async function reload(): Promise<void> {
    if (isBusy || stopping.signal.aborted) {
      log.warn("the workers are being started, replaced or stopped already");
      return;
    }
    isBusy = true;
    log.info("replacing the workers, one after another");
    for (const place of places.keys()) {
      const successor = launch();
      const isReady = await successor.ready;
      if (stopping.signal.aborted) break;
      if (!isReady) {
        log.error("a worker's successor does not start: those that are there go on as they are");
        break;
      }
      const predecessor = places.get(place)!;
      places.set(place, successor);
      await end(predecessor, true);
    }
    isBusy = false;
    if (!stopping.signal.aborted) log.info({ workers: pidsOf(places) }, "the workers answer");
  }

  async function stop(reason: string, exitCode: number): Promise<void> {
    if (stopping.signal.aborted) {
      log.warn({ reason }, "stopping at once");
      for (const { worker } of members) worker.process.kill("SIGKILL");
      exit(exitCode || 1);
    }
    stopping.abort();
    log.info({ reason }, "stopping: running requests may finish; a second signal stops at once");
    await Promise.all([...members].map((member) => end(member, false)));
    exit(exitCode);
  }

  onSignal((signal) => void stop(signal, 0));
  onReload(() => void reload());
  // The first worker starts alone: it applies the migrations, and an error that keeps it from starting is
  // told once.
  const first = launch();
  places.set(1, first);
  if (!(await first.ready)) {
    if (stopping.signal.aborted) return;
    const { code, signal } = await first.exited;
    throw new FleetError(
      `The first of ${config.workers} workers ended before it answered (${signal ?? `exit code ${code}`}). What it said is above.`,
    );
  }
  for (let place = 2; place <= config.workers && !stopping.signal.aborted; place++)
    places.set(place, launch());
  for (const place of places.keys()) void keep(place);
  await Promise.all([...places.values()].map(({ ready }) => ready));
  if (stopping.signal.aborted) return;
  isBusy = false;
  log.info({ workers: pidsOf(places) }, "the workers answer");
}

function pidsOf(places: ReadonlyMap<number, Member>): (number | undefined)[] {
  return [...places.values()].map(({ worker }) => worker.process.pid);
}
