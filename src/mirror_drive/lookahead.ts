/**
 * Work on the items of a sequence ahead of their turn.
 *
 * @module
 */

/**
 * Gives `prepare(item)` of each item, in order, with up to `count` of them at work at a time. Stopping early stops
 * `items` too; what was being prepared then ends unheard.
 */
export async function* lookAhead<Item, Prepared>(
  items: AsyncIterable<Item>,
  count: number,
  prepare: (item: Item) => Promise<Prepared>,
): AsyncGenerator<Prepared> {
  const iterator = items[Symbol.asyncIterator]();
  const ahead: Promise<Prepared>[] = [];
  let isOver = false;
  try {
    for (;;) {
      while (!isOver && ahead.length < count) {
        const { done, value } = await iterator.next();
        if (done) {
          isOver = true;
          break;
        }
        const prepared = prepare(value);
        prepared.catch(ignoreUntilItsTurn);
        ahead.push(prepared);
      }
      const next = ahead.shift();
      if (next === undefined) return;
      yield await next;
    }
  } finally {
    if (!isOver) await iterator.return?.();
  }
}

/** The error is thrown when its turn comes. */
function ignoreUntilItsTurn(): void {}
