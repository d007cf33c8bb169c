/**
 * A machine whose frames are hexadecimal text and whose events are lines.
 *
 * @module
 */
import { allocBytesUnsafe, hexBytes, hexText } from "../../../src/base/mod.ts";
import { string, uint } from "../../../src/compact_encoding/mod.ts";
import type { ProtomuxLimits } from "../../../src/protomux/mod.ts";
import type { MachineChannel } from "../../../src/protomux/pairing.ts";
import {
  type ChannelRequest,
  type MachineEvent,
  ProtomuxMachine,
} from "../../../src/protomux/protomux_machine.ts";

/** Options of {@linkcode MachinePeer.create}. */
export interface CreateOptions {
  readonly protocol: string;
  readonly id?: Uint8Array | null;
  readonly aliases?: readonly string[];
  readonly unique?: boolean;
}

/** A machine under test; channels are named. */
export class MachinePeer {
  readonly machine: ProtomuxMachine<string>;
  readonly requests: ChannelRequest<string>[] = [];

  constructor(limits: Partial<ProtomuxLimits> = {}) {
    this.machine = new ProtomuxMachine<string>(allocBytesUnsafe, limits);
  }

  create(name: string, options: CreateOptions): MachineChannel<string> | null {
    return this.machine.createChannel(name, { unique: true, ...options });
  }

  /** Makes a channel and opens it, with a handshake of text where there is one. */
  open(name: string, options: CreateOptions, handshake?: string): MachineChannel<string> {
    const channel = this.create(name, options)!;
    this.openCreated(channel, options, handshake);
    return channel;
  }

  openCreated(channel: MachineChannel<string>, options: CreateOptions, handshake?: string): void {
    const encoding = handshake === undefined ? null : string;
    if (this.machine.openChannel(channel, options, encoding, handshake ?? "")) {
      this.machine.completePairing(channel);
    }
  }

  send(channel: MachineChannel<string>, type: number, value: number): void {
    this.machine.send(channel, type, uint, value);
  }

  /** Frames that wait to be written. */
  sent(): string[] {
    const frames: string[] = [];
    for (let frame = this.machine.pollTransmit(); frame !== null; frame = this.machine.pollTransmit()) {
      frames.push(hexText(frame));
    }
    return frames;
  }

  /** Takes frames and tells the events, with what there is to tell. */
  receive(...frames: string[]): string[] {
    for (const frame of frames) this.machine.handleFrame(hexBytes(frame.replaceAll(" ", "")));
    return this.events();
  }

  events(onEvent: (event: MachineEvent<string>) => void = () => {}): string[] {
    const lines: string[] = [];
    for (let event = this.machine.pollEvent(); event !== null; event = this.machine.pollEvent()) {
      if (event.kind === "request") this.requests.push(event.request);
      lines.push(describe(event));
      onEvent(event);
    }
    return lines;
  }

  /** Settles the oldest request. */
  settle(): void {
    this.machine.settleRequest(this.requests.shift()!);
  }
}

function describe(event: MachineEvent<string>): string {
  switch (event.kind) {
    case "open":
      return `open ${event.owner} ${restOf(event.handshake)}`.trimEnd();
    case "message":
      return `message ${event.owner} ${event.type} ${restOf(event.payload)}`.trimEnd();
    case "opened":
    case "closed":
      return `${event.kind} ${event.owner}`;
    case "request":
      return `request ${event.request.protocol} ${event.request.id ? hexText(event.request.id) : "null"}`;
    case "failed":
      return `failed ${event.error.code}`;
    case "batchStart":
    case "batchEnd":
      return event.kind;
  }
}

function restOf({ buffer, start, end }: { buffer: Uint8Array | null; start: number; end: number }): string {
  return hexText(buffer!.subarray(start, end));
}
