import type { AddressInfo, Server } from "node:net";

/**
 * @returns the port that is listened on: the system chooses it when `port` is 0
 * @throws Error when the address is taken or not this machine's
 */
export function listenOn(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      // Safe: a server that listens on a host and port has such an address.
      resolve((server.address() as AddressInfo).port);
    });
  });
}
