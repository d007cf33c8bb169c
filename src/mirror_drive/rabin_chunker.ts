/**
 * Cuts bytes where their content says so: a boundary lies where the Rabin fingerprint of the last 64 bytes ends in 20
 * zero bits. The same content gives the same chunks wherever it lies, so that a changed file shares most of them.
 *
 * Boundaries are those of `rabin-native` 2.0.0, so that a drive is cut alike by both makes.
 *
 * @module
 */

/** Bytes that the fingerprint covers. */
const WINDOW_BYTES = 64;
/** The irreducible polynomial over GF(2), of degree 53. */
const POLYNOMIAL = 0x3da3358b4dc173n;
const DEGREE = 53n;
/** Low bits that are zero at a boundary: one in 2^20 positions. */
const BOUNDARY_MASK = (1 << 20) - 1;

/** Smallest chunk, but for the last of a file: 512 KiB. */
export const CHUNK_BYTES_MIN: number = 512 * 1024;
/** Largest chunk: 8 MiB. */
export const CHUNK_BYTES_MAX: number = 8 * 1024 * 1024;

/** A table of 64-bit numbers as two of 32 bits, which is what JavaScript computes fast. */
interface Table {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

/** What takes the oldest byte out of the fingerprint. */
const OUT: Table = tableOf((byte) => {
  let hash = remainder(byte);
  for (let step = 1; step < WINDOW_BYTES; step++) hash = remainder(hash << 8n);
  return hash;
});

/** What reduces a fingerprint that a new byte has shifted: the top byte's remainder, and the top byte itself to cancel it. */
const REDUCE: Table = tableOf((byte) => remainder(byte << DEGREE) | (byte << DEGREE));

/** Finds chunk boundaries in bytes that come piece by piece. */
export class RabinChunker {
  readonly #bytesMin: number;
  readonly #bytesMax: number;
  readonly #window = new Uint8Array(WINDOW_BYTES);
  #position = 0;
  #high = 0;
  #low = 0;
  #count = 0;

  /** Makes a chunker; sizes are in bytes. */
  constructor(bytesMin: number = CHUNK_BYTES_MIN, bytesMax: number = CHUNK_BYTES_MAX) {
    this.#bytesMin = bytesMin;
    this.#bytesMax = bytesMax;
    this.#reset();
  }

  /**
   * Looks at `bytes` from `start` on and tells where the current chunk ends: the index behind its last byte, or -1 when
   * it goes on behind `bytes`.
   */
  findEnd(bytes: Uint8Array, start: number): number {
    const window = this.#window;
    const { high: outHigh, low: outLow } = OUT;
    const { high: reduceHigh, low: reduceLow } = REDUCE;
    let position = this.#position;
    let high = this.#high;
    let low = this.#low;
    let count = this.#count;
    for (let index = start; index < bytes.length; index++) {
      const byte = bytes[index]!;
      const oldest = window[position]!;
      window[position] = byte;
      position = (position + 1) % WINDOW_BYTES;
      high ^= outHigh[oldest]!;
      low ^= outLow[oldest]!;
      // The eight bits above the degree, once shifted: bits 45 to 52 now.
      const top = high >>> 13;
      high = ((high << 8) | (low >>> 24)) ^ reduceHigh[top]!;
      low = ((low << 8) | byte) ^ reduceLow[top]!;
      count++;
      if ((count >= this.#bytesMin && (low & BOUNDARY_MASK) === 0) || count >= this.#bytesMax) {
        this.#reset();
        return index + 1;
      }
    }
    this.#position = position;
    this.#high = high;
    this.#low = low;
    this.#count = count;
    return -1;
  }

  /** Every chunk begins as if a byte 1 had gone before it. */
  #reset(): void {
    this.#window.fill(0);
    this.#window[0] = 1;
    this.#position = 1;
    this.#high = 0;
    this.#low = 1;
    this.#count = 0;
  }
}

function tableOf(entry: (byte: bigint) => bigint): Table {
  const table: Table = { high: new Uint32Array(256), low: new Uint32Array(256) };
  for (let byte = 0; byte < 256; byte++) {
    const value = entry(BigInt(byte));
    table.high[byte] = Number(value >> 32n);
    table.low[byte] = Number(value & 0xffffffffn);
  }
  return table;
}

/** `value` modulo the polynomial, over GF(2). */
function remainder(value: bigint): bigint {
  while (value >> DEGREE !== 0n) {
    const shift = BigInt(value.toString(2).length) - 1n - DEGREE;
    value ^= POLYNOMIAL << shift;
  }
  return value;
}
