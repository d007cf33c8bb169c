/**
 * Which version this is.
 *
 * @module
 */

/** The version of the package; a test holds it to `deno.json`. */
export const VERSION = "0.1.0";
