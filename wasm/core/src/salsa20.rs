//! XSalsa20 and HSalsa20.

use crate::bytes::load32;

/// Bytes of one keystream block.
pub const BLOCK_BYTES: usize = 64;

const SIGMA: [u32; 4] = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/// A keyed stream at some block.
#[derive(Clone)]
pub struct XSalsa20 {
    state: [u32; 16],
}

impl XSalsa20 {
    /// 24-byte nonce, 64-bit block counter.
    pub fn new(key: &[u8; 32], nonce: &[u8; 24], counter: u64) -> Self {
        let mut subkey = [0u8; 32];
        hsalsa20(key, nonce[..16].try_into().unwrap(), &mut subkey);
        Self {
            state: arrange(
                &subkey,
                [load32(nonce, 16), load32(nonce, 20), counter as u32, (counter >> 32) as u32],
            ),
        }
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
        let counter = (self.state[8] as u64 | (self.state[9] as u64) << 32).wrapping_add(blocks);
        self.state[8] = counter as u32;
        self.state[9] = (counter >> 32) as u32;
    }
}

/// Derives a subkey from a key and 16 bytes of nonce.
pub fn hsalsa20(key: &[u8; 32], nonce: &[u8; 16], out: &mut [u8; 32]) {
    let mut words = arrange(
        key,
        [load32(nonce, 0), load32(nonce, 4), load32(nonce, 8), load32(nonce, 12)],
    );
    rounds(&mut words);
    for (i, from) in [0, 5, 10, 15, 6, 7, 8, 9].into_iter().enumerate() {
        out[4 * i..4 * i + 4].copy_from_slice(&words[from].to_le_bytes());
    }
}

fn arrange(key: &[u8; 32], middle: [u32; 4]) -> [u32; 16] {
    let k = |i: usize| load32(key, 4 * i);
    [
        SIGMA[0], k(0), k(1), k(2), k(3), SIGMA[1], middle[0], middle[1], middle[2], middle[3], SIGMA[2], k(4),
        k(5), k(6), k(7), SIGMA[3],
    ]
}

fn rounds(x: &mut [u32; 16]) {
    for _ in 0..10 {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 5, 9, 13, 1);
        quarter(x, 10, 14, 2, 6);
        quarter(x, 15, 3, 7, 11);
        quarter(x, 0, 1, 2, 3);
        quarter(x, 5, 6, 7, 4);
        quarter(x, 10, 11, 8, 9);
        quarter(x, 15, 12, 13, 14);
    }
}

#[inline(always)]
fn quarter(x: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
    x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
    x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
    x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
}
