//! ChaCha20 (RFC 8439), HChaCha20 and the keystream of XChaCha20.

use crate::bytes::load32;

/// Bytes of one keystream block.
pub const BLOCK_BYTES: usize = 64;

const SIGMA: [u32; 4] = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/// A keyed stream at some block: words 12 and 13 count blocks as one 64-bit number, so that both nonce
/// sizes are served (with a 12-byte nonce, word 13 is its beginning).
#[derive(Clone)]
pub struct ChaCha20 {
    state: [u32; 16],
}

impl ChaCha20 {
    /// The IETF variant: 12-byte nonce, 32-bit block counter.
    pub fn ietf(key: &[u8; 32], nonce: &[u8; 12], counter: u32) -> Self {
        Self::from_words(key, [counter, load32(nonce, 0), load32(nonce, 4), load32(nonce, 8)])
    }

    /// XChaCha20: 24-byte nonce, 64-bit block counter.
    pub fn extended(key: &[u8; 32], nonce: &[u8; 24], counter: u64) -> Self {
        let mut subkey = [0u8; 32];
        hchacha20(key, nonce[..16].try_into().unwrap(), &mut subkey);
        Self::from_words(
            &subkey,
            [counter as u32, (counter >> 32) as u32, load32(nonce, 16), load32(nonce, 20)],
        )
    }

    fn from_words(key: &[u8; 32], tail: [u32; 4]) -> Self {
        let mut state = [0u32; 16];
        state[..4].copy_from_slice(&SIGMA);
        for i in 0..8 {
            state[4 + i] = load32(key, 4 * i);
        }
        state[12..].copy_from_slice(&tail);
        Self { state }
    }

    /// XORs the keystream into `data` and moves on by whole blocks.
    pub fn xor(&mut self, data: &mut [u8]) {
        for chunk in data.chunks_mut(BLOCK_BYTES) {
            let block = self.next_block();
            for (byte, key) in chunk.iter_mut().zip(block) {
                *byte ^= key;
            }
        }
    }

    /// The keystream block at the current position; moves on by one.
    pub fn next_block(&mut self) -> [u8; BLOCK_BYTES] {
        let mut words = self.state;
        rounds(&mut words);
        let mut block = [0u8; BLOCK_BYTES];
        for i in 0..16 {
            block[4 * i..4 * i + 4].copy_from_slice(&words[i].wrapping_add(self.state[i]).to_le_bytes());
        }
        self.advance(1);
        block
    }

    fn advance(&mut self, blocks: u64) {
        let counter = (self.state[12] as u64 | (self.state[13] as u64) << 32).wrapping_add(blocks);
        self.state[12] = counter as u32;
        self.state[13] = (counter >> 32) as u32;
    }
}

/// Derives a subkey from a key and 16 bytes of nonce.
pub fn hchacha20(key: &[u8; 32], nonce: &[u8; 16], out: &mut [u8; 32]) {
    let stream = ChaCha20::from_words(
        key,
        [load32(nonce, 0), load32(nonce, 4), load32(nonce, 8), load32(nonce, 12)],
    );
    let mut words = stream.state;
    rounds(&mut words);
    for i in 0..4 {
        out[4 * i..4 * i + 4].copy_from_slice(&words[i].to_le_bytes());
        out[16 + 4 * i..20 + 4 * i].copy_from_slice(&words[12 + i].to_le_bytes());
    }
}

fn rounds(x: &mut [u32; 16]) {
    for _ in 0..10 {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 1, 5, 9, 13);
        quarter(x, 2, 6, 10, 14);
        quarter(x, 3, 7, 11, 15);
        quarter(x, 0, 5, 10, 15);
        quarter(x, 1, 6, 11, 12);
        quarter(x, 2, 7, 8, 13);
        quarter(x, 3, 4, 9, 14);
    }
}

#[inline(always)]
fn quarter(x: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    x[a] = x[a].wrapping_add(x[b]);
    x[d] = (x[d] ^ x[a]).rotate_left(16);
    x[c] = x[c].wrapping_add(x[d]);
    x[b] = (x[b] ^ x[c]).rotate_left(12);
    x[a] = x[a].wrapping_add(x[b]);
    x[d] = (x[d] ^ x[a]).rotate_left(8);
    x[c] = x[c].wrapping_add(x[d]);
    x[b] = (x[b] ^ x[c]).rotate_left(7);
}
