/**
 * The codecs of both messages.
 *
 * @module
 */
export { pair, unpair } from "./messages.ts";
