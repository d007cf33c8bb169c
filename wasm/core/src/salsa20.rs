//! XSalsa20 and HSalsa20.

use crate::bytes::load32;
use crate::simd::{ByteOrder, U32x4};
use crate::stream::{Quarter, Rounds, Stream};

const SIGMA: [u32; 4] = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/// The rounds of Salsa20.
pub enum SalsaRounds {}

/// A keyed XSalsa20 stream.
pub type XSalsa20 = Stream<SalsaRounds>;

impl Rounds for SalsaRounds {
    const COUNTER: usize = 8;
    const FIRST: [Quarter; 4] = [[0, 4, 8, 12], [5, 9, 13, 1], [10, 14, 2, 6], [15, 3, 7, 11]];
    const SECOND: [Quarter; 4] = [[0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]];

    #[inline(always)]
    fn quarter(x: &mut [u32; 16], [a, b, c, d]: Quarter) {
        x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
        x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
        x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
        x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
    }

    #[inline(always)]
    fn lanes_quarter(x: &mut [U32x4; 16], [a, b, c, d]: Quarter, _: ByteOrder) {
        x[b] = x[b].xor(x[a].add(x[d]).rotate_left::<7>());
        x[c] = x[c].xor(x[b].add(x[a]).rotate_left::<9>());
        x[d] = x[d].xor(x[c].add(x[b]).rotate_left::<13>());
        x[a] = x[a].xor(x[d].add(x[c]).rotate_left::<18>());
    }
}

/// XSalsa20: 24-byte nonce, 64-bit block counter.
pub fn extended(key: &[u8; 32], nonce: &[u8; 24], counter: u64) -> XSalsa20 {
    let mut subkey = [0u8; 32];
    hsalsa20(key, nonce[..16].try_into().unwrap(), &mut subkey);
    let counter = [counter as u32, (counter >> 32) as u32];
    Stream::new(arrange(&subkey, [load32(nonce, 16), load32(nonce, 20), counter[0], counter[1]]))
}

/// Derives a subkey from a key and 16 bytes of nonce.
pub fn hsalsa20(key: &[u8; 32], nonce: &[u8; 16], out: &mut [u8; 32]) {
    let mut words =
        arrange(key, [load32(nonce, 0), load32(nonce, 4), load32(nonce, 8), load32(nonce, 12)]);
    SalsaRounds::rounds(&mut words);
    for (i, from) in [0, 5, 10, 15, 6, 7, 8, 9].into_iter().enumerate() {
        out[4 * i..4 * i + 4].copy_from_slice(&words[from].to_le_bytes());
    }
}

fn arrange(key: &[u8; 32], middle: [u32; 4]) -> [u32; 16] {
    let mut state = [0u32; 16];
    for i in 0..4 {
        state[5 * i] = SIGMA[i];
        state[1 + i] = load32(key, 4 * i);
        state[6 + i] = middle[i];
        state[11 + i] = load32(key, 16 + 4 * i);
    }
    state
}
