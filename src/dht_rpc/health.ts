/**
 * Whether the network works, by what came of the requests of the last ticks.
 *
 * Source: dht-rpc `lib/health.js`.
 *
 * @module
 */

/** Ticks that are looked at. */
const WINDOW_TICKS = 4;

/** Silent ticks until the node counts as offline. */
const OFFLINE_TICKS = 2;

/** Requests that came to an end in a tick, below which nothing is concluded from it. */
const IDLE_REQUESTS = 4;

/** Part of timeouts above which a tick counts as degraded. */
const DEGRADED_TIMEOUT_RATE = 0.5;

interface TickCount {
  readonly responses: number;
  readonly timeouts: number;
  kind: "unjudged" | "offline" | "degraded" | "healthy";
}

/** A summary of the health, for logs. */
export interface HealthStats {
  /** Answers come. */
  readonly online: boolean;
  /** More than half of the requests get none. */
  readonly degraded: boolean;
  /** Too early to say. */
  readonly cold: boolean;
  /** Too few requests in the last tick to say. */
  readonly idle: boolean;
  /** Answers in the last tick. */
  readonly responses: number;
  /** Requests without an answer in the last tick. */
  readonly timeouts: number;
  /** Part of the requests of the last tick that had no answer. */
  readonly timeoutsRate: number;
}

/** Counters of requests, as far as health looks at them. */
export interface RequestCounters {
  /** Answers so far. */
  readonly responses: number;
  /** Requests without an answer so far. */
  readonly timeouts: number;
}

/** Judges tick after tick. */
export class NetworkHealth {
  #ticks: TickCount[] = [];
  #offlineTicks = 0;
  #online = true;
  #degraded = false;
  #told: Pick<HealthStats, "online" | "degraded"> = { online: true, degraded: false };

  /** What was told of it last. */
  get told(): Pick<HealthStats, "online" | "degraded"> {
    return this.#told;
  }

  /** Answers come, or it is too early to say. */
  get online(): boolean {
    return this.#online;
  }

  /** Most requests get no answer. */
  get degraded(): boolean {
    return this.#degraded;
  }

  /** Answers in the last tick. */
  get responses(): number {
    return this.#difference("responses");
  }

  /** Requests without an answer in the last tick. */
  get timeouts(): number {
    return this.#difference("timeouts");
  }

  /** Part of the requests of the last tick that had no answer. */
  get timeoutsRate(): number {
    const { timeouts } = this;
    return timeouts === 0 ? 0 : timeouts / (this.responses + timeouts);
  }

  /** Fewer ticks than needed for a judgement. */
  get cold(): boolean {
    return this.#ticks.length < WINDOW_TICKS;
  }

  /** Too few requests in the last tick. */
  get idle(): boolean {
    return this.responses + this.timeouts < IDLE_REQUESTS;
  }

  /** All of it. */
  get stats(): HealthStats {
    const { online, degraded, cold, idle, responses, timeouts, timeoutsRate } = this;
    return { online, degraded, cold, idle, responses, timeouts, timeoutsRate };
  }

  /** Starts anew, in good health. */
  reset(): void {
    this.#ticks = [];
    this.#offlineTicks = 0;
    this.#online = true;
    this.#degraded = false;
  }

  /** Tells how it is; false where that was told already. */
  tell(): boolean {
    const { online, degraded, told } = this;
    if (online === told.online && degraded === told.degraded) return false;
    this.#told = { online, degraded };
    return true;
  }

  /** A tick is over. */
  update(counters: RequestCounters): void {
    if (this.#ticks.length === WINDOW_TICKS) this.#ticks.shift();
    const tick: TickCount = {
      responses: counters.responses,
      timeouts: counters.timeouts,
      kind: "unjudged",
    };
    this.#ticks.push(tick);
    if (this.cold || this.idle) return;
    if (this.responses === 0) {
      tick.kind = "offline";
      this.#offlineTicks++;
      if (this.#offlineTicks >= OFFLINE_TICKS) this.#online = false;
    } else {
      tick.kind = this.timeoutsRate > DEGRADED_TIMEOUT_RATE ? "degraded" : "healthy";
      this.#offlineTicks = 0;
      this.#online = true;
    }
    if (!this.#online || this.#areAll("healthy")) this.#degraded = false;
    else if (this.#areAll("degraded")) this.#degraded = true;
  }

  #areAll(kind: TickCount["kind"]): boolean {
    return this.#ticks.every((tick) => tick.kind === kind);
  }

  #difference(counter: keyof RequestCounters): number {
    const newest = this.#ticks.at(-1);
    const previous = this.#ticks.at(-2);
    return newest && previous ? newest[counter] - previous[counter] : 0;
  }
}
