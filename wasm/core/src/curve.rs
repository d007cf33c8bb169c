//! Ed25519 group and scalar operations as libsodium's `crypto_core_ed25519_*` and
//! `crypto_scalarmult_ed25519_*_noclamp` define and refuse them.

use curve25519_dalek::constants::ED25519_BASEPOINT_TABLE;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;

use crate::bytes::is_zero;

/// Tells whether `bytes` encode a y coordinate below the field's prime.
pub fn is_canonical(bytes: &[u8; 32]) -> bool {
    let low = bytes[0] >= 0xed;
    let middle = bytes[1..31].iter().all(|&byte| byte == 0xff);
    !(low && middle && bytes[31] & 0x7f == 0x7f)
}

/// Decodes a point of the prime-order subgroup other than the identity.
pub fn decode_valid(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    if !is_canonical(bytes) {
        return None;
    }
    let point = CompressedEdwardsY(*bytes).decompress()?;
    if point.is_small_order() || !point.is_torsion_free() {
        return None;
    }
    Some(point)
}

/// Tells whether `bytes` encode a point that the multiplications accept.
pub fn is_valid_point(bytes: &[u8; 32]) -> bool {
    decode_valid(bytes).is_some()
}

/// Multiplies `point` by `scalar` (its top bit is ignored, nothing else is clamped).
pub fn scalar_mult(scalar: &[u8; 32], point: &[u8; 32], out: &mut [u8; 32]) -> bool {
    let Some(point) = decode_valid(point) else {
        return false;
    };
    encode_product(point * decode_scalar(scalar), out)
}

/// Multiplies the base point by `scalar` (its top bit is ignored, nothing else is clamped).
pub fn scalar_mult_base(scalar: &[u8; 32], out: &mut [u8; 32]) -> bool {
    encode_product(&decode_scalar(scalar) * ED25519_BASEPOINT_TABLE, out)
}

/// Adds two points; `false` when one is not on the curve.
pub fn add(p: &[u8; 32], q: &[u8; 32], out: &mut [u8; 32]) -> bool {
    combine(p, q, out, |p, q| p + q)
}

/// Subtracts `q` from `p`; `false` when one is not on the curve.
pub fn sub(p: &[u8; 32], q: &[u8; 32], out: &mut [u8; 32]) -> bool {
    combine(p, q, out, |p, q| p - q)
}

/// `x + y` modulo the group order.
pub fn scalar_add(x: &[u8; 32], y: &[u8; 32]) -> [u8; 32] {
    // Compat: libsodium core_ed25519.c drops the carry out of 256 bits, which scalars below 2^255 do not have.
    let mut sum = [0u8; 32];
    let mut carry = 0u16;
    for (out, (x, y)) in sum.iter_mut().zip(x.iter().zip(y)) {
        carry += *x as u16 + *y as u16;
        *out = carry as u8;
        carry >>= 8;
    }
    reduced(&sum).to_bytes()
}

/// `x - y` modulo the group order.
pub fn scalar_sub(x: &[u8; 32], y: &[u8; 32]) -> [u8; 32] {
    scalar_add(x, &scalar_negate(y))
}

/// `x * y` modulo the group order.
pub fn scalar_mul(x: &[u8; 32], y: &[u8; 32]) -> [u8; 32] {
    (reduced(x) * reduced(y)).to_bytes()
}

/// `-x` modulo the group order.
pub fn scalar_negate(x: &[u8; 32]) -> [u8; 32] {
    (-reduced(x)).to_bytes()
}

/// `1 - x` modulo the group order.
pub fn scalar_complement(x: &[u8; 32]) -> [u8; 32] {
    (Scalar::ONE - reduced(x)).to_bytes()
}

/// `1 / x` modulo the group order; `None` for zero.
pub fn scalar_invert(x: &[u8; 32]) -> Option<[u8; 32]> {
    let x = reduced(x);
    if x == Scalar::ZERO {
        return None;
    }
    Some(x.invert().to_bytes())
}

/// Reduces 64 bytes modulo the group order.
pub fn scalar_reduce(wide: &[u8; 64]) -> [u8; 32] {
    Scalar::from_bytes_mod_order_wide(wide).to_bytes()
}

/// Tells whether `x` is below the group order.
pub fn scalar_is_canonical(x: &[u8; 32]) -> bool {
    bool::from(Scalar::from_canonical_bytes(*x).is_some())
}

/// The X25519 form of an Ed25519 public key; `false` when it is not a point of the prime-order subgroup.
pub fn public_key_to_x25519(public_key: &[u8; 32], out: &mut [u8; 32]) -> bool {
    // Compat: libsodium keypair.c does not ask for a canonical encoding here.
    let Some(point) = CompressedEdwardsY(*public_key).decompress() else {
        return false;
    };
    if point.is_small_order() || !point.is_torsion_free() {
        return false;
    }
    *out = point.to_montgomery().to_bytes();
    true
}

fn reduced(bytes: &[u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order(*bytes)
}

fn decode_scalar(bytes: &[u8; 32]) -> Scalar {
    let mut bytes = *bytes;
    bytes[31] &= 127;
    Scalar::from_bytes_mod_order(bytes)
}

fn encode_product(product: EdwardsPoint, out: &mut [u8; 32]) -> bool {
    *out = product.compress().to_bytes();
    !product.is_identity() && !is_zero(out)
}

fn combine(
    p: &[u8; 32],
    q: &[u8; 32],
    out: &mut [u8; 32],
    operation: fn(EdwardsPoint, EdwardsPoint) -> EdwardsPoint,
) -> bool {
    let (Some(p), Some(q)) =
        (CompressedEdwardsY(*p).decompress(), CompressedEdwardsY(*q).decompress())
    else {
        return false;
    };
    *out = operation(p, q).compress().to_bytes();
    true
}
