//! The key exchange of a Noise handshake in one step: the product, and the keys that are derived from it.

use crate::bytes::wipe;
use crate::curve::{scalar_mult, Points};
use crate::hmac::{hkdf_blake2b, HASH_BYTES};

/// Multiplies `point` by `scalar` as [`scalar_mult`] does and fills `out` with the next chaining key and a second
/// output, whose first half is the next cipher key; `false` when the product is refused.
pub fn mix_dh(
    points: &mut Points,
    scalar: &[u8; 32],
    point: &[u8; 32],
    chaining_key: &[u8; HASH_BYTES],
    out: &mut [u8; 2 * HASH_BYTES],
) -> bool {
    let mut shared = [0; 32];
    let is_ok = scalar_mult(points, scalar, point, &mut shared);
    if is_ok {
        hkdf_blake2b(chaining_key, &shared, out);
    }
    wipe(&mut shared);
    is_ok
}
