/** Our transport, for the tasks that replicate over UDX. */
export { default as SecretStream } from "../../src/secret_stream/mod.ts";
export { default as UDX } from "../../src/udx/mod.ts";
