/**
 * Cryptography: the typed face of the WASM core.
 *
 * Every function is synchronous, takes `Uint8Array`s it only borrows, and returns fresh bytes unless `out` is
 * given. Behaviour, refusals included, is libsodium's.
 *
 * @module
 */
export {
  AEAD_TAGBYTES,
  aeadChaCha20Poly1305Decrypt,
  aeadChaCha20Poly1305Encrypt,
  type AeadOptions,
  aeadXChaCha20Poly1305Decrypt,
  aeadXChaCha20Poly1305Encrypt,
} from "./aead.ts";
export { Blake2b, blake2b, type Blake2bOptions } from "./blake2b.ts";
export { constantTimeEqual, crc32, wipe } from "./compare.ts";
export {
  ed25519Add,
  ed25519IsValidPoint,
  ed25519PublicKeyToX25519,
  ed25519ScalarAdd,
  ed25519ScalarComplement,
  ed25519ScalarInvert,
  ed25519ScalarMul,
  ed25519ScalarMult,
  ed25519ScalarMultBase,
  ed25519ScalarNegate,
  ed25519ScalarRandom,
  ed25519ScalarReduce,
  ed25519ScalarSub,
  ed25519SecretKeyToX25519,
  ed25519Sub,
  x25519,
  x25519Base,
} from "./curve.ts";
export { CryptoError, type CryptoErrorCode } from "./errors.ts";
export { hkdfBlake2b, hmacBlake2b } from "./hmac.ts";
export {
  hashLeaf,
  hashLeaves,
  hashParent,
  hashRoots,
  merkleAppend,
  type MerkleAppendResult,
  merkleClimb,
  NODE_BYTES,
} from "./merkle.ts";
export { NOISE_DH_BYTES, NOISE_DH_NAME, noiseDh, noiseKeyPair, noiseMixDh, noiseScalar } from "./noise.ts";
export { randomBytes } from "./random.ts";
export {
  boxKeyPair,
  sealedBox,
  SEALEDBOX_OVERHEADBYTES,
  sealedBoxOpen,
  secretbox,
  SECRETBOX_KEYBYTES,
  SECRETBOX_MACBYTES,
  SECRETBOX_NONCEBYTES,
  secretboxOpen,
} from "./secretbox.ts";
export {
  SecretStream,
  SECRETSTREAM_ABYTES,
  SECRETSTREAM_FRAMEBYTES_MAX,
  SECRETSTREAM_HEADERBYTES,
  SECRETSTREAM_KEYBYTES,
  type SecretStreamFrames,
  type SecretStreamMessage,
  SecretStreamPull,
  type SecretStreamPullOptions,
  SecretStreamPush,
  type SecretStreamPushOptions,
  TAG_FINAL,
  TAG_MESSAGE,
  TAG_PUSH,
  TAG_REKEY,
} from "./secretstream.ts";
export {
  isSignKeyPair,
  type KeyPair,
  sha512,
  sign,
  SIGN_BYTES,
  SIGN_PUBLICKEYBYTES,
  SIGN_SECRETKEYBYTES,
  SIGN_SEEDBYTES,
  signKeyPair,
  verify,
} from "./sign.ts";
export {
  type StreamXorOptions,
  xchacha20Keystream,
  xchacha20Xor,
  xsalsa20Keystream,
  xsalsa20Xor,
} from "./stream_cipher.ts";
