/**
 * Arguments that several commands share.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { idEncoding } from "../hypercore_crypto/mod.ts";
import { UDX } from "../udx/mod.ts";
import { HyperDHT, type HyperDHTOptions, type KeyPair } from "../hyperdht/mod.ts";

/** A port. */
export function portArgument(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}

/** A whole number from 1. */
export function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("It must be a whole number from 1.");
}

/** A number greater than 0. */
export function positiveArgument(text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError("It must be a number greater than 0.");
}

/** A key, topic or seed: 52 characters of z-base-32 or 64 hexadecimal digits. */
export function keyArgument(text: string): Uint8Array {
  try {
    return idEncoding.decode(text);
  } catch {
    throw new InvalidArgumentError("A key has 52 characters (z-base-32) or 64 hexadecimal digits.");
  }
}

/** An address to bind to; the network is one of IPv4. */
export function hostArgument(text: string): string {
  if (UDX.isIPv4(text)) return text;
  throw new InvalidArgumentError("It must be an IPv4 address of this machine, such as 192.168.1.5.");
}

/** Bootstrap nodes, separated by commas: `host:port` or `ip@host:port`. */
export function bootstrapArgument(text: string): string[] {
  const nodes = text.split(",").map((node) => node.trim()).filter((node) => node !== "");
  const areNodes = nodes.every((node) => {
    const port = Number(/^(?:[^@:]+@)?[^@:]+:(\d+)$/.exec(node)?.[1]);
    return port >= 1 && port <= 65_535;
  });
  if (areNodes && nodes.length > 0) return nodes;
  throw new InvalidArgumentError("Bootstrap nodes are host:port, separated by commas; ports are 1 to 65535.");
}

/** An address of a node. */
export function addressArgument(text: string): { readonly host: string; readonly port: number } {
  const match = /^([^:]+):(\d+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("An address is host:port.");
  return { host: match[1]!, port: portArgument(match[2]!) };
}

/** Flags of commands that are on the network. */
export interface NetworkFlags {
  readonly bootstrap?: readonly string[];
  readonly host?: string;
  readonly port?: number;
}

/** The node of a command, as its flags say. */
export function nodeOptions(flags: NetworkFlags): HyperDHTOptions {
  return {
    ...(flags.bootstrap && { bootstrap: flags.bootstrap }),
    ...(flags.host && { host: flags.host }),
    // A port that is asked for is one that a router forwards, or others know: another one will not do.
    ...(flags.port && { port: flags.port, anyPort: false }),
  };
}

/** The identity that belongs to a seed, or a fresh one. */
export function identity(seed: Uint8Array | undefined): KeyPair {
  return HyperDHT.keyPair(seed);
}

/** A key as it is printed: z-base-32. */
export function keyText(key: Uint8Array): string {
  return idEncoding.encode(key);
}
