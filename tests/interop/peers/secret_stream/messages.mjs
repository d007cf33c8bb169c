/** Message number `index`: its number, then bytes that depend on number and place. Both sides make the same. */
export function messageOf(index, byteLength) {
  const message = new Uint8Array(byteLength);
  for (let at = 0; at < Math.min(byteLength, 4096); at++) {
    message[at] = index * 31 + at * 7;
  }
  if (byteLength > 4096) message.fill(index + 1, 4096);
  if (byteLength >= 4) new DataView(message.buffer).setUint32(0, index, true);
  return message;
}
