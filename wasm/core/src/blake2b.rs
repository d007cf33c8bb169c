//! BLAKE2b (RFC 7693): one-shot, keyed and streaming with a plain state that may be stored elsewhere.

use crate::simd::{U64x2, WideByteOrder};

/// Bytes of one compression block.
pub const BLOCK_BYTES: usize = 128;

const IV: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

/// A hash in progress. It holds plain bytes and numbers only, so it can be copied in and out of memory.
#[repr(C)]
#[derive(Clone)]
pub struct Blake2b {
    h: [u64; 8],
    compressed_bytes: u64,
    buffer: [u8; BLOCK_BYTES],
    buffer_len: u32,
    digest_len: u32,
}

impl Blake2b {
    /// Starts a hash of `digest_len` bytes (1 to 64), keyed when `key` (at most 64 bytes) is not empty.
    pub fn new(digest_len: usize, key: &[u8]) -> Self {
        let mut state = Self {
            h: initial_state(digest_len, key.len()),
            compressed_bytes: 0,
            buffer: [0; BLOCK_BYTES],
            buffer_len: 0,
            digest_len: digest_len as u32,
        };
        if !key.is_empty() {
            state.buffer[..key.len()].copy_from_slice(key);
            state.buffer_len = BLOCK_BYTES as u32;
        }
        state
    }

    /// Absorbs `input`.
    pub fn update(&mut self, mut input: &[u8]) {
        let filled = (self.buffer_len as usize).min(BLOCK_BYTES);
        if filled > 0 {
            let take = input.len().min(BLOCK_BYTES - filled);
            self.buffer[filled..filled + take].copy_from_slice(&input[..take]);
            self.buffer_len = (filled + take) as u32;
            input = &input[take..];
            if input.is_empty() {
                return;
            }
            self.compressed_bytes += BLOCK_BYTES as u64;
            compress(&mut self.h, &self.buffer, self.compressed_bytes, false);
        }
        // The last block waits: only finish() knows that it is the last.
        while input.len() > BLOCK_BYTES {
            let (block, rest) = input.split_at(BLOCK_BYTES);
            self.compressed_bytes += BLOCK_BYTES as u64;
            compress(&mut self.h, block.try_into().unwrap(), self.compressed_bytes, false);
            input = rest;
        }
        self.buffer[..input.len()].copy_from_slice(input);
        self.buffer_len = input.len() as u32;
    }

    /// Writes the digest to the start of `out`, which has at least the digest's length.
    pub fn finish(&mut self, out: &mut [u8]) {
        let filled = (self.buffer_len as usize).min(BLOCK_BYTES);
        self.buffer[filled..].fill(0);
        self.compressed_bytes += filled as u64;
        compress(&mut self.h, &self.buffer, self.compressed_bytes, true);
        write_digest(&self.h, &mut out[..self.digest_len as usize]);
    }
}

/// Hashes the concatenation of `parts` into `out`, whose length (1 to 64) is the digest's.
pub fn hash_parts(parts: &[&[u8]], out: &mut [u8]) {
    let mut state = Blake2b::new(out.len(), &[]);
    for part in parts {
        state.update(part);
    }
    state.finish(out);
}

/// Hashes `input` into `out`, whose length (1 to 64) is the digest's.
pub fn hash(input: &[u8], key: &[u8], out: &mut [u8]) {
    if key.is_empty() {
        hash_unkeyed(input, out);
    } else {
        let mut state = Blake2b::new(out.len(), key);
        state.update(input);
        state.finish(out);
    }
}

fn hash_unkeyed(input: &[u8], out: &mut [u8]) {
    let mut h = initial_state(out.len(), 0);
    let mut rest = input;
    let mut compressed_bytes = 0u64;
    while rest.len() > BLOCK_BYTES {
        let (block, after) = rest.split_at(BLOCK_BYTES);
        compressed_bytes += BLOCK_BYTES as u64;
        compress(&mut h, block.try_into().unwrap(), compressed_bytes, false);
        rest = after;
    }
    let mut last = [0u8; BLOCK_BYTES];
    last[..rest.len()].copy_from_slice(rest);
    compress(&mut h, &last, compressed_bytes + rest.len() as u64, true);
    write_digest(&h, out);
}

fn initial_state(digest_len: usize, key_len: usize) -> [u64; 8] {
    let mut h = IV;
    h[0] ^= 0x0101_0000 ^ ((key_len as u64) << 8) ^ digest_len as u64;
    h
}

