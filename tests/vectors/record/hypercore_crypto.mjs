// Records tests/vectors/hypercore_crypto/vectors.json from the npm packages.
//
//   node tests/vectors/record/hypercore_crypto.mjs
//
// Bytes are hexadecimal text. `refused` is the message of the error that the package throws.
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const crypto = require("hypercore-crypto");
const id = require("hypercore-id-encoding");
const z32 = require("z32");

const counted = (count, first = 0) => Buffer.from(Array.from({ length: count }, (_, i) => (first + i) & 255));
const seeds = [Buffer.alloc(32), counted(32), Buffer.alloc(32, 0xff)];
const messages = [Buffer.alloc(0), Buffer.from("hello"), counted(64), counted(1000)];
const signer = crypto.keyPair(counted(32));
const signature = crypto.sign(Buffer.from("hello"), signer.secretKey);
const boxes = crypto.encryptionKeyPair(counted(32));
const leaves = messages.map((block, i) => ({ index: 2 * i, size: block.byteLength, hash: crypto.data(block) }));
const far = { index: 2 ** 40, size: 2 ** 50, hash: counted(32) };
const keys = [Buffer.alloc(32), counted(32, 7), Buffer.alloc(32, 0xff)];
const text = id.encode(keys[1]);
const hex = keys[1].toString("hex");

const sections = {
  origin: ["hypercore-crypto", "hypercore-id-encoding", "z32"].map((name) =>
    `${name}@${require(`${name}/package.json`).version}`
  ),
  exports: { package: Object.keys(crypto).sort(), id: Object.keys(id).sort(), z32: Object.keys(z32).sort() },
  keyPairs: seeds.map((seed) => ({ seed, ...crypto.keyPair(seed) })),
  encryptionKeyPairs: seeds.map((seed) => ({ seed, ...crypto.encryptionKeyPair(seed) })),
  validations: [
    ["its own", signer],
    ["another public key", { publicKey: keys[0], secretKey: signer.secretKey }],
    ["a short public key", { publicKey: signer.publicKey.subarray(1), secretKey: signer.secretKey }],
  ].map(([name, pair]) => ({ name, ...pair, isValid: crypto.validateKeyPair(pair) })),
  signatures: messages.map((message) => ({
    message,
    secretKey: signer.secretKey,
    signature: crypto.sign(message, signer.secretKey),
  })),
  verifications: [
    ["its own", Buffer.from("hello"), signature, signer.publicKey],
    ["another message", Buffer.from("hellO"), signature, signer.publicKey],
    ["another key", Buffer.from("hello"), signature, crypto.keyPair(seeds[0]).publicKey],
    ["a key that is no point", Buffer.from("hello"), signature, keys[2]],
    ["a key of small order", Buffer.from("hello"), signature, keys[0]],
    ["a short signature", Buffer.from("hello"), signature.subarray(1), signer.publicKey],
    ["a long signature", Buffer.from("hello"), Buffer.concat([signature, keys[0]]), signer.publicKey],
    ["a short key", Buffer.from("hello"), signature, signer.publicKey.subarray(1)],
    ["no signature", Buffer.from("hello"), Buffer.alloc(0), signer.publicKey],
  ].map(([name, message, signature, publicKey]) => {
    return { name, message, signature, publicKey, isValid: crypto.verify(message, signature, publicKey) };
  }),
  boxes: messages.map((message) => ({
    message,
    ...boxes,
    ciphertext: crypto.encrypt(message, boxes.publicKey),
  })),
  leaves: messages.map((block) => ({ block, hash: crypto.data(block) })),
  parents: [[leaves[0], leaves[1]], [leaves[1], leaves[0]], [leaves[2], far], [leaves[1], leaves[1]]].map(
    ([a, b]) => ({ a, b, hash: crypto.parent(a, b) }),
  ),
  trees: [[], [leaves[0]], [leaves[0], leaves[3]], [far, leaves[2], leaves[1]]].flatMap((roots) => [
    { roots, byteLength: 32, hash: crypto.tree(roots) },
    { roots, byteLength: 64, hash: crypto.tree(roots, Buffer.alloc(64)) },
  ]),
  hashes: [[], [messages[0]], [messages[1]], [messages[1], messages[3], messages[0]]].flatMap((parts) =>
    [1, 16, 32, 64].map((byteLength) => {
      return { parts, byteLength, hash: crypto.hash(parts, Buffer.alloc(byteLength)) };
    })
  ),
  discoveryKeys: keys.map((key) => ({ key, discoveryKey: crypto.discoveryKey(key) })),
  namespaces: [["hypercore", 6], ["h\u00e9", 1], ["x", 0], ["x", [0x10, 3, 300, -1]]].map(([name, ids]) => {
    return { name, ids, list: crypto.namespace(name, ids) };
  }),
  ids: keys.map((key) => ({ key, id: id.encode(key) })),
  idReadings: [
    ["z-base-32", text],
    ["hexadecimal", hex],
    ["upper-case hexadecimal", hex.toUpperCase()],
    ["a link", `pear://${text}`],
    ["a link with a path", `pear://${text}/a/b?c`],
    ["a link in hexadecimal", `pear://${hex}/`],
    ["bits behind the key", text.slice(0, 51) + "x"],
    ["a link with a query", `pear://${text}?a`],
    ["a link with a version", `pear://0.12.${text}`],
    ["another protocol", `http://${text}`],
    ["upper-case protocol", `PEAR://${text}`],
    ["upper-case z-base-32", text.toUpperCase()],
    ["a letter outside the alphabet", "l" + text.slice(1)],
    ["a letter outside ASCII", "\u00e9" + text.slice(1)],
    ["a letter outside hexadecimal", "g" + hex.slice(1)],
    ["a letter outside hexadecimal at the end", hex.slice(1) + "g"],
    ["one character less", text.slice(1)],
    ["one digit less", hex.slice(1)],
    ["nothing", ""],
    ["an empty link", "pear://"],
  ].map(([name, id]) => ({ name, id, ...attempt("key", () => idDecode(id)) })),
  z32: Array.from({ length: 13 }, (_, n) => counted(n, 200)).map((bytes) => ({
    bytes,
    text: z32.encode(bytes),
  })),
  z32Readings: [
    ...Array.from({ length: 18 }, (_, n) => "9".repeat(n)),
    "ybndrfg8ejkmcpqxot1uwisza345h769",
    "l",
    "yyyyv",
    "yyyyyyyy0",
    " y",
    "Y",
    "y\u0142",
  ].map((text) => ({ text, ...attempt("bytes", () => z32.decode(text)) })),
};

const lines = Object.entries(sections).map(([name, section]) => {
  if (!Array.isArray(section) || typeof section[0] === "string") return `  "${name}": ${json(section)}`;
  return `  "${name}": [\n${section.map((entry) => `    ${json(entry)}`).join(",\n")}\n  ]`;
});
const file = new URL("../hypercore_crypto/vectors.json", import.meta.url);
writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`);

function idDecode(text) {
  return id.decode(text);
}

function attempt(name, run) {
  try {
    return { [name]: run() };
  } catch (error) {
    return { refused: error.message };
  }
}

function json(value) {
  return JSON.stringify(value, function (key, field) {
    return Buffer.isBuffer(this[key]) ? this[key].toString("hex") : field;
  });
}
