/**
 * Errors of mirrors.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/**
 * Why a mirror stopped:
 *
 * - `NOT_WRITABLE`: the destination takes no writes.
 * - `BAD_TRANSFORMER`: a transformer is no function, or gave no stream.
 * - `SOURCE_CHANGED`: a file kept changing while it was read; what arrived of it is no state it ever had.
 * - anything else: the code of the error that a drive gave, which is the `cause`.
 */
export type MirrorDriveErrorCode =
  | "NOT_WRITABLE"
  | "BAD_TRANSFORMER"
  | "SOURCE_CHANGED"
  | (string & Record<never, never>);

/** A mirror stopped; what was mirrored until then is whole. */
export class MirrorDriveError extends QuinceError {
  /** The file that could not be mirrored, null where it was no file's fault. */
  readonly key: string | null;

  /** Creates an error whose message is `code: message`. */
  constructor(
    code: MirrorDriveErrorCode,
    message: string,
    options: QuinceErrorOptions & { readonly key?: string } = {},
  ) {
    super(code, message, options);
    this.key = options.key ?? null;
  }
}

/** Runs `work`, which does `action` to the file `key`; its errors come out with the file's name. */
export async function namingFile<Result>(
  action: string,
  key: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof MirrorDriveError) throw cause;
    const code = (cause as { code?: unknown }).code;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MirrorDriveError(
      typeof code === "string" ? code : "ERR_MIRROR",
      `Cannot ${action} ${key}: ${reason}`,
      { cause, key },
    );
  }
}