fn write_digest(h: &[u64; 8], out: &mut [u8]) {
    for (word, bytes) in h.iter().zip(out.chunks_mut(8)) {
        bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
    }
}

/// The order of the message words in each of the twelve rounds.
const SIGMA: [[usize; 16]; 12] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
];

/// A row of the state: four words in two vectors.
type Row = [U64x2; 2];

/// The state as four rows, so that one step works on four columns at once.
struct Rows {
    a: Row,
    b: Row,
    c: Row,
    d: Row,
    order: WideByteOrder,
}

impl Rows {
    /// The first half of the mixing function on all columns.
    #[inline(always)]
    fn mix_first(&mut self, m: Row) {
        for i in 0..2 {
            self.a[i] = self.a[i].add(m[i]).add(self.b[i]);
            self.d[i] = self.d[i].xor(self.a[i]).rotate_right_32();
            self.c[i] = self.c[i].add(self.d[i]);
            self.b[i] = self.order.rotate_right_24(self.b[i].xor(self.c[i]));
        }
    }

    /// The second half.
    #[inline(always)]
    fn mix_second(&mut self, m: Row) {
        for i in 0..2 {
            self.a[i] = self.a[i].add(m[i]).add(self.b[i]);
            self.d[i] = self.order.rotate_right_16(self.d[i].xor(self.a[i]));
            self.c[i] = self.c[i].add(self.d[i]);
            self.b[i] = self.b[i].xor(self.c[i]).rotate_right_63();
        }
    }

    /// Turns diagonals into columns.
    #[inline(always)]
    fn skew(&mut self) {
        self.b = turned_by_one(self.b);
        self.c = [self.c[1], self.c[0]];
        self.d = turned_by_three(self.d);
    }

    /// The other way.
    #[inline(always)]
    fn unskew(&mut self) {
        self.b = turned_by_three(self.b);
        self.c = [self.c[1], self.c[0]];
        self.d = turned_by_one(self.d);
    }

    #[inline(always)]
    fn round(&mut self, block: &[u8; BLOCK_BYTES], s: [usize; 16]) {
        let pair = |i: usize, j: usize| U64x2::gather(block, s[i], s[j]);
        self.mix_first([pair(0, 2), pair(4, 6)]);
        self.mix_second([pair(1, 3), pair(5, 7)]);
        self.skew();
        self.mix_first([pair(8, 10), pair(12, 14)]);
        self.mix_second([pair(9, 11), pair(13, 15)]);
        self.unskew();
    }
}

#[inline(always)]
fn turned_by_one([first, second]: Row) -> Row {
    [first.last_and_first(second), second.last_and_first(first)]
}

#[inline(always)]
fn turned_by_three([first, second]: Row) -> Row {
    [second.last_and_first(first), first.last_and_first(second)]
}

/// The compression function; `total_bytes` counts input bytes up to and including this block.
fn compress(h: &mut [u64; 8], block: &[u8; BLOCK_BYTES], total_bytes: u64, is_last: bool) {
    let start = h.as_chunks_mut::<2>().0;
    let last = if is_last { u64::MAX } else { 0 };
    let a = [U64x2::load(&start[0]), U64x2::load(&start[1])];
    let b = [U64x2::load(&start[2]), U64x2::load(&start[3])];
    let mut rows = Rows {
        a,
        b,
        c: [U64x2::new(IV[0], IV[1]), U64x2::new(IV[2], IV[3])],
        d: [U64x2::new(IV[4] ^ total_bytes, IV[5]), U64x2::new(IV[6] ^ last, IV[7])],
        order: WideByteOrder::new(),
    };
    // Written out, for positions that are not constants would be looked up.
    rows.round(block, SIGMA[0]);
    rows.round(block, SIGMA[1]);
    rows.round(block, SIGMA[2]);
    rows.round(block, SIGMA[3]);
    rows.round(block, SIGMA[4]);
    rows.round(block, SIGMA[5]);
    rows.round(block, SIGMA[6]);
    rows.round(block, SIGMA[7]);
    rows.round(block, SIGMA[8]);
    rows.round(block, SIGMA[9]);
    rows.round(block, SIGMA[10]);
    rows.round(block, SIGMA[11]);
    for i in 0..2 {
        a[i].xor(rows.a[i]).xor(rows.c[i]).store(&mut start[i]);
        b[i].xor(rows.b[i]).xor(rows.d[i]).store(&mut start[2 + i]);
    }
}
