/**
 * Meeting the peer at a blind relay, and leaving the relay once there is a direct way.
 *
 * @module
 */
import { allocBytes, type CancelTimer } from "../base/mod.ts";
import relay from "../blind_relay/mod.ts";
import type { SecretStream } from "../secret_stream/mod.ts";
import type { UDXSocket, UDXStream } from "../udx/mod.ts";
import { DHTError } from "./errors.ts";
import { RELAY_GREETING_MS, RELAY_GREETINGS, RELAY_TIMEOUT_MS } from "./limits.ts";
import type { NodeHost } from "./node_host.ts";

/** A key of a relay, keys to choose from, or a function that gives one. */
export type RelayThrough =
  | Uint8Array
  | readonly Uint8Array[]
  | (() => Uint8Array | readonly Uint8Array[] | null)
  | null;

const KEY_BYTES = 32;

/** Picks a relay, or null for none. @throws {TypeError} when it is no key. */
export function selectRelay(relayThrough: RelayThrough | undefined, host: NodeHost): Uint8Array | null {
  const choice = typeof relayThrough === "function" ? relayThrough() : relayThrough ?? null;
  const isList = Array.isArray(choice);
  const key = isList ? choice[Math.floor(host.random.next() * choice.length)] ?? null : choice;
  if (key === null) return null;
  if (key instanceof Uint8Array && key.byteLength === KEY_BYTES) return key;
  throw new TypeError(
    "Option relayThrough must be a key of 32 bytes, a list of keys, or a function that gives them",
  );
}

/** Where the relayed stream goes. */
export interface RelayedPath {
  /** Our socket. */
  readonly socket: UDXSocket;
  /** Id of the relay's stream. */
  readonly remoteId: number;
  /** Port of the relay. */
  readonly port: number;
  /** Host of the relay. */
  readonly host: string;
}

/** Options of {@linkcode RelayMeeting}. */
export interface RelayMeetingOptions {
  /** The node. */
  readonly host: NodeHost;
  /** Key of the relay. */
  readonly publicKey: Uint8Array;
  /** What both peers ask for, 32 bytes. */
  readonly token: Uint8Array;
  /** Which of the two we are. */
  readonly isInitiator: boolean;
  /** The stream to be relayed. */
  readonly rawStream: UDXStream;
  /** Keep-alive of the connection to the relay, ms. */
  readonly keepAliveMs: number;
  /** Both have met. */
  readonly onpaired: (path: RelayedPath) => void;
  /** They will not meet. */
  readonly onfailed: (error: Error) => void;
}

type MeetingState = "connecting" | "paired" | "over";

/** One stream that two peers have a relay forward. Source: hyperdht `lib/connect.js`, `lib/relay-connection.js`. */
export class RelayMeeting {
  readonly #options: RelayMeetingOptions;
  readonly #connection: SecretStream;
  /** What the connection to the relay failed with, which says more than that its channel is closed. */
  #connectionError: Error | null = null;
  #state: MeetingState = "connecting";
  #cancelTimer: CancelTimer | null;
  /** Whether the last packet that came by another way than the stream's came from the relay. */
  #isRelayHeard = false;
  /** Whether a packet has come from the relay since the peer was last looked for there. */
  #isPeerAtRelay = false;
  /** Whether the stream had a direct way before both have met. */
  #isDirect = false;

