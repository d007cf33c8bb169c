//! Poly1305 (RFC 8439) with five 26-bit limbs.

use crate::bytes::load32;

const BLOCK_BYTES: usize = 16;
const MASK: u32 = 0x3ff_ffff;

/// A MAC in progress; a key is used once.
#[derive(Clone)]
pub struct Poly1305 {
    r: [u32; 5],
    h: [u32; 5],
    pad: [u32; 4],
    buffer: [u8; BLOCK_BYTES],
    buffer_len: usize,
}

impl Poly1305 {
    /// Starts a MAC.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            r: [
                load32(key, 0) & 0x3ffffff,
                (load32(key, 3) >> 2) & 0x3ffff03,
                (load32(key, 6) >> 4) & 0x3ffc0ff,
                (load32(key, 9) >> 6) & 0x3f03fff,
                (load32(key, 12) >> 8) & 0x00fffff,
            ],
            h: [0; 5],
            pad: [load32(key, 16), load32(key, 20), load32(key, 24), load32(key, 28)],
            buffer: [0; BLOCK_BYTES],
            buffer_len: 0,
        }
    }

    /// Absorbs `input`.
    pub fn update(&mut self, mut input: &[u8]) {
        if self.buffer_len > 0 {
            let take = input.len().min(BLOCK_BYTES - self.buffer_len);
            self.buffer[self.buffer_len..self.buffer_len + take].copy_from_slice(&input[..take]);
            self.buffer_len += take;
            input = &input[take..];
            if self.buffer_len < BLOCK_BYTES {
                return;
            }
            let block = self.buffer;
            self.blocks(&block, 1 << 24);
            self.buffer_len = 0;
        }
        let whole = input.len() - input.len() % BLOCK_BYTES;
        self.blocks(&input[..whole], 1 << 24);
        let rest = &input[whole..];
        self.buffer[..rest.len()].copy_from_slice(rest);
        self.buffer_len = rest.len();
    }

    /// Absorbs zeros up to the next multiple of 16 bytes.
    pub fn pad_to_block(&mut self) {
        if self.buffer_len > 0 {
            let zeros = [0u8; BLOCK_BYTES];
            let missing = BLOCK_BYTES - self.buffer_len;
            self.update(&zeros[..missing]);
        }
    }

    /// The tag.
    pub fn finish(mut self) -> [u8; 16] {
        if self.buffer_len > 0 {
            let mut block = [0u8; BLOCK_BYTES];
            block[..self.buffer_len].copy_from_slice(&self.buffer[..self.buffer_len]);
            block[self.buffer_len] = 1;
            self.blocks(&block, 0);
        }
        let mut h = self.h;
        let mut carry = h[1] >> 26;
        h[1] &= MASK;
        for i in 2..5 {
            h[i] += carry;
            carry = h[i] >> 26;
            h[i] &= MASK;
        }
        h[0] += carry * 5;
        carry = h[0] >> 26;
        h[0] &= MASK;
        h[1] += carry;
        let mut g = [0u32; 5];
        carry = 5;
        for i in 0..5 {
            g[i] = h[i].wrapping_add(carry);
            carry = g[i] >> 26;
            g[i] &= MASK;
        }
        // carry is 1 exactly when h >= 2^130 - 5.
        let take_g = 0u32.wrapping_sub(carry);
        for i in 0..5 {
            h[i] = (h[i] & !take_g) | (g[i] & take_g);
        }
        let words = [
            h[0] | h[1] << 26,
            h[1] >> 6 | h[2] << 20,
            h[2] >> 12 | h[3] << 14,
            h[3] >> 18 | h[4] << 8,
        ];
        let mut tag = [0u8; 16];
        let mut sum = 0u64;
        for i in 0..4 {
            sum += words[i] as u64 + self.pad[i] as u64;
            tag[4 * i..4 * i + 4].copy_from_slice(&(sum as u32).to_le_bytes());
            sum >>= 32;
        }
        tag
    }

    fn blocks(&mut self, input: &[u8], high_bit: u32) {
        let [r0, r1, r2, r3, r4] = self.r.map(u64::from);
        let (s1, s2, s3, s4) = (5 * r1, 5 * r2, 5 * r3, 5 * r4);
        let [mut h0, mut h1, mut h2, mut h3, mut h4] = self.h;
        for block in input.chunks_exact(BLOCK_BYTES) {
            let a0 = (h0 + (load32(block, 0) & MASK)) as u64;
            let a1 = (h1 + ((load32(block, 3) >> 2) & MASK)) as u64;
            let a2 = (h2 + ((load32(block, 6) >> 4) & MASK)) as u64;
            let a3 = (h3 + ((load32(block, 9) >> 6) & MASK)) as u64;
            let a4 = (h4 + ((load32(block, 12) >> 8) | high_bit)) as u64;
            let d0 = a0 * r0 + a1 * s4 + a2 * s3 + a3 * s2 + a4 * s1;
            let mut d1 = a0 * r1 + a1 * r0 + a2 * s4 + a3 * s3 + a4 * s2;
            let mut d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s4 + a4 * s3;
            let mut d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s4;
            let mut d4 = a0 * r4 + a1 * r3 + a2 * r2 + a3 * r1 + a4 * r0;
            d1 += d0 >> 26;
            h0 = d0 as u32 & MASK;
            d2 += d1 >> 26;
            h1 = d1 as u32 & MASK;
            d3 += d2 >> 26;
            h2 = d2 as u32 & MASK;
            d4 += d3 >> 26;
            h3 = d3 as u32 & MASK;
            let carry = (d4 >> 26) as u32;
            h4 = d4 as u32 & MASK;
            h0 += carry * 5;
            h1 += h0 >> 26;
            h0 &= MASK;
        }
        self.h = [h0, h1, h2, h3, h4];
    }
}
