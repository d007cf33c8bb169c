//! Ed25519 group and scalar operations as libsodium's `crypto_core_ed25519_*` and
//! `crypto_scalarmult_ed25519_*_noclamp` define and refuse them.

use curve25519_dalek::scalar::Scalar;

use crate::multiply::{has_prime_order, BaseTables, Comb};
use crate::point::{is_canonical, Point};

/// How many points are kept prepared: a handshake multiplies either key of the other side twice, with others in
/// between.
const POINTS: usize = 16;

/// The points last multiplied, prepared for the next time. Points are no secrets, so a lookup may show in time.
pub struct Points {
    entries: [(/* encoding */ [u8; 32], Comb); POINTS],
    count: usize,
    next: usize,
}

impl Points {
    /// No points: all zero bits, which take no room in the module.
    pub const EMPTY: Self = Self { entries: [([0; 32], Comb::EMPTY); POINTS], count: 0, next: 0 };

    fn prepare(&mut self, bytes: &[u8; 32]) -> Option<&Comb> {
        let found = self.entries[..self.count].iter().position(|(encoding, _)| encoding == bytes);
        let at = match found {
            Some(at) => at,
            None => self.insert(bytes, Comb::new(&decode_large(bytes)?)?),
        };
        Some(&self.entries[at].1)
    }

    /// Takes the place of what was inserted first, once all places are taken.
    fn insert(&mut self, bytes: &[u8; 32], comb: Comb) -> usize {
        let at = self.next;
        self.entries[at] = (*bytes, comb);
        self.next = (at + 1) % POINTS;
        self.count = self.count.max(at + 1);
        at
    }
}

/// Decodes a point that is not of small order.
fn decode_large(bytes: &[u8; 32]) -> Option<Point> {
    if !is_canonical(bytes) {
        return None;
    }
    Point::decode(bytes).filter(|point| !point.is_small_order())
}

/// Tells whether `bytes` encode a point that the multiplications accept.
pub fn is_valid_point(bytes: &[u8; 32]) -> bool {
    decode_large(bytes).is_some_and(|point| has_prime_order(&point))
}

/// Multiplies `point` by `scalar` (its top bit is ignored, nothing else is clamped).
pub fn scalar_mult(points: &mut Points, scalar: &[u8; 32], point: &[u8; 32], out: &mut [u8; 32]) -> bool {
    let Some(comb) = points.prepare(point) else {
        return false;
    };
    encode_product(comb.multiply(&reduced(&without_top_bit(scalar))), out)
}

/// Multiplies the base point by `scalar` (its top bit is ignored, nothing else is clamped).
pub fn scalar_mult_base(tables: &BaseTables, scalar: &[u8; 32], out: &mut [u8; 32]) -> bool {
    encode_product(tables.multiply(&reduced(&without_top_bit(scalar))), out)
}

/// Adds two points; `false` when one is not on the curve.
pub fn add(p: &[u8; 32], q: &[u8; 32], out: &mut [u8; 32]) -> bool {
    combine(p, q, out, |p, q| p.plus(&q.cache()))
}

/// Subtracts `q` from `p`; `false` when one is not on the curve.
pub fn sub(p: &[u8; 32], q: &[u8; 32], out: &mut [u8; 32]) -> bool {
    combine(p, q, out, |p, q| p.minus(&q.cache()))
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
    let Some(point) = Point::decode(public_key) else {
        return false;
    };
    if point.is_small_order() || !has_prime_order(&point) {
        return false;
    }
    *out = point.to_montgomery();
    true
}

fn reduced(bytes: &[u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order(*bytes)
}

fn without_top_bit(scalar: &[u8; 32]) -> [u8; 32] {
    let mut scalar = *scalar;
    scalar[31] &= 127;
    scalar
}

fn encode_product(product: Point, out: &mut [u8; 32]) -> bool {
    *out = product.encode();
    !product.is_identity()
}

fn combine(
    p: &[u8; 32],
    q: &[u8; 32],
    out: &mut [u8; 32],
    operation: fn(Point, Point) -> Point,
) -> bool {
    let (Some(p), Some(q)) = (Point::decode(p), Point::decode(q)) else {
        return false;
    };
    *out = operation(p, q).encode();
    true
}
