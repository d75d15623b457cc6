import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { createClientAddress, networkOf } from "../../src/server/clientAddress.ts";

/** The parts of a request that the code reads. */
const from = (remoteAddress: string, headers: Record<string, string> = {}) =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;

describe("without trusted proxies", () => {
  const clients = createClientAddress([]);

  test("the address is the connection's, whatever the request says", () => {
    expect(clients.addressOf(from("192.0.2.1", { "x-forwarded-for": "10.0.0.1" }))).toBe("192.0.2.1");
    expect(clients.addressOf(from("::ffff:192.0.2.1"))).toBe("192.0.2.1");
    expect(clients.isSecure(from("192.0.2.1", { "x-forwarded-proto": "https" }))).toBe(false);
  });
});

describe("behind trusted proxies", () => {
  const clients = createClientAddress(["loopback", "10.0.0.0/8", "fd00::/8"]);

  test.each([
    ["10.0.0.1", "203.0.113.7", "203.0.113.7"],
    ["::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"],
    // Addresses that the client itself has sent come before those that the proxies have added.
    ["127.0.0.1", "6.6.6.6, 203.0.113.7, 10.2.3.4, fd00::1", "203.0.113.7"],
    ["10.0.0.1", "203.0.113.7, nonsense", "10.0.0.1"],
    ["10.0.0.1", "", "10.0.0.1"],
    ["10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"],
    ["203.0.113.9", "10.0.0.1", "203.0.113.9"],
    ["::1", "2001:db8::5", "2001:db8::5"],
  ])("a connection from %s that says %j is from %s", (remote, forwarded, expected) => {
    expect(clients.addressOf(from(remote, { "x-forwarded-for": forwarded }))).toBe(expected);
  });

  test("only the proxy can say that the client came by HTTPS", () => {
    expect(clients.isSecure(from("10.0.0.1", { "x-forwarded-proto": "https" }))).toBe(true);
    expect(clients.isSecure(from("10.0.0.1", { "x-forwarded-proto": "http" }))).toBe(false);
    expect(clients.isSecure(from("10.0.0.1"))).toBe(false);
    expect(clients.isSecure(from("203.0.113.9", { "x-forwarded-proto": "https" }))).toBe(false);
  });
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::9", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["64:ff9b::192.0.2.33", "64:ff9b:0:0::/64"],
])("%s stands for %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