  /** Connects to the relay and asks for the other peer. */
  constructor(options: RelayMeetingOptions) {
    this.#options = options;
    const { host, publicKey, keepAliveMs } = options;
    this.#connection = host.connectToRelay(publicKey);
    this.#connection.on("error", (error: Error) => this.#connectionError = error);
    this.#connection.setKeepAlive(keepAliveMs);
    this.#cancelTimer = host.clock.schedule(
      RELAY_TIMEOUT_MS,
      () => this.#fail(new DHTError("RELAY_ABORTED", "Peer did not come to the relay in time")),
    );
    this.#pair();
  }

  /** Whether the stream runs over the relay, or will. */
  get isActive(): boolean {
    return this.#state !== "over";
  }

  /** Whether the peer has not come to the relay yet. */
  get isConnecting(): boolean {
    return this.#state === "connecting";
  }

  /** Notes where a packet of the stream came from, and tells whether that was the relay. */
  noteTraffic(socket: UDXSocket, port: number, host: string): boolean {
    const raw = this.#connection.rawStream as UDXStream | null;
    const isRelay = this.#state !== "over" && raw !== null && raw.socket === socket &&
      raw.remotePort === port && raw.remoteHost === host;
    this.#isRelayHeard = isRelay;
    this.#isPeerAtRelay ||= isRelay;
    return isRelay;
  }

  /**
   * The stream moves to a direct way, done once `moved` resolves: leaves the relay when something arrives that way.
   */
  upgrade(rawStream: UDXStream, moved: Promise<void>): void {
    moved.then(() => this.#confirm(rawStream), () => {
      // The stream was closed while it moved, which ends the relay, too.
    });
  }

  /**
   * The stream has taken a direct way, and both have not met. The peer may be on the relay by now: libudx repeats there
   * what it has sent there, also when it has moved. So we stay until something in order arrives.
   */
  handleDirect(): void {
    if (this.#state !== "connecting") return;
    const { rawStream } = this.#options;
    // Without a connection the relay has not been asked yet, and the peer waits in vain.
    if (this.#connection.rawStream === null) return this.destroy();
    this.#isDirect = true;
    // The relay does not know where we are before we greet it: what arrives now came directly.
    rawStream.once("data", () => {
      if (this.#state === "connecting") this.destroy();
    });
  }

  /** Leaves the relay at once. */
  destroy(): void {
    if (this.#state === "over") return;
    this.#end();
    this.#connection.destroy();
  }

  #pair(): void {
    const { isInitiator, token, rawStream } = this.#options;
    const connection = this.#connection;
    try {
      const client = relay.Client.from(connection, { id: connection.publicKey });
      const request = client.pair(isInitiator, token, rawStream);
      request.on("error", (error: Error) => this.#fail(error));
      request.on("data", (remoteId: number) => this.#handlePaired(remoteId));
    } catch (error) {
      // The connection may have been refused at once, for example while suspended.
      queueMicrotask(() => this.#fail(error as Error));
    }
  }

  #handlePaired(remoteId: number): void {
    if (this.#state !== "connecting") return;
    const raw = this.#connection.rawStream as UDXStream | null;
    if (raw === null || raw.socket === null || raw.remoteHost === null) {
      return this.#fail(new DHTError("RELAY_ABORTED", "Connection to the relay was lost"));
    }
    this.#state = "paired";
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const { rawStream } = this.#options;
    rawStream.on("close", () => this.destroy());
    const path = { socket: raw.socket, remoteId, port: raw.remotePort, host: raw.remoteHost };
    if (!this.#isDirect) return this.#options.onpaired(path);
    this.#confirm(rawStream);
    this.#greet(path, RELAY_GREETINGS);
  }

  /**
   * Has the relay forward what the peer sends there, until we leave. A peer of the npm package stays there for good when
   * relay and direct way come to the same socket: its libudx does not tell it of the direct one.
   */
  #greet(path: RelayedPath, count: number): void {
    if (count === 0) {
      if (!this.#isPeerAtRelay) return this.#leave();
      this.#isPeerAtRelay = false;
      count = RELAY_GREETINGS;
    }
    this.#options.rawStream.greetRelay(path.socket, path.remoteId, path.port, path.host);
    this.#cancelTimer = this.#options.host.clock.schedule(RELAY_GREETING_MS, () => {
      this.#greet(path, count - 1);
    });
  }

  #fail(error: Error): void {
    if (this.#state !== "connecting") return;
    this.destroy();
    const cause = this.#connectionError ?? error;
    this.#options.onfailed(
      error instanceof DHTError ? error : new DHTError("RELAY_ABORTED", undefined, { cause }),
    );
  }

  #end(): void {
    this.#state = "over";
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Both sides send an empty datagram, so that the other one hears something by the new way. */
  #confirm(rawStream: UDXStream): void {
    const onarrival = (): void => {
      if (this.#isRelayHeard) {
        // What comes next is direct unless the relay is heard again.
        this.#isRelayHeard = false;
        return;
      }
      forget();
      this.#leave();
    };
    const forget = (): void => {
      rawStream.off("data", onarrival);
      rawStream.off("message", onarrival);
      rawStream.off("close", forget);
    };
    rawStream.on("data", onarrival);
    rawStream.on("message", onarrival);
    rawStream.on("close", forget);
    rawStream.trySend(allocBytes(0));
  }

  #leave(): void {
    if (this.#state === "over") return;
    this.#end();
    this.#connection.end();
  }
}
