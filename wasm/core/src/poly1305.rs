//! Poly1305 (RFC 8439) with four 32-bit limbs and a small fifth one.
//!
//! WebAssembly multiplies 64 by 64 bits into 64, so limbs of 32 bits are the widest whose products fit. The
//! clamping of `r` leaves room to add up a column of products without a carry.

use crate::bytes::load32;

/// Bytes of one block.
pub const BLOCK_BYTES: usize = 16;

const LOW: u64 = 0xffff_ffff;

/// The clamped multiplier: its limbs, and 5/4 of the upper three for the products that wrap around.
#[derive(Clone, Copy)]
pub struct Multiplier {
    r: [u64; 4],
    wrapped: [u64; 4],
}

/// The value being accumulated: four 32-bit limbs and what is above them (a few bits).
pub type Accumulator = [u64; 5];

/// Products not yet carried.
pub type Columns = [u64; 5];

/// A MAC in progress; a key is used once.
#[derive(Clone)]
pub struct Poly1305 {
    multiplier: Multiplier,
    h: Accumulator,
    pad: [u32; 4],
    buffer: [u8; BLOCK_BYTES],
    buffer_len: usize,
}

impl Multiplier {
    fn new(key: &[u8; 32]) -> Self {
        let r = [
            (load32(key, 0) & 0x0fff_ffff) as u64,
            (load32(key, 4) & 0x0fff_fffc) as u64,
            (load32(key, 8) & 0x0fff_fffc) as u64,
            (load32(key, 12) & 0x0fff_fffc) as u64,
        ];
        Self { r, wrapped: r.map(|limb| (limb >> 2) * 5) }
    }

    /// Absorbs one block into `h`; `high` is 1 for a whole block and 0 for a padded one.
    #[inline(always)]
    fn absorb(&self, h: Accumulator, block: &[u8; BLOCK_BYTES], high: u64) -> Accumulator {
        Self::carry(self.multiply(h, block, high))
    }

    /// First half of absorbing a block: adds it and multiplies, column by column.
    #[inline(always)]
    pub fn multiply(&self, h: Accumulator, block: &[u8; BLOCK_BYTES], high: u64) -> Columns {
        let [r0, r1, r2, r3] = self.r;
        let [w0, w1, w2, w3] = self.wrapped;
        let a0 = h[0] + load32(block, 0) as u64;
        let a1 = h[1] + load32(block, 4) as u64;
        let a2 = h[2] + load32(block, 8) as u64;
        let a3 = h[3] + load32(block, 12) as u64;
        let a4 = h[4] + high;
        [
            a0 * r0 + a1 * w3 + a2 * w2 + a3 * w1 + a4 * w0,
            a0 * r1 + a1 * r0 + a2 * w3 + a3 * w2 + a4 * w1,
            a0 * r2 + a1 * r1 + a2 * r0 + a3 * w3 + a4 * w2,
            a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * w3,
            // r0 is no multiple of 4: what its low bits give stays in the top column.
            a4 * (r0 & 3),
        ]
    }

    /// Second half: carries, and folds what lies above 2^130 back.
    #[inline(always)]
    pub fn carry([x0, x1, x2, x3, x4]: Columns) -> Accumulator {
        let top = x4 + (x3 >> 32);
        let u0 = x0 + (top >> 2) * 5;
        let u1 = x1 + (u0 >> 32);
        let u2 = x2 + (u1 >> 32);
        let u3 = (x3 & LOW) + (u2 >> 32);
        [u0 & LOW, u1 & LOW, u2 & LOW, u3 & LOW, (u3 >> 32) + (top & 3)]
    }
}

impl Poly1305 {
    /// Starts a MAC.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            multiplier: Multiplier::new(key),
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
            self.h = self.multiplier.absorb(self.h, &self.buffer, 1);
            self.buffer_len = 0;
        }
        let multiplier = self.multiplier;
        let mut h = self.h;
        let mut blocks = input.chunks_exact(BLOCK_BYTES);
        for block in &mut blocks {
            h = multiplier.absorb(h, block.try_into().unwrap(), 1);
        }
        self.h = h;
        let rest = blocks.remainder();
        self.buffer[..rest.len()].copy_from_slice(rest);
        self.buffer_len = rest.len();
    }

    /// Absorbs zeros up to the next multiple of 16 bytes.
    pub fn pad_to_block(&mut self) {
        if self.buffer_len > 0 {
            self.buffer[self.buffer_len..].fill(0);
            self.h = self.multiplier.absorb(self.h, &self.buffer, 1);
            self.buffer_len = 0;
        }
    }

    /// Hands out the parts a fused kernel works with; `None` in the middle of a block.
    pub fn parts(&mut self) -> Option<(Multiplier, &mut Accumulator)> {
        if self.buffer_len > 0 {
            return None;
        }
        Some((self.multiplier, &mut self.h))
    }

    /// The tag.
    pub fn finish(mut self) -> [u8; 16] {
        if self.buffer_len > 0 {
            self.buffer[self.buffer_len] = 1;
            self.buffer[self.buffer_len + 1..].fill(0);
            self.h = self.multiplier.absorb(self.h, &self.buffer, 0);
        }
        // h < 2^131: adding 5 shows in bit 130 and above how often 2^130 - 5 fits.
        let mut carry = 5u64;
        for limb in &self.h[..4] {
            carry = (carry + limb) >> 32;
        }
        carry = ((carry + self.h[4]) >> 2) * 5;
        let mut tag = [0u8; 16];
        for i in 0..4 {
            carry += self.h[i] + self.pad[i] as u64;
            tag[4 * i..4 * i + 4].copy_from_slice(&(carry as u32).to_le_bytes());
            carry >>= 32;
        }
        tag
    }
}
