// A log in an array with as much of a hypercore's API as either hyperbee uses: for thousands of short programs, which
// would spend their time opening cores. Runs in Node and in Deno.
import { EventEmitter } from "node:events";

export class ArrayCore extends EventEmitter {
  blocks;
  opened = true;
  closing = null;
  core = null;
  fork = 0;
  writable = true;
  readable = true;
  key = null;
  id = null;
  discoveryKey = null;
  replicator = {};
  reads = 0;
  #length;

  constructor(blocks = [], length = null) {
    super();
    this.blocks = blocks;
    this.#length = length;
    this.writable = length === null;
  }

  get length() {
    return this.#length ?? this.blocks.length;
  }

  ready() {
    return Promise.resolve();
  }

  update() {
    return Promise.resolve(false);
  }

  get(index, { valueEncoding } = {}) {
    this.reads++;
    const block = this.blocks[index];
    if (block === undefined) return Promise.reject(new Error(`There is no block ${index}`));
    const isCodec = typeof valueEncoding === "object" && valueEncoding !== null;
    return Promise.resolve(isCodec ? valueEncoding.decode(block) : block);
  }

  append(blocks) {
    this.blocks.push(...(Array.isArray(blocks) ? blocks : [blocks]));
    this.emit("append");
    return Promise.resolve({ length: this.blocks.length, byteLength: 0 });
  }

  truncate(length) {
    this.blocks.length = length;
    this.fork++;
    this.emit("truncate", length, this.fork);
    return Promise.resolve();
  }

  snapshot() {
    const snapshot = new ArrayCore(this.blocks, this.length);
    snapshot.fork = this.fork;
    return snapshot;
  }

  session() {
    return new ArrayCore(this.blocks);
  }

  close() {
    this.closing = Promise.resolve();
    return this.closing;
  }
}
