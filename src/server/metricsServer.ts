import { createServer } from "node:http";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { listenOn } from "./listen.ts";
import type { Probes } from "./probes.ts";

/** The probes and the metrics on a port of their own, which a network can close to strangers. */
export function createMetricsServer(options: {
  readonly probes: Probes;
  /** Without a port, none is opened. */
  readonly settings: Pick<Config["metrics"], "port" | "host">;
  readonly log: Logger;
}) {
  const { probes, settings, log } = options;
  const server = createServer((req, res) => {
    void probes
      .answer(req, res, "metrics")
      .then((isAnswered) => {
        if (!isAnswered) res.writeHead(404).end();
      })
      .catch((error: unknown) => {
        log.error({ err: error }, "the metrics could not be told");
        if (res.headersSent) res.destroy();
        else res.writeHead(500).end();
      });
  });

  return {
    /**
     * @returns the port that is listened on; undefined: none is configured
     * @throws Error when the address is taken or not this machine's
     */
    listen: async (): Promise<number | undefined> =>
      settings.port === undefined ? undefined : listenOn(server, settings.port, settings.host),

    async close(): Promise<void> {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
