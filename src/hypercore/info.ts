/**
 * What `core.info()` resolves to.
 *
 * @module
 */

/** A snapshot of a log's figures; source: `hypercore/lib/info.js`. */
export interface Info {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** Blocks. */
  readonly length: number;
  /** Blocks held locally without a gap from 0. */
  readonly contiguousLength: number;
  /** Bytes, padding excluded. */
  readonly byteLength: number;
  /** How often the log was truncated. */
  readonly fork: number;
  /** Bytes before each block's value. */
  readonly padding: number;
  /** Always null, as in hypercore 11. */
  readonly storage: null;
}
