//! XSalsa20-Poly1305 (`crypto_secretbox_easy`) and the key agreement of `crypto_box`.

use crate::blake2b::hash_parts;
use crate::bytes::wipe;
use crate::poly1305::Poly1305;
use crate::salsa20::{self, hsalsa20, XSalsa20};
use crate::x25519;

/// Bytes of the authentication tag.
pub const TAG_BYTES: usize = 16;
/// Bytes of the first keystream block that are left for the text.
const HEAD_BYTES: usize = 32;

/// One message on its way through cipher and MAC, in chunks: the first has a length of 32 plus a multiple of
/// 64, the others of a multiple of 64; the last one has any length.
#[derive(Clone)]
pub struct SecretBox {
    cipher: XSalsa20,
    head: [u8; HEAD_BYTES],
    is_head_used: bool,
    mac: Poly1305,
}

impl SecretBox {
    /// Starts a message.
    pub fn new(key: &[u8; 32], nonce: &[u8; 24]) -> Self {
        let mut cipher = salsa20::extended(key, nonce, 0);
        cipher.look_ahead();
        let block = cipher.next_block();
        Self {
            mac: Poly1305::new(block[..32].try_into().unwrap()),
            head: block[32..].try_into().unwrap(),
            is_head_used: false,
            cipher,
        }
    }

    /// Encrypts a chunk in place.
    pub fn encrypt(&mut self, chunk: &mut [u8]) {
        let head_len = self.xor_head(chunk);
        let (head, rest) = chunk.split_at_mut(head_len);
        self.mac.update(head);
        self.cipher.seal(rest, &mut self.mac);
    }

    /// Decrypts a chunk in place; nothing may be used before `finish` agreed.
    pub fn decrypt(&mut self, chunk: &mut [u8]) {
        let head_len = if self.is_head_used { 0 } else { chunk.len().min(HEAD_BYTES) };
        self.mac.update(&chunk[..head_len]);
        self.xor_head(chunk);
        self.cipher.open(&mut chunk[head_len..], &mut self.mac);
    }

    /// The tag.
    pub fn finish(self) -> [u8; TAG_BYTES] {
        self.mac.finish()
    }

    /// XORs what the first block left for the text; returns how many bytes that served.
    fn xor_head(&mut self, chunk: &mut [u8]) -> usize {
        if self.is_head_used {
            return 0;
        }
        self.is_head_used = true;
        for (byte, key) in chunk.iter_mut().zip(self.head) {
            *byte ^= key;
        }
        chunk.len().min(HEAD_BYTES)
    }
}

/// The shared key of `crypto_box`; `false` when the public key is a point of small order.
pub fn box_shared_key(public_key: &[u8; 32], secret_key: &[u8; 32], out: &mut [u8; 32]) -> bool {
    let mut shared = [0u8; 32];
    if !x25519::scalar_mult(secret_key, public_key, &mut shared) {
        return false;
    }
    hsalsa20(&shared, &[0; 16], out);
    wipe(&mut shared);
    true
}

/// The nonce of a sealed box.
pub fn sealed_box_nonce(ephemeral_public_key: &[u8; 32], public_key: &[u8; 32], out: &mut [u8; 24]) {
    hash_parts(&[ephemeral_public_key, public_key], out);
}
