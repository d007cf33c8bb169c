/**
 * One at a time, in the order of asking.
 *
 * @module
 */

/** Waits for its turn and resolves to a function that ends it; `mutexify/promise` is one too. */
export type Lock = () => Promise<() => void>;

/** Makes a lock. */
export function createLock(): Lock {
  const waiting: ((release: () => void) => void)[] = [];
  let isLocked = false;
  const releaseOnce = (): () => void => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = waiting.shift();
      if (next === undefined) isLocked = false;
      else next(releaseOnce());
    };
  };
  return () => {
    if (isLocked) return new Promise((resolve) => waiting.push(resolve));
    isLocked = true;
    return Promise.resolve(releaseOnce());
  };
}
