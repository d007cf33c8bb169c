/** Runs a peer of the UDX bench. */
export function runPeer(
  UDX: new () => unknown,
  options: { role: "send" | "receive"; byteLength: number; streams: number },
): void;
