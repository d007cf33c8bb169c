/**
 * Hole punching: how two peers behind NATs come to a direct path.
 *
 * @module
 */
export { createClientPunch, createServerPunch } from "./driver.ts";
export { RandomPunchLimiter } from "./random_punch_limiter.ts";
export { SecurePayload } from "./secure_payload.ts";
export { SocketPool } from "./socket_pool.ts";
