/**
 * Exactly the names that the package `hypercore-crypto` exports.
 *
 * @module
 */
export { data, discoveryKey, hash, namespace, parent, tree } from "./hashes.ts";
export {
  decrypt,
  encrypt,
  encryptionKeyPair,
  free,
  keyPair,
  randomBytes,
  sign,
  validateKeyPair,
  verify,
} from "./keys.ts";
