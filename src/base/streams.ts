/**
 * Byte and object streams: `streamx`, as the Holepunch packages use, with its types attached.
 *
 * @module
 */
// @ts-types="@types/streamx"
export { Duplex, PassThrough, Readable, Transform, Writable } from "streamx";
