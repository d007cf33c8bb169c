/**
 * Questions about addresses: same, private, reserved, nearest.
 *
 * @module
 */
import type { PeerAddress } from "./messages.ts";

/** Tells whether two addresses are the same. */
export function isSameAddress(a: PeerAddress, b: PeerAddress): boolean {
  return a.host === b.host && a.port === b.port;
}

/** Tells whether datagrams can be sent to a port. */
export function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}

/** `host:port` */
export function addressText({ host, port }: PeerAddress): string {
  return `${host}:${port}`;
}

/** Tells whether an IPv4 address belongs to a private network, loopback included. Source: bogon `index.js`. */
export function isPrivate(host: string): boolean {
  const [a, b] = octets(host);
  return a === 10 || a === 127 || (a === 100 && b >= 64 && b <= 127) || (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168);
}

/** Tells whether an IPv4 address is reserved for special use. Source: bogon `index.js`. */
export function isReserved(host: string): boolean {
  const [a, b, c] = octets(host);
  return a === 0 || a >= 224 || (a === 192 && b === 0 && (c === 0 || c === 2)) ||
    (a === 198 && (b === 18 || b === 19)) ||
    (a === 198 && b === 51 && c === 100) || (a === 203 && b === 0 && c === 113);
}

/** Tells whether an IPv4 address means nothing on the public network. Source: bogon `index.js`. */
export function isBogon(host: string): boolean {
  return isPrivate(host) || isReserved(host);
}

/**
 * Picks the address of `theirs` that shares the longest prefix, counted in bytes, with one of `ours`; null when none
 * shares the first byte. Source: hyperdht `lib/holepuncher.js`.
 */
export function matchAddress(
  ours: readonly PeerAddress[],
  theirs: readonly PeerAddress[],
): PeerAddress | null {
  let best: PeerAddress | null = null;
  let bestShared = 0;
  for (const our of ours) {
    for (const their of theirs) {
      const shared = sharedOctets(octets(our.host), octets(their.host));
      if (shared <= bestShared) continue;
      if (shared === 3) return their;
      best = their;
      bestShared = shared;
    }
  }
  return best;
}

/** At most 3: the last byte tells a host, not a network. */
function sharedOctets(a: readonly number[], b: readonly number[]): number {
  let shared = 0;
  while (shared < 3 && a[shared] === b[shared]) shared++;
  return shared;
}

function octets(host: string): [number, number, number, number] {
  return host.split(".").map(Number) as [number, number, number, number];
}
