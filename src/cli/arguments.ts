/**
 * Arguments that several commands share.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { idEncoding } from "../hypercore_crypto/mod.ts";
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

/** Bootstrap nodes, separated by commas: `host:port` or `ip@host:port`. */
export function bootstrapArgument(text: string): string[] {
  const nodes = text.split(",").map((node) => node.trim()).filter((node) => node !== "");
  if (nodes.every((node) => /^([^@:]+@)?[^@:]+:\d+$/.test(node))) return nodes;
  throw new InvalidArgumentError("Bootstrap nodes are host:port, separated by commas.");
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
    ...(flags.port && { port: flags.port }),
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
