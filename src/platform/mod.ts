/**
 * The only folder that touches the runtime: clocks now, sockets and files as layers need them.
 *
 * @module
 */
export { systemClock } from "./clock.ts";
