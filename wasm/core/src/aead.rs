//! ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305, in one piece or chunk by chunk.

use crate::bytes::constant_time_equal;
use crate::chacha20::{self, ChaCha20};
use crate::poly1305::Poly1305;

/// Bytes of the authentication tag.
pub const TAG_BYTES: usize = 16;

/// One message on its way through cipher and MAC.
///
/// Order of calls: `absorb_ad` any number of times, `end_ad`, then `encrypt` or `decrypt` with chunks whose
/// lengths are multiples of 64 except the last, then `finish`.
#[derive(Clone)]
pub struct Aead {
    pub(crate) cipher: ChaCha20,
    pub(crate) mac: Poly1305,
    pub(crate) ad_len: u64,
    pub(crate) text_len: u64,
}

impl Aead {
    /// Starts a message under a 12-byte nonce.
    pub fn ietf(key: &[u8; 32], nonce: &[u8; 12]) -> Self {
        Self::with_cipher(chacha20::ietf(key, nonce, 0))
    }

    /// Starts a message under a 24-byte nonce.
    pub fn extended(key: &[u8; 32], nonce: &[u8; 24]) -> Self {
        Self::with_cipher(chacha20::extended(key, nonce, 0))
    }

    fn with_cipher(mut cipher: ChaCha20) -> Self {
        cipher.look_ahead();
        let block = cipher.next_block();
        Self {
            mac: Poly1305::new(block[..32].try_into().unwrap()),
            cipher,
            ad_len: 0,
            text_len: 0,
        }
    }

    /// Authenticates additional data.
    pub fn absorb_ad(&mut self, ad: &[u8]) {
        self.ad_len += ad.len() as u64;
        self.mac.update(ad);
    }

    /// Ends the additional data.
    pub fn end_ad(&mut self) {
        self.mac.pad_to_block();
    }

    /// Encrypts `data` in place and authenticates the result.
    pub fn encrypt(&mut self, data: &mut [u8]) {
        self.text_len += data.len() as u64;
        self.cipher.seal(data, &mut self.mac);
    }

    /// Authenticates `data` and decrypts it in place; nothing may be used before `finish` agreed.
    pub fn decrypt(&mut self, data: &mut [u8]) {
        self.text_len += data.len() as u64;
        self.cipher.open(data, &mut self.mac);
    }

    /// The tag.
    pub fn finish(mut self) -> [u8; TAG_BYTES] {
        self.mac.pad_to_block();
        self.absorb_lengths();
        self.mac.finish()
    }

    pub(crate) fn absorb_lengths(&mut self) {
        let mut lengths = [0u8; 16];
        lengths[..8].copy_from_slice(&self.ad_len.to_le_bytes());
        lengths[8..].copy_from_slice(&self.text_len.to_le_bytes());
        self.mac.update(&lengths);
    }

    /// Encrypts the whole `text` in place and returns its tag.
    pub fn seal(mut self, ad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        self.absorb_ad(ad);
        self.end_ad();
        self.encrypt(text);
        self.finish()
    }

    /// Decrypts the whole `text` in place and checks `tag`; on `false` the text is worthless.
    pub fn open(mut self, ad: &[u8], text: &mut [u8], tag: &[u8]) -> bool {
        self.absorb_ad(ad);
        self.end_ad();
        self.decrypt(text);
        constant_time_equal(&self.finish(), tag)
    }
}
