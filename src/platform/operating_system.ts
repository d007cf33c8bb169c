/**
 * Which operating system this is.
 *
 * @module
 */
import process from "node:process";

/** Whether this is Windows, where files have other names and links other kinds. */
export const isWindows: boolean = process.platform === "win32";
