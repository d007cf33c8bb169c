// What the tasks of all layers share: content that shows its place, checks, and time.

/** The block of `byteLength` bytes that stands at `index`. */
export function block(index, byteLength) {
  const bytes = Buffer.alloc(byteLength, index & 255);
  bytes.writeUInt32LE(index, 0);
  return bytes;
}

/** Whether two blocks hold the same bytes. */
export function same(a, b) {
  return Buffer.compare(a, b) === 0;
}

/** Fails the task where `what` is not as it should be. */
export function check(holds, what) {
  if (!holds) throw new Error(`${what}: not as expected`);
}

/** How long `work` took, in seconds and in ms of processor time. */
export async function timed(cpuMs, work) {
  const cpuBefore = await cpuMs();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpuMs: await cpuMs() - cpuBefore };
}
