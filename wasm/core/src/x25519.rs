//! X25519 (RFC 7748) with libsodium's refusals.

use curve25519_dalek::montgomery::MontgomeryPoint;

use crate::bytes::is_zero;

/// Multiplies `point` by the clamped `scalar`; `false` when the point has small order.
pub fn scalar_mult(scalar: &[u8; 32], point: &[u8; 32], out: &mut [u8; 32]) -> bool {
    *out = MontgomeryPoint(*point).mul_clamped(*scalar).to_bytes();
    !is_zero(out)
}

/// Multiplies the base point by the clamped `scalar`.
pub fn scalar_mult_base(scalar: &[u8; 32], out: &mut [u8; 32]) {
    *out = MontgomeryPoint::mul_base_clamped(*scalar).to_bytes();
}
