/**
 * Synchronous work behind an asynchronous interface.
 *
 * @module
 */

/** Does `work` now and gives its outcome as a promise. */
export function settled<T>(work: () => T): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error);
  }
}
