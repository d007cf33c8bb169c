/**
 * A typed face for `node:events`, which Deno, Node and Bun all have built in.
 *
 * @module
 */
import { EventEmitter } from "node:events";

/** Maps event names to the arguments their listeners get. */
export type EventMap = Record<string, unknown[]>;

/** An `EventEmitter` whose events and arguments are checked at compile time. */
export class TypedEventEmitter<Events extends { [K in keyof Events]: unknown[] }> extends EventEmitter {
  /** Adds a listener. */
  override on<K extends keyof Events & string>(event: K, listener: (...args: Events[K]) => void): this {
    return super.on(event, listener as (...args: unknown[]) => void);
  }

  /** Adds a listener for the next such event only. */
  override once<K extends keyof Events & string>(event: K, listener: (...args: Events[K]) => void): this {
    return super.once(event, listener as (...args: unknown[]) => void);
  }

  /** Removes a listener. */
  override off<K extends keyof Events & string>(event: K, listener: (...args: Events[K]) => void): this {
    return super.off(event, listener as (...args: unknown[]) => void);
  }

  /** Calls the listeners of an event, in the order in which they were added; tells whether there were any. */
  override emit<K extends keyof Events & string>(event: K, ...args: Events[K]): boolean {
    return super.emit(event, ...args);
  }
}
