/**
 * A relay and its clients in one process: sessions over wires in memory, streams over UDX on loopback.
 *
 * @module
 */
import { once } from "node:events";
import { setImmediate } from "node:timers";
import relay, {
  type BlindRelayClient,
  type BlindRelayServerOptions,
  type BlindRelaySession,
} from "../../../src/blind_relay/mod.ts";
import { utf8Text } from "../../../src/base/mod.ts";
import UDX, { type UDXSocket, type UDXStream } from "../../../src/udx/mod.ts";
import { memoryPair } from "../../helpers/memory_pair.ts";

/** A peer that uses the relay. */
export class RelayUser implements AsyncDisposable {
  readonly client: BlindRelayClient;
  readonly session: BlindRelaySession;
  readonly socket: UDXSocket;
  readonly stream: UDXStream;
  readonly #relayPort: number;
  readonly #udx = new UDX();

  constructor(server: InstanceType<typeof relay.Server>, relayPort: number, streamId: number) {
    const [near, far] = memoryPair();
    this.session = server.accept(far);
    this.client = new relay.Client(near);
    this.socket = this.#udx.createSocket();
    this.socket.bind(0, "127.0.0.1");
    this.stream = this.#udx.createStream(streamId);
    // Whoever goes first resets the other.
    this.stream.on("error", () => {});
    this.#relayPort = relayPort;
  }

  /** Asks for a pair and connects the stream to the relay once there is one. */
  async pair(isInitiator: boolean, token: Uint8Array): Promise<UDXStream> {
    const request = this.client.pair(isInitiator, token, this.stream);
    const [remoteId] = await once(request, "data") as [number];
    this.stream.connect(this.socket, remoteId, this.#relayPort);
    return this.stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    this.client.stream.destroy();
    await this.stream[Symbol.asyncDispose]();
    await this.socket.close();
  }
}

/** A relay. */
export class RelayNet implements AsyncDisposable {
  readonly udx: UDX = new UDX();
  readonly socket: UDXSocket;
  readonly server: InstanceType<typeof relay.Server>;
  /** Streams that the relay made. */
  readonly streams: UDXStream[] = [];
  readonly #users: RelayUser[] = [];

  constructor(options: Omit<BlindRelayServerOptions, "createStream"> = {}) {
    this.socket = this.udx.createSocket();
    this.socket.bind(0, "127.0.0.1");
    this.server = new relay.Server({
      createStream: (streamOptions) => {
        const stream = this.udx.createStream(100 + this.streams.length, streamOptions);
        this.streams.push(stream);
        return stream;
      },
      ...options,
    });
  }

  /** Connects a client. */
  connect(): RelayUser {
    const user = new RelayUser(this.server, this.socket.address()!.port, 1 + this.#users.length);
    this.#users.push(user);
    return user;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#users.map((user) => user[Symbol.asyncDispose]()));
    await this.server[Symbol.asyncDispose]();
    await this.socket.close();
  }
}

/** Resolves with the next data of `stream` as text. */
export async function nextText(stream: UDXStream): Promise<string> {
  return utf8Text((await once(stream, "data"))[0]);
}

/** Resolves with the code of the error that `stream` is destroyed with. */
export async function errorCodeOf(
  stream: { once(event: "error", listener: (error: Error) => void): unknown },
) {
  const error = await new Promise<Error>((resolve) => stream.once("error", resolve));
  return (error as Error & { code?: string }).code;
}

/** Resolves when all `streams` are closed, for whatever reason. */
export async function allClosed(...streams: UDXStream[]): Promise<void> {
  await Promise.all(
    streams.map((stream) => new Promise<void>((resolve) => stream.once("close", () => resolve()))),
  );
}

/** Lets everything that is under way in memory happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
