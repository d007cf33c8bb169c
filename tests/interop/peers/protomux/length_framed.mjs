// A duplex that preserves message boundaries over a socket: each message behind its length, 24 bits, little-endian.
import { Buffer } from "node:buffer";
import { Duplex } from "streamx";

const PREFIX_BYTES = 3;

export class LengthFramed extends Duplex {
  userData = null;
  #socket;
  #rest = Buffer.alloc(0);
  #writeDone = null;

  constructor(socket) {
    super();
    this.#socket = socket;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("end", () => this.push(null));
    socket.on("drain", () => this.#finishWrite());
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  _read(done) {
    this.#socket.resume();
    done(null);
  }

  _write(message, done) {
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.byteLength);
    frame.writeUIntLE(message.byteLength, 0, PREFIX_BYTES);
    frame.set(message, PREFIX_BYTES);
    if (this.#socket.write(frame)) done(null);
    else this.#writeDone = done;
  }

  _final(done) {
    this.#socket.end();
    done(null);
  }

  _predestroy() {
    this.#finishWrite();
    this.#socket.destroy();
  }

  #finishWrite() {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.(null);
  }

  #receive(bytes) {
    const buffer = this.#rest.byteLength > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    let offset = 0;
    let hasRoom = true;
    while (buffer.byteLength - offset >= PREFIX_BYTES) {
      const end = offset + PREFIX_BYTES +
        buffer.readUIntLE(offset, PREFIX_BYTES);
      if (end > buffer.byteLength) break;
      hasRoom = this.push(buffer.subarray(offset + PREFIX_BYTES, end));
      offset = end;
    }
    this.#rest = buffer.subarray(offset);
    if (!hasRoom) this.#socket.pause();
  }
}
