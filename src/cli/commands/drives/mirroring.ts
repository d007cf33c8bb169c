/**
 * A mirror that is watched: its differences as lines, its progress as the status.
 *
 * @module
 */
import { systemClock } from "../../../platform/mod.ts";
import {
  byteText,
  type Drive,
  mirrorDrives,
  type MirrorEvent,
  type MirrorOptions,
} from "../../../tools/drives/mod.ts";
import { durationText } from "../../status_line.ts";
import type { Work } from "./work.ts";

/** What {@linkcode runMirror} shows. */
export interface MirrorTexts {
  /** Differences are not printed. */
  readonly isSilent: boolean;
  /** The status while nothing changes. */
  readonly idleText: () => string;
}

/** How long the file that is under way may take when the command is stopped, ms; its peers may be gone. */
const STOPPING_MS = 2000;

/** Mirrors and prints; resolves at the end, or when stopped while it follows changes. */
export async function runMirror(
  { output, status, terminal: { signal } }: Work,
  source: Drive,
  destination: Drive,
  options: MirrorOptions,
  { isSilent, idleText }: MirrorTexts,
): Promise<void> {
  let done = 0;
  let isFirst = true;
  status.show(() => "Comparing");
  const events = mirrorDrives(source, destination, {
    ...options,
    onmonitor(monitor) {
      const startedMs = performance.now();
      status.show(() => {
        const { speed, bytes, progress: part } = monitor.stats.download;
        if (done === 0) return "Comparing";
        if (bytes === 0) return countText(done);
        const elapsedS = (performance.now() - startedMs) / 1000;
        const leftS = part > 0 ? elapsedS * (1 - part) / part : NaN;
        const percent = Math.floor(part * 100);
        return `${countText(done)}, ${percent} %, ${byteText(bytes)} at ${byteText(speed)}/s, ${
          durationText(leftS)
        } left`;
      });
    },
  });
  let cancel = (): void => {};
  const stop = (): void => void (cancel = systemClock.schedule(STOPPING_MS, () => void source.close()));
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const event of events) {
      if (event.event === "difference") {
        done++;
        if (!isFirst) status.show(() => `Copying ${event.key}`);
      } else {
        isFirst = false;
        status.show(idleText);
      }
      if (!isSilent || event.event !== "difference") output.tell(eventText(event), { ...event });
    }
  } catch (error) {
    if (!signal.aborted) throw error; // else it is the source that was closed
  } finally {
    signal.removeEventListener("abort", stop);
    cancel();
  }
  // Who follows changes is stopped some day; a copy that is not complete is none.
  if (signal.aborted && isFirst && !options.live) throw signal.reason;
}

/** A count of files in words. */
export function countText(files: number): string {
  return `${files} ${files === 1 ? "file" : "files"}`;
}

const SIGNS = { add: "+", remove: "-", change: "~", equal: "=" } as const;

function eventText(event: MirrorEvent): string {
  if (event.event === "mirrored") {
    const { files, add, remove, change } = event.count;
    const version = event.version === null ? "" : `, version ${event.version}`;
    return `Total files: ${files} (+${add} -${remove} ~${change})${version}`;
  }
  const { op, key, bytesAdded, bytesRemoved } = event;
  return `${SIGNS[op]} ${key} ${byteText(op === "remove" ? bytesRemoved : bytesAdded)}`;
}
