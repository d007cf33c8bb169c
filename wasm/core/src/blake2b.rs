//! BLAKE2b (RFC 7693): one-shot, keyed and streaming with a plain state that may be stored elsewhere.

use crate::bytes::load64;

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

macro_rules! g {
    ($v:ident, $m:ident, $a:expr, $b:expr, $c:expr, $d:expr, $x:expr, $y:expr) => {
        $v[$a] = $v[$a].wrapping_add($v[$b]).wrapping_add($m[$x]);
        $v[$d] = ($v[$d] ^ $v[$a]).rotate_right(32);
        $v[$c] = $v[$c].wrapping_add($v[$d]);
        $v[$b] = ($v[$b] ^ $v[$c]).rotate_right(24);
        $v[$a] = $v[$a].wrapping_add($v[$b]).wrapping_add($m[$y]);
        $v[$d] = ($v[$d] ^ $v[$a]).rotate_right(16);
        $v[$c] = $v[$c].wrapping_add($v[$d]);
        $v[$b] = ($v[$b] ^ $v[$c]).rotate_right(63);
    };
}

macro_rules! round {
    ($v:ident, $m:ident, $s0:expr, $s1:expr, $s2:expr, $s3:expr, $s4:expr, $s5:expr, $s6:expr, $s7:expr,
     $s8:expr, $s9:expr, $s10:expr, $s11:expr, $s12:expr, $s13:expr, $s14:expr, $s15:expr) => {
        g!($v, $m, 0, 4, 8, 12, $s0, $s1);
        g!($v, $m, 1, 5, 9, 13, $s2, $s3);
        g!($v, $m, 2, 6, 10, 14, $s4, $s5);
        g!($v, $m, 3, 7, 11, 15, $s6, $s7);
        g!($v, $m, 0, 5, 10, 15, $s8, $s9);
        g!($v, $m, 1, 6, 11, 12, $s10, $s11);
        g!($v, $m, 2, 7, 8, 13, $s12, $s13);
        g!($v, $m, 3, 4, 9, 14, $s14, $s15);
    };
}

/// The compression function; `total_bytes` counts input bytes up to and including this block.
fn compress(h: &mut [u64; 8], block: &[u8; BLOCK_BYTES], total_bytes: u64, is_last: bool) {
    let mut m = [0u64; 16];
    for (i, word) in m.iter_mut().enumerate() {
        *word = load64(block, 8 * i);
    }
    let mut v = [0u64; 16];
    v[..8].copy_from_slice(h);
    v[8..].copy_from_slice(&IV);
    v[12] ^= total_bytes;
    if is_last {
        v[14] = !v[14];
    }
    round!(v, m, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    round!(v, m, 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
    round!(v, m, 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
    round!(v, m, 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
    round!(v, m, 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
    round!(v, m, 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
    round!(v, m, 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
    round!(v, m, 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
    round!(v, m, 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
    round!(v, m, 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
    round!(v, m, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    round!(v, m, 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
    for i in 0..8 {
        h[i] ^= v[i] ^ v[i + 8];
    }
}
