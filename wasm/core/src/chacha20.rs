//! ChaCha20 (RFC 8439), HChaCha20 and XChaCha20.

use crate::bytes::load32;
use crate::simd::{ByteOrder, U32x4};
use crate::stream::{Quarter, Rounds, Stream};

const SIGMA: [u32; 4] = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/// The rounds of ChaCha20.
pub enum ChaChaRounds {}

/// A keyed ChaCha20 stream.
pub type ChaCha20 = Stream<ChaChaRounds>;

impl Rounds for ChaChaRounds {
    // With a 12-byte nonce the high counter word is the nonce's beginning; a message is too short to reach it.
    const COUNTER: usize = 12;
    const FIRST: [Quarter; 4] = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]];
    const SECOND: [Quarter; 4] = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];

    #[inline(always)]
    fn quarter(x: &mut [u32; 16], [a, b, c, d]: Quarter) {
        x[a] = x[a].wrapping_add(x[b]);
        x[d] = (x[d] ^ x[a]).rotate_left(16);
        x[c] = x[c].wrapping_add(x[d]);
        x[b] = (x[b] ^ x[c]).rotate_left(12);
        x[a] = x[a].wrapping_add(x[b]);
        x[d] = (x[d] ^ x[a]).rotate_left(8);
        x[c] = x[c].wrapping_add(x[d]);
        x[b] = (x[b] ^ x[c]).rotate_left(7);
    }

    #[inline(always)]
    fn lanes_quarter(x: &mut [U32x4; 16], [a, b, c, d]: Quarter, order: ByteOrder) {
        x[a] = x[a].add(x[b]);
        x[d] = order.rotate_left_16(x[d].xor(x[a]));
        x[c] = x[c].add(x[d]);
        x[b] = x[b].xor(x[c]).rotate_left::<12>();
        x[a] = x[a].add(x[b]);
        x[d] = order.rotate_left_8(x[d].xor(x[a]));
        x[c] = x[c].add(x[d]);
        x[b] = x[b].xor(x[c]).rotate_left::<7>();
    }
}

/// The IETF variant: 12-byte nonce, 32-bit block counter.
pub fn ietf(key: &[u8; 32], nonce: &[u8; 12], counter: u32) -> ChaCha20 {
    Stream::new(arrange(key, [counter, load32(nonce, 0), load32(nonce, 4), load32(nonce, 8)]))
}

/// XChaCha20: 24-byte nonce, 64-bit block counter.
pub fn extended(key: &[u8; 32], nonce: &[u8; 24], counter: u64) -> ChaCha20 {
    let mut subkey = [0u8; 32];
    hchacha20(key, nonce[..16].try_into().unwrap(), &mut subkey);
    let counter = [counter as u32, (counter >> 32) as u32];
    Stream::new(arrange(&subkey, [counter[0], counter[1], load32(nonce, 16), load32(nonce, 20)]))
}

/// Derives a subkey from a key and 16 bytes of nonce.
pub fn hchacha20(key: &[u8; 32], nonce: &[u8; 16], out: &mut [u8; 32]) {
    let mut words =
        arrange(key, [load32(nonce, 0), load32(nonce, 4), load32(nonce, 8), load32(nonce, 12)]);
    ChaChaRounds::rounds(&mut words);
    for i in 0..4 {
        out[4 * i..4 * i + 4].copy_from_slice(&words[i].to_le_bytes());
        out[16 + 4 * i..20 + 4 * i].copy_from_slice(&words[12 + i].to_le_bytes());
    }
}

fn arrange(key: &[u8; 32], tail: [u32; 4]) -> [u32; 16] {
    let mut state = [0u32; 16];
    state[..4].copy_from_slice(&SIGMA);
    for i in 0..8 {
        state[4 + i] = load32(key, 4 * i);
    }
    state[12..].copy_from_slice(&tail);
    state
}
