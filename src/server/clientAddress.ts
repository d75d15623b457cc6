import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";

export type ClientAddress = ReturnType<typeof createClientAddress>;

/** `Strict-Transport-Security` for clients that came by HTTPS: for a year they come no other way. */
export const STRICT_TRANSPORT = "max-age=31536000";

/**
 * Says where a request came from. The headers that a proxy adds count when the proxy is trusted; anybody else
 * may have made them up.
 *
 * @param trusted addresses, networks and "loopback"
 */
export function createClientAddress(trusted: readonly string[]) {
  const proxies = new BlockList();
  for (const entry of trusted.flatMap((each) => (each === "loopback" ? ["127.0.0.0/8", "::1"] : each))) {
    const [address = "", bits] = entry.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  const isProxy = (address: string) => proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  const isFromProxy = ({ socket }: IncomingMessage) =>
    trusted.length > 0 && socket.remoteAddress !== undefined && isProxy(unmapped(socket.remoteAddress));

  return {
    /** The last address on the way here that is not a trusted proxy's; undefined when the connection is gone. */
    addressOf(req: IncomingMessage): string | undefined {
      const { remoteAddress } = req.socket;
      if (remoteAddress === undefined) return undefined;
      let address = unmapped(remoteAddress);
      if (trusted.length === 0) return address;
      // Each proxy appends the address that its request came from, so they are read from the end.
      const hops = req.headers["x-forwarded-for"]?.toString().split(",") ?? [];
      while (isProxy(address)) {
        const hop = unmapped(hops.pop()?.trim() ?? "");
        if (isIP(hop) === 0) break;
        address = hop;
      }
      return address;
    },

    /** Whether a trusted proxy says that the client came by HTTPS. */
    isSecure: (req: IncomingMessage): boolean =>
      isFromProxy(req) && req.headers["x-forwarded-proto"]?.toString().split(",")[0]?.trim() === "https",
  };
}

/** The IPv4 address, also where a dual-stack socket shows it as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

/**
 * The network that an address is counted as. An IPv6 customer is given a network of /64 at least, and may use
 * all of it.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  // Safe to ignore that an embedded IPv4 address is two groups: it is within the last four.
  const groups =
    tail === undefined ? first : [...first, ...Array(8 - first.length - last.length).fill("0"), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
