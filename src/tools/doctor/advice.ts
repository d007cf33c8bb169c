/**
 * What errors of connecting mean, in plain words.
 *
 * @module
 */

interface Explanation {
  readonly summary: string;
  readonly advice: string;
}

/** Codes of HyperDHT; see `hyperdht/errors.ts`. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  PEER_NOT_FOUND: {
    summary: "nobody on the network knows this key",
    advice: "Check the key, and that the other side runs, is online and uses the same bootstrap nodes.",
  },
  PEER_CONNECTION_FAILED: {
    summary: "the peer did not answer through the nodes that know it",
    advice:
      "It may have just gone, or its firewall refuses our key; try again in a minute, and run the doctor there.",
  },
  HOLEPUNCH_DOUBLE_RANDOMIZED_NATS: {
    summary: "both routers give every destination another port, so that no hole can be punched",
    advice:
      "Use a relay that both sides know (relayThrough, or `quince relay` on a public machine), or forward a port.",
  },
  HOLEPUNCH_ABORTED: {
    summary: "the two routers let no packets of each other through",
    advice:
      "Try again; if it stays, use a relay (relayThrough), or forward a UDP port on one of the routers.",
  },
  HOLEPUNCH_PROBE_TIMEOUT: {
    summary: "the other side stopped answering while holes were punched",
    advice: "Packets may be getting lost on the way; try again, and compare with another network.",
  },
  CANNOT_HOLEPUNCH: {
    summary: "the other side allows no hole punching, and cannot be reached without",
    advice: "Use a relay, or let the other side forward a UDP port.",
  },
  REMOTE_NOT_HOLEPUNCHABLE: {
    summary: "the other side cannot be reached through a hole",
    advice: "Use a relay, or let the other side forward a UDP port.",
  },
  REMOTE_NOT_HOLEPUNCHING: {
    summary: "the other side did not punch back",
    advice: "It may run an old version or have refused us; run the doctor there too.",
  },
  REMOTE_ABORTED: {
    summary: "the other side refused the connection",
    advice: "Its firewall or allow list may not know our key.",
  },
  SERVER_INCOMPATIBLE: {
    summary: "the other side speaks another version of the protocol",
    advice: "Update the older of the two.",
  },
  SERVER_ERROR: { summary: "the other side had an error", advice: "Look at its log." },
  HANDSHAKE_INVALID: {
    summary: "the answer was not signed by the peer with this key",
    advice: "Something between us changes packets, or a node answers for others; try another network.",
  },
  RELAY_ABORTED: {
    summary: "the relay ended the connection",
    advice: "It may be full or gone; try another relay.",
  },
  ETIMEDOUT: {
    summary: "the connection opened but nothing came through it",
    advice: "A firewall may let short exchanges pass and drop streams; try another network or a relay.",
  },
};

/** What an error code means and what to do. */
export function explainCode(code: string): Explanation {
  return EXPLANATIONS[code] ?? {
    summary: `it failed with ${code}`,
    advice: "Try again with --json and look at what was tried.",
  };
}
