/**
 * The commands that nodes answer by themselves. Source: dht-rpc `lib/commands.js`.
 *
 * @module
 */

/** Answer at once. */
export const PING = 0;
/** Answer to another port of mine: the value is the port, 2 bytes. */
export const PING_NAT = 1;
/** Name the nodes closest to the target. */
export const FIND_NODE = 2;
/** A node that you named does not answer: the value is its address, 6 bytes. */
export const DOWN_HINT = 3;
/** Answer later: the value is the delay in ms, 4 bytes. */
export const DELAYED_PING = 4;
