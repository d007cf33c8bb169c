/**
 * Lines out of a stream of bytes.
 *
 * @module
 */

const LINE_BREAK = 10;

/** The lines of `input`, line breaks included, in the groups they arrive in. */
export async function* lineBatches(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array[]> {
  let rest: Uint8Array[] = [];
  for await (const chunk of input) {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (
      let end = chunk.indexOf(LINE_BREAK);
      end !== -1;
      end = chunk.indexOf(LINE_BREAK, start)
    ) {
      lines.push(join([...rest, chunk.subarray(start, end + 1)]));
      rest = [];
      start = end + 1;
    }
    if (start < chunk.byteLength) rest.push(chunk.slice(start));
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [join(rest)];
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const line = new Uint8Array(
    parts.reduce((byteLength, part) => byteLength + part.byteLength, 0),
  );
  let offset = 0;
  for (const part of parts) {
    line.set(part, offset);
    offset += part.byteLength;
  }
  return line;
}
