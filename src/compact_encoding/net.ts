/**
 * The address codecs of the package `compact-encoding-net`: those of this folder, with defaults for what is missing.
 *
 * @module
 */
import { type Address, ip, ipAddress, ipv4, ipv4Address, ipv6, ipv6Address, port } from "./network.ts";
import type { Encoder, State } from "./state.ts";

const IPV4_LOOPBACK = "127.0.0.1";
const IPV6_LOOPBACK = "::1";

/** What these address codecs take: all of it may be missing. */
export interface PartialAddress {
  /** IPv4 or IPv6 address as text; the loopback address by default. */
  readonly host?: string | null;
  /** Port, 0 to 65535; 0 by default. */
  readonly port?: number | null;
}

/** What the package `compact-encoding-net` exports. */
export interface CompactEncodingNet {
  /** A port: 2 bytes, little-endian. */
  readonly port: Encoder<number>;
  /** An IPv4 address, `127.0.0.1` by default. */
  readonly ipv4: Encoder<string | null | undefined, string>;
  /** An IPv4 address and a port. */
  readonly ipv4Address: Encoder<PartialAddress, Address<4>>;
  /** An IPv6 address, `::1` by default. */
  readonly ipv6: Encoder<string | null | undefined, string>;
  /** An IPv6 address and a port. */
  readonly ipv6Address: Encoder<PartialAddress, Address<6>>;
  /** A byte with the family and an address of it, `127.0.0.1` by default. */
  readonly ip: Encoder<string | null | undefined, string>;
  /** A byte with the family, an address of it, and a port. */
  readonly ipAddress: Encoder<PartialAddress, Address>;
}

/**
 * The codecs of `compact-encoding-net`, which write the same bytes as {@linkcode ip} and its like and take addresses
 * without host or port. Source: compact-encoding-net `index.js`.
 */
export const net: CompactEncodingNet = {
  port,
  ipv4: mapped(ipv4, (host: string | null | undefined) => host || IPV4_LOOPBACK),
  ipv4Address: mapped(ipv4Address, (value: PartialAddress) => complete(value, IPV4_LOOPBACK)),
  ipv6: mapped(ipv6, (host: string | null | undefined) => host || IPV6_LOOPBACK),
  ipv6Address: mapped(ipv6Address, (value: PartialAddress) => complete(value, IPV6_LOOPBACK)),
  ip: mapped(ip, (host: string | null | undefined) => host || IPV4_LOOPBACK),
  ipAddress: mapped(ipAddress, (value: PartialAddress) => complete(value, IPV4_LOOPBACK)),
};

function complete(value: PartialAddress, host: string): { host: string; port: number } {
  return { host: value.host || host, port: value.port || 0 };
}

function mapped<Input, Inner, Output>(
  encoder: Encoder<Inner, Output>,
  map: (value: Input) => Inner,
): Encoder<Input, Output> {
  return {
    preencode(state: State, value: Input): void {
      encoder.preencode(state, map(value));
    },
    encode(state: State, value: Input): void {
      encoder.encode(state, map(value));
    },
    decode: encoder.decode,
  };
}
