/**
 * Progress of a mirror, told at intervals. Source: `mirror-drive` 1.14.2 (index.js).
 *
 * @module
 */
import { type CancelTimer, type Clock, TypedEventEmitter } from "../base/mod.ts";
import { MONITOR_INTERVAL_MS } from "./limits.ts";

/** What a mirror has transferred at one moment. */
export interface MirrorStats {
  /** Peers that the source replicates with. */
  readonly peers: number;
  /** What came in; speed in bytes per second, progress from 0 to 1. */
  readonly download: {
    readonly bytes: number;
    readonly blocks: number;
    readonly speed: number;
    readonly progress: number;
  };
  /** What went out. */
  readonly upload: { readonly bytes: number; readonly blocks: number; readonly speed: number };
}

/** Events of a {@linkcode Monitor}. */
export interface MonitorEvents {
  /** New figures. */
  update: [stats: MirrorStats];
  /** All that is to come is known. */
  preloaded: [];
  /** The monitor tells nothing any more. */
  destroy: [];
}

/** What a monitor asks of its mirror. */
export interface MonitoredMirror {
  /** Whether all that is to come is known. */
  readonly preloaded: boolean;
  /** The figures of this moment. */
  stats(): MirrorStats;
  /** The monitors that watch. */
  readonly monitors: Monitor[];
}

/** Tells the progress of one mirror. It ends with the mirror, or when it is destroyed. */
export class Monitor extends TypedEventEmitter<MonitorEvents> {
  /** The figures of the last update. */
  stats: MirrorStats;
  /** Whether the monitor has ended. */
  destroyed = false;
  readonly #mirror: MonitoredMirror;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #cancelTimer: CancelTimer;

  /** Starts telling, every `intervalMs` (default 250 ms). */
  constructor(mirror: MonitoredMirror, clock: Clock, intervalMs: number = MONITOR_INTERVAL_MS) {
    super();
    this.#mirror = mirror;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.stats = mirror.stats();
    this.#cancelTimer = this.#schedule();
  }

  #schedule(): CancelTimer {
    return this.#clock.schedule(this.#intervalMs, () => {
      this.#cancelTimer = this.#schedule();
      this.update();
    });
  }

  /** Whether all that is to come is known. */
  get preloaded(): boolean {
    return this.#mirror.preloaded;
  }

  /** Takes the figures of this moment and tells them. */
  update(): void {
    if (this.destroyed) return;
    this.stats = this.#mirror.stats();
    this.emit("update", this.stats);
  }

  /** Ends the monitor. */
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#cancelTimer();
    const { monitors } = this.#mirror;
    monitors.splice(monitors.indexOf(this), 1);
    this.emit("destroy");
  }
}
