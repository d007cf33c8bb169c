/**
 * Tests for textual IP addresses.
 *
 * @module
 */

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const ZONE = /^[0-9a-zA-Z\-.:]+$/;
const GROUPS_COUNT = 8;

/** Tells whether `host` is an IPv4 address in dotted decimal notation. */
export function isIPv4(host: string): boolean {
  return IPV4.test(host);
}

/** Tells whether `host` is an IPv6 address, a zone allowed. */
export function isIPv6(host: string): boolean {
  const [address = "", ...zones] = host.split("%");
  if (zones.length > 1 || (zones.length === 1 && !ZONE.test(zones[0]!))) return false;
  const halves = address.split("::");
  if (halves.length > 2) return false;
  const counts = halves.map((half, index) => countGroups(half, index === halves.length - 1));
  if (counts.includes(-1)) return false;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return halves.length === 2 ? total < GROUPS_COUNT : total === GROUPS_COUNT;
}

/** The family of `host`: 4, 6, or 0 when it is no address. */
export function isIP(host: string): 0 | 4 | 6 {
  if (isIPv4(host)) return 4;
  return isIPv6(host) ? 6 : 0;
}

/** Groups of 16 bits that `text` stands for, -1 when it is malformed. */
function countGroups(text: string, isLast: boolean): number {
  if (text === "") return 0;
  const groups = text.split(":");
  let count = groups.length;
  if (isLast && isIPv4(groups.at(-1)!)) {
    groups.pop();
    count++;
  }
  return groups.every((group) => GROUP.test(group)) ? count : -1;
}
