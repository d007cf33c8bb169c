//! HMAC and HKDF over BLAKE2b-512 as the Noise handshake uses them.

use crate::blake2b::{hash, Blake2b, BLOCK_BYTES};
use crate::bytes::wipe;

/// Bytes of a MAC and of each HKDF output.
pub const HASH_BYTES: usize = 64;

/// HMAC (RFC 2104) with BLAKE2b-512 over the concatenation of `parts`.
pub fn hmac_blake2b(key: &[u8], parts: &[&[u8]], out: &mut [u8; HASH_BYTES]) {
    let mut pad = [0u8; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        hash(key, &[], &mut pad[..HASH_BYTES]);
    } else {
        pad[..key.len()].copy_from_slice(key);
    }
    for byte in pad.iter_mut() {
        *byte ^= 0x36;
    }
    let mut state = Blake2b::new(HASH_BYTES, &[]);
    state.update(&pad);
    for part in parts {
        state.update(part);
    }
    state.finish(out);
    for byte in pad.iter_mut() {
        *byte ^= 0x36 ^ 0x5c;
    }
    let mut state = Blake2b::new(HASH_BYTES, &[]);
    state.update(&pad);
    state.update(out);
    state.finish(out);
    wipe(&mut pad);
}

/// HKDF (RFC 5869) with an empty info: fills `out`, whose length is a multiple of 64 (at most 255 times).
pub fn hkdf_blake2b(salt: &[u8], input_key_material: &[u8], out: &mut [u8]) {
    let mut pseudo_random_key = [0u8; HASH_BYTES];
    hmac_blake2b(salt, &[input_key_material], &mut pseudo_random_key);
    let mut previous = [0u8; HASH_BYTES];
    let mut previous_len = 0;
    for (i, output) in out.chunks_exact_mut(HASH_BYTES).enumerate() {
        let mut current = [0u8; HASH_BYTES];
        hmac_blake2b(
            &pseudo_random_key,
            &[&previous[..previous_len], &[i as u8 + 1]],
            &mut current,
        );
        output.copy_from_slice(&current);
        previous = current;
        previous_len = HASH_BYTES;
    }
    wipe(&mut pseudo_random_key);
    wipe(&mut previous);
}
