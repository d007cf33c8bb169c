// Does with a muxer, of whichever make, what it is told, and reports what comes of it.
//
// Every channel has a handshake of text and four messages: 0 text, reported; 1 numbers, tallied; 2 bytes, tallied;
// 3 text that is answered, later, as message 0 behind "echo ".
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";

export class Actor {
  #mux;
  #c;
  #report;
  #channels = new Map();
  #tallies = new Map();
  #held = new Map();

  /** Acts on `mux` with the codecs `c`; `report(event, fields)` is told what happens. */
  constructor(mux, c, report) {
    this.#mux = mux;
    this.#c = c;
    this.#report = report;
    mux.stream.on(
      "error",
      (error) => report("error", { message: error.message, code: error.code ?? null }),
    );
    mux.stream.on("close", () => report("closed stream"));
  }

  /** Does the commands, in order and without a pause. */
  act(...commands) {
    for (const command of commands) this.#act(command);
  }

  #act(command) {
    const channel = this.#channels.get(command.name);
    switch (command.do) {
      case "create":
        return this.#create(command);
      case "open":
        return channel.open(command.handshake ?? "");
      case "send":
        return this.#send(channel, command);
      case "close":
        return channel.close();
      case "cork":
        return this.#mux.cork();
      case "uncork":
        return this.#mux.uncork();
      case "expect":
        return this.#expect(command);
      case "throwOn":
        channel.messages[command.type].onmessage = () => {
          // A plain error, which the npm package does not take for a mistake of the program.
          throw new Error(command.reason);
        };
        return;
      case "pair":
        return this.#mux.pair(
          { protocol: command.protocol },
          (id) => this.#handleRequest(command, id),
        );
      case "release":
        return this.#held.get(command.protocol)();
      case "raw":
        return this.#mux.stream.write(Buffer.from(command.hex, "hex"));
      case "state":
        return this.#report("state", {
          isIdle: this.#mux.isIdle(),
          names: Array.from(this.#mux, ({ userData }) => userData),
          isOpened: this.#mux.opened({ protocol: command.protocol ?? "" }),
        });
      case "destroy":
        return this.#mux.destroy(
          command.reason ? new Error(command.reason) : null,
        );
    }
    throw new Error(`Unknown command ${JSON.stringify(command)}`);
  }

  #create({ name, protocol, id, aliases, unique }) {
    const c = this.#c;
    const tally = {
      count: [0, 0, 0, 0],
      sum: 0,
      last: -1,
      isInOrder: true,
      bytes: 0,
      hash: createHash("sha256"),
    };
    const channel = this.#mux.createChannel({
      protocol,
      id: id ? Buffer.from(id) : null,
      aliases,
      unique,
      userData: name,
      handshake: c.string,
      messages: [
        {
          encoding: c.string,
          onmessage: (value) => this.#report("message", { name, type: 0, value }),
        },
        {
          encoding: c.uint,
          onmessage: (value) => this.#tallyNumber(name, value),
        },
        {
          encoding: c.buffer,
          onmessage: (value) => this.#tallyBytes(name, value),
        },
        {
          encoding: c.string,
          onmessage: (value, channel) => this.#echo(value, channel),
        },
      ],
      onopen: (handshake) => this.#report("open", { name, handshake }),
      onclose: (isRemote) => this.#report("close", { name, isRemote }),
      ondestroy: () => this.#report("destroy", { name }),
    });
    if (channel === null) return this.#report("refused", { name });
    this.#channels.set(name, channel);
    this.#tallies.set(name, tally);
  }

  #send(channel, { type, value, count = 1 }) {
    for (let i = 0; i < count; i++) {
      if (type === 1) channel.messages[1].send(value + i);
      else {channel.messages[type].send(
          type === 2 ? Buffer.alloc(value, i) : value,
        );}
    }
  }

  async #echo(value, channel) {
    await new Promise((resolve) => setImmediate(resolve));
    channel.messages[0].send(`echo ${value}`);
  }

  async #handleRequest({ protocol, mode }, id) {
    const name = id ? `${protocol} ${Buffer.from(id).toString()}` : protocol;
    this.#report("request", { protocol, id: id && Buffer.from(id).toString() });
    if (mode === "hold") {
      await new Promise((resolve) => this.#held.set(protocol, resolve));
    }
    if (mode === "refuse") return;
    this.#create({ name, protocol, id });
    this.#act({ do: "open", name, handshake: `paired ${name}` });
  }

  #tallyNumber(name, value) {
    const tally = this.#tallies.get(name);
    tally.isInOrder &&= value > tally.last;
    tally.last = value;
    tally.sum += value;
    this.#count(tally, name, 1);
  }

  #tallyBytes(name, value) {
    const tally = this.#tallies.get(name);
    tally.bytes += value.byteLength;
    tally.hash.update(value);
    this.#count(tally, name, 2);
  }

  #count(tally, name, type) {
    tally.count[type]++;
    if (
      tally.expected &&
      tally.count[tally.expected.type] === tally.expected.count
    ) {
      tally.expected = null;
      this.#report("tallied", { name, ...described(tally) });
    }
  }

  #expect({ name, type, count }) {
    const tally = this.#tallies.get(name);
    tally.expected = { type, count };
    if (tally.count[type] === count) {
      this.#report("tallied", { name, ...described(tally) });
    }
  }
}

function described({ count, sum, isInOrder, bytes, hash }) {
  return {
    counts: count,
    sum,
    isInOrder,
    bytes,
    digest: hash.copy().digest("hex"),
  };
}
