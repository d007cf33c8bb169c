/**
 * Waits that can be given up.
 *
 * @module
 */

/** Settles as `wait` does, or rejects with the signal's reason when that aborts before; `wait` then goes on unheard. */
export function untilAborted<Value>(
  wait: Promise<Value>,
  signal: AbortSignal | null | undefined,
): Promise<Value> {
  return signal ? raceAbort(wait, signal) : wait;
}

async function raceAbort<Value>(wait: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted, wait]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
