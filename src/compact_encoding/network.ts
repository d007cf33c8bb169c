/**
 * Network addresses.
 *
 * @module
 */
import { EncodingError, outOfBounds } from "./errors.ts";
import { uint16, uint8 } from "./integers.ts";
import type { Encoder, State } from "./state.ts";

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const DOT = 0x2e;
const COLON = 0x3a;

/** What an address codec takes. */
export interface AddressInput {
  /** IPv4 or IPv6 address as text. */
  readonly host: string;
  /** Port, 0 to 65535. */
  readonly port: number;
}

/** What an address codec gives. */
export interface Address<Family extends 4 | 6 = 4 | 6> {
  /** IPv4 address, or IPv6 address of eight groups without abbreviation. */
  host: string;
  /** 4 or 6. */
  family: Family;
  /** Port, 0 to 65535. */
  port: number;
}

/** A port: the same codec as {@linkcode uint16}. Source: compact-encoding `index.js`. */
export const port: Encoder<number> = uint16;

/**
 * An IPv4 address as 4 bytes. Encoding throws a `TypeError` for other text. Source: compact-encoding `index.js`.
 */
export const ipv4: Encoder<string> = {
  preencode(state: State): void {
    state.end += IPV4_BYTES;
  },
  encode(state: State, host: string): void {
    writeIpv4(state.buffer!, state.start, host, host);
    state.start += IPV4_BYTES;
  },
  decode(state: State): string {
    const start = state.start;
    if (state.end - start < IPV4_BYTES) throw outOfBounds();
    const bytes = state.buffer!;
    state.start = start + IPV4_BYTES;
    return `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`;
  },
};

/**
 * An IPv6 address as 16 bytes. Encoding takes abbreviated and mixed forms, ignores a zone, and throws a `TypeError`
 * for other text; decoding gives eight groups without abbreviation. Source: compact-encoding `index.js`.
 */
export const ipv6: Encoder<string> = {
  preencode(state: State): void {
    state.end += IPV6_BYTES;
  },
  encode(state: State, host: string): void {
    writeIpv6(state.buffer!, state.start, host);
    state.start += IPV6_BYTES;
  },
  decode(state: State): string {
    const start = state.start;
    if (state.end - start < IPV6_BYTES) throw outOfBounds();
    const bytes = state.buffer!;
    state.start = start + IPV6_BYTES;
    let host = "";
    for (let i = start; i < state.start; i += 2) {
      if (i > start) host += ":";
      host += (bytes[i]! * 0x100 + bytes[i + 1]!).toString(16);
    }
    return host;
  },
};

/** An address of either family: one byte with the family, 4 or 6, then the address. Source: compact-encoding `index.js`. */
export const ip: Encoder<string> = {
  preencode(state: State, host: string): void {
    state.end += 1 + (familyOf(host) === 4 ? IPV4_BYTES : IPV6_BYTES);
  },
  encode(state: State, host: string): void {
    const family = familyOf(host);
    state.buffer![state.start++] = family;
    hostEncoder(family).encode(state, host);
  },
  decode(state: State): string {
    return hostEncoder(decodeFamily(state)).decode(state);
  },
};

/** An IPv4 address and a port. Source: compact-encoding `index.js`. */
export const ipv4Address: Encoder<AddressInput, Address<4>> = address(ipv4, 4);

/** An IPv6 address and a port. Source: compact-encoding `index.js`. */
export const ipv6Address: Encoder<AddressInput, Address<6>> = address(ipv6, 6);

/** A byte with the family, an address of it, and a port. Source: compact-encoding `index.js`. */
export const ipAddress: Encoder<AddressInput, Address> = {
  preencode(state: State, value: AddressInput): void {
    ip.preencode(state, value.host);
    port.preencode(state, value.port);
  },
  encode(state: State, value: AddressInput): void {
    ip.encode(state, value.host);
    port.encode(state, value.port);
  },
  decode(state: State): Address {
    const family = decodeFamily(state);
    return { host: hostEncoder(family).decode(state), family, port: port.decode(state) };
  },
};

function address<Family extends 4 | 6>(
  host: Encoder<string>,
  family: Family,
): Encoder<AddressInput, Address<Family>> {
  return {
    preencode(state: State, value: AddressInput): void {
      host.preencode(state, value.host);
      port.preencode(state, value.port);
    },
    encode(state: State, value: AddressInput): void {
      host.encode(state, value.host);
      port.encode(state, value.port);
    },
    decode(state: State): Address<Family> {
      return { host: host.decode(state), family, port: port.decode(state) };
    },
  };
}

function familyOf(host: string): 4 | 6 {
  return host.includes(":") ? 6 : 4;
}

function hostEncoder(family: 4 | 6): Encoder<string> {
  return family === 4 ? ipv4 : ipv6;
}

function decodeFamily(state: State): 4 | 6 {
  const family = uint8.decode(state);
  if (family !== 4 && family !== 6) {
    throw new EncodingError("UNKNOWN_TYPE", `Unknown address family: ${family}`);
  }
  return family;
}

function writeIpv4(bytes: Uint8Array, offset: number, text: string, host: string): void {
  let part = 0;
  let digitCount = 0;
  let partCount = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (digitCount === 0 || partCount === IPV4_BYTES) throw invalidHost(host);
      bytes[offset + partCount++] = part;
      part = 0;
      digitCount = 0;
    } else {
      part = part * 10 + code - 0x30;
      digitCount++;
      if (code < 0x30 || code > 0x39 || part > 0xff) throw invalidHost(host);
    }
  }
  if (partCount !== IPV4_BYTES) throw invalidHost(host);
}

function writeIpv6(bytes: Uint8Array, offset: number, host: string): void {
  const zone = host.indexOf("%");
  const end = zone === -1 ? host.length : zone;
  const abbreviatedStart = host.startsWith("::");
  let position = 0;
  let gap = abbreviatedStart ? 0 : -1;
  let i = abbreviatedStart ? 2 : 0;
  let open = !abbreviatedStart;
  while (i < end || open) {
    const first = i;
    let group = 0;
    for (let digit = hexDigit(host, i, end); digit >= 0; digit = hexDigit(host, ++i, end)) {
      group = group * 16 + digit;
    }
    if (host.charCodeAt(i) === DOT && i < end) {
      if (position > IPV6_BYTES - IPV4_BYTES) throw invalidHost(host);
      writeIpv4(bytes, offset + position, host.slice(first, end), host);
      position += IPV4_BYTES;
      break;
    }
    if (i === first || i - first > 4 || position === IPV6_BYTES) throw invalidHost(host);
    bytes[offset + position++] = group >>> 8;
    bytes[offset + position++] = group;
    if (i === end) break;
    if (host.charCodeAt(i++) !== COLON) throw invalidHost(host);
    open = true;
    if (host.charCodeAt(i) === COLON && i < end) {
      if (gap !== -1) throw invalidHost(host);
      gap = position;
      open = false;
      i++;
    }
  }
  if (gap === -1 ? position !== IPV6_BYTES : position === IPV6_BYTES) throw invalidHost(host);
  if (gap !== -1) {
    const tail = IPV6_BYTES - (position - gap);
    bytes.copyWithin(offset + tail, offset + gap, offset + position);
    bytes.fill(0, offset + gap, offset + tail);
  }
}

/** Returns the value of the hexadecimal digit at `index`, or -1. */
function hexDigit(text: string, index: number, end: number): number {
  if (index >= end) return -1;
  const code = text.charCodeAt(index);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function invalidHost(host: string): TypeError {
  return new TypeError(`Cannot encode ${JSON.stringify(host)} as an IP address`);
}
