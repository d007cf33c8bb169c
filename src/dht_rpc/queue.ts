/**
 * What a machine has to give, in order.
 *
 * @module
 */

/** First in, first out; taking is as cheap as adding. */
export class Queue<Item> {
  readonly #items: Item[] = [];
  #start = 0;

  /** Adds an item. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes the first item, null when there is none. */
  shift(): Item | null {
    if (this.#start === this.#items.length) return null;
    const item = this.#items[this.#start++]!;
    if (this.#start === this.#items.length) {
      this.clear();
    } else if (this.#start >= 1024) {
      this.#items.splice(0, this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** The first item, left where it is. */
  get first(): Item | null {
    return this.#items[this.#start] ?? null;
  }

  /** Drops all items. */
  clear(): void {
    this.#items.length = 0;
    this.#start = 0;
  }
}
