//! `crypto_secretstream_xchacha20poly1305` of libsodium, byte for byte.

use crate::aead::Aead;
use crate::bytes::{constant_time_equal, is_zero};
use crate::chacha20::{self, hchacha20};

/// Bytes a message grows by: the encrypted tag byte before it and the MAC after it.
pub const OVERHEAD_BYTES: usize = 17;
/// Bytes of a frame's length prefix.
pub const FRAME_PREFIX_BYTES: usize = 3;

const MAC_BYTES: usize = 16;
const TAG_REKEY: u8 = 2;
const COUNTER_BYTES: usize = 4;

/// One direction of a stream: key, 32-bit message counter and 8 bytes of chained nonce.
#[repr(C)]
#[derive(Clone)]
pub struct SecretStream {
    key: [u8; 32],
    nonce: [u8; 12],
}

/// One message being sealed or opened in chunks whose lengths are multiples of 64 except the last.
#[derive(Clone)]
pub struct Message {
    aead: Aead,
}

impl SecretStream {
    /// Starts a stream from its key and the 24-byte header its sender chose.
    pub fn new(key: &[u8; 32], header: &[u8; 24]) -> Self {
        let mut stream = Self { key: [0; 32], nonce: [0; 12] };
        hchacha20(key, header[..16].try_into().unwrap(), &mut stream.key);
        stream.nonce[COUNTER_BYTES..].copy_from_slice(&header[16..]);
        stream.reset_counter();
        stream
    }

    /// Starts the next message.
    pub fn begin(&self) -> Message {
        Message { aead: Aead::ietf(&self.key, &self.nonce) }
    }

    /// Seals `frame`, which holds one free byte, the text, and 16 free bytes.
    pub fn push(&mut self, ad: &[u8], frame: &mut [u8], tag: u8) {
        let mut message = self.begin();
        message.absorb_ad(ad);
        let text_end = frame.len() - MAC_BYTES;
        frame[0] = message.seal_tag(tag);
        message.encrypt(&mut frame[1..text_end]);
        let mac = message.finish();
        frame[text_end..].copy_from_slice(&mac);
        self.advance(&mac, tag);
    }

    /// Opens `frame` in place (the text is then between its first byte and its last 16) and returns the tag,
    /// or returns `None`: the stream stays where it is and the frame is worthless.
    pub fn pull(&mut self, ad: &[u8], frame: &mut [u8]) -> Option<u8> {
        if frame.len() < OVERHEAD_BYTES {
            return None;
        }
        let mut message = self.begin();
        message.absorb_ad(ad);
        let (head, mac) = frame.split_at_mut(frame.len() - MAC_BYTES);
        let tag = message.open_tag(head[0]);
        message.decrypt(&mut head[1..]);
        let expected = message.finish();
        if !constant_time_equal(&expected, mac) {
            return None;
        }
        self.advance(&expected, tag);
        Some(tag)
    }

    /// Moves on to the next message after one with this MAC and tag.
    pub fn advance(&mut self, mac: &[u8; MAC_BYTES], tag: u8) {
        for (nonce, byte) in self.nonce[COUNTER_BYTES..].iter_mut().zip(mac) {
            *nonce ^= byte;
        }
        let counter = u32::from_le_bytes(self.nonce[..COUNTER_BYTES].try_into().unwrap()).wrapping_add(1);
        self.nonce[..COUNTER_BYTES].copy_from_slice(&counter.to_le_bytes());
        if tag & TAG_REKEY != 0 || is_zero(&self.nonce[..COUNTER_BYTES]) {
            self.rekey();
        }
    }

    /// Replaces the key; both sides must do so after the same message.
    pub fn rekey(&mut self) {
        let mut next = [0u8; 40];
        next[..32].copy_from_slice(&self.key);
        next[32..].copy_from_slice(&self.nonce[COUNTER_BYTES..]);
        chacha20::ietf(&self.key, &self.nonce, 0).xor(&mut next);
        self.key.copy_from_slice(&next[..32]);
        self.nonce[COUNTER_BYTES..].copy_from_slice(&next[32..]);
        self.reset_counter();
    }

    /// Seals a run of frames in place. Each is a 3-byte little-endian length (of what follows), one free
    /// byte, the text, and 16 free bytes; the lengths are filled in already. Returns the number of frames.
    pub fn push_frames(&mut self, run: &mut [u8], tag: u8) -> usize {
        let mut count = 0;
        let mut rest = run;
        while let Some((frame, after)) = split_frame(rest) {
            self.push(&[], frame, tag);
            count += 1;
            rest = after;
        }
        count
    }

    /// Opens a run of complete frames in place, writes each tag over the frame's first byte, and returns how
    /// many frames opened before the end or the first forgery.
    pub fn pull_frames(&mut self, run: &mut [u8]) -> usize {
        let mut count = 0;
        let mut rest = run;
        while let Some((frame, after)) = split_frame(rest) {
            match self.pull(&[], frame) {
                Some(tag) => frame[0] = tag,
                None => break,
            }
            count += 1;
            rest = after;
        }
        count
    }

    fn reset_counter(&mut self) {
        self.nonce[..COUNTER_BYTES].copy_from_slice(&[1, 0, 0, 0]);
    }
}

impl Message {
    /// Authenticates additional data; comes before the tag byte.
    pub fn absorb_ad(&mut self, ad: &[u8]) {
        self.aead.absorb_ad(ad);
    }

    /// Encrypts the tag byte.
    pub fn seal_tag(&mut self, tag: u8) -> u8 {
        self.aead.end_ad();
        let mut block = [0u8; 64];
        block[0] = tag;
        self.aead.encrypt(&mut block);
        block[0]
    }

    /// Decrypts the tag byte.
    pub fn open_tag(&mut self, sealed: u8) -> u8 {
        self.aead.end_ad();
        let mut block = self.aead.cipher.next_block();
        let tag = block[0] ^ sealed;
        block[0] = sealed;
        self.aead.mac.update(&block);
        self.aead.text_len += 64;
        tag
    }

    /// Encrypts a chunk in place.
    pub fn encrypt(&mut self, chunk: &mut [u8]) {
        self.aead.encrypt(chunk);
    }

    /// Decrypts a chunk in place; nothing may be used before the MAC agreed.
    pub fn decrypt(&mut self, chunk: &mut [u8]) {
        self.aead.decrypt(chunk);
    }

    /// The MAC of the message.
    pub fn finish(mut self) -> [u8; MAC_BYTES] {
        // Compat: libsodium secretstream_xchacha20poly1305.c pads with length % 16 zeros, not up to the
        // next multiple of 16.
        let zeros = [0u8; 16];
        let pad = (self.aead.text_len % 16) as usize;
        self.aead.mac.update(&zeros[..pad]);
        self.aead.absorb_lengths();
        self.aead.mac.finish()
    }
}

fn split_frame(run: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    if run.len() < FRAME_PREFIX_BYTES {
        return None;
    }
    let (prefix, rest) = run.split_at_mut(FRAME_PREFIX_BYTES);
    let len = prefix[0] as usize | (prefix[1] as usize) << 8 | (prefix[2] as usize) << 16;
    if len < OVERHEAD_BYTES || len > rest.len() {
        return None;
    }
    Some(rest.split_at_mut(len))
}
