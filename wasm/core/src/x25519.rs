//! X25519 (RFC 7748) with libsodium's refusals.

use curve25519_dalek::scalar::Scalar;

use crate::bytes::{is_zero, wipe};
use crate::field::{add, multiply, multiply_small, square, sub, Field};
use crate::multiply::BaseTables;

/// (A + 2) / 4 of the curve v^2 = u^3 + A u^2 + u, less one: as the ladder below uses it.
const A24: u64 = 121665;

/// Sets and clears the bits that every secret scalar has set or clear.
pub fn clamp(scalar: &[u8; 32]) -> [u8; 32] {
    let mut scalar = *scalar;
    scalar[0] &= 248;
    scalar[31] = scalar[31] & 127 | 64;
    scalar
}

/// Multiplies `point` by the clamped `scalar`; `false` when the point has small order.
pub fn scalar_mult(scalar: &[u8; 32], point: &[u8; 32], out: &mut [u8; 32]) -> bool {
    let mut scalar = clamp(scalar);
    let u = Field::from_bytes(point);
    let (mut x2, mut z2, mut x3, mut z3) = (Field::ONE, Field::ZERO, u, Field::ONE);
    let [mut a, mut b, mut c, mut d, mut e, mut aa, mut bb, mut da, mut cb] = [Field::ZERO; 9];
    let mut swapped = 0;
    for at in (0..255).rev() {
        let bit = (scalar[at / 8] >> (at % 8) & 1) as u32;
        Field::swap_if(&mut x2, &mut x3, swapped ^ bit);
        Field::swap_if(&mut z2, &mut z3, swapped ^ bit);
        swapped = bit;
        add(&x2, &z2, &mut a); // 2
        sub(&x2, &z2, &mut b); // 3
        add(&x3, &z3, &mut c); // 2
        sub(&x3, &z3, &mut d); // 3
        square(&a, &mut aa);
        square(&b, &mut bb);
        multiply(&d, &a, &mut da);
        multiply(&c, &b, &mut cb);
        add(&da, &cb, &mut c); // 2
        sub(&da, &cb, &mut d); // 3
        square(&c, &mut x3);
        square(&d, &mut c);
        multiply(&c, &u, &mut z3);
        multiply(&aa, &bb, &mut x2);
        sub(&aa, &bb, &mut e); // 3
        multiply_small(&e, A24, &mut c);
        add(&c, &aa, &mut d); // 2
        multiply(&e, &d, &mut z2);
    }
    Field::swap_if(&mut x2, &mut x3, swapped);
    Field::swap_if(&mut z2, &mut z3, swapped);
    *out = x2.times(&z2.invert()).to_bytes();
    wipe(&mut scalar);
    !is_zero(out)
}

/// Multiplies the base point by the clamped `scalar`.
pub fn scalar_mult_base(tables: &BaseTables, scalar: &[u8; 32], out: &mut [u8; 32]) {
    *out = tables.multiply(&Scalar::from_bytes_mod_order(clamp(scalar))).to_montgomery();
}
