//! Ed25519 (RFC 8032) with libsodium's secret key layout (seed, public key) and refusals.

use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};

use crate::bytes::wipe;
use crate::halve::halve;
use crate::multiply::{BaseTables, PointRows};
use crate::point::{is_canonical, Point};
use crate::x25519::clamp;

/// SHA-512 of the concatenation of `parts`.
pub fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// SHA-512 in progress, for messages that come in chunks.
#[derive(Clone, Default)]
pub struct Sha512State(Sha512);

impl Sha512State {
    /// Starts a hash.
    pub fn new() -> Self {
        Self::default()
    }

    /// Absorbs `input`.
    pub fn update(&mut self, input: &[u8]) {
        self.0.update(input);
    }

    /// The digest.
    pub fn finish(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}

/// The public key that belongs to `seed`.
pub fn public_key(tables: &BaseTables, seed: &[u8; 32]) -> [u8; 32] {
    let mut scalar = clamped_scalar(seed);
    let public_key = tables.multiply(&Scalar::from_bytes_mod_order(scalar)).encode();
    wipe(&mut scalar);
    public_key
}

/// The clamped scalar that belongs to `seed`, not reduced: the X25519 secret key and the Noise DH scalar.
pub fn clamped_scalar(seed: &[u8; 32]) -> [u8; 32] {
    let mut expanded = sha512(&[seed]);
    let scalar = clamp(expanded[..32].try_into().unwrap());
    wipe(&mut expanded);
    scalar
}

/// Signs `message` with a 64-byte secret key.
pub fn sign(tables: &BaseTables, message: &[u8], secret_key: &[u8; 64]) -> [u8; 64] {
    let (seed, public_key) = secret_key.split_at(32);
    let mut expanded = sha512(&[seed]);
    let a = Scalar::from_bytes_mod_order(clamp(expanded[..32].try_into().unwrap()));
    let r = Scalar::from_bytes_mod_order_wide(&sha512(&[&expanded[32..], message]));
    wipe(&mut expanded);
    let big_r = tables.multiply(&r).encode();
    let k = Scalar::from_bytes_mod_order_wide(&sha512(&[&big_r, public_key, message]));
    let mut signature = [0u8; 64];
    signature[..32].copy_from_slice(&big_r);
    signature[32..].copy_from_slice((k * a + r).as_bytes());
    signature
}

/// How many public keys are kept prepared, and how many are remembered. As many of both, so that keys that take turns
/// and are too many are not prepared over and over: each is forgotten before it is met again.
const KEYS: usize = 32;

/// Public keys of signatures that were right. One is prepared, which takes as long as most of a verification, when it
/// is met again; from then on its signatures take half of the time. All of this is public.
pub struct VerifyingKeys {
    prepared: [([u8; 32], PointRows); KEYS],
    prepared_count: usize,
    next_prepared: usize,
    met: [[u8; 32]; KEYS],
    next_met: usize,
}

impl VerifyingKeys {
    /// No keys, as zeros are none that is met: all zero bits, which take no room in the module.
    pub const EMPTY: Self = Self {
        prepared: [([0; 32], PointRows::EMPTY); KEYS],
        prepared_count: 0,
        next_prepared: 0,
        met: [[0; 32]; KEYS],
        next_met: 0,
    };

    fn find(&self, key: &[u8; 32]) -> Option<&PointRows> {
        self.prepared[..self.prepared_count].iter().find(|(known, _)| known == key).map(|(_, rows)| rows)
    }

    /// A signature of the key `point` was right.
    fn handle_verified(&mut self, key: &[u8; 32], point: &Point) {
        if !self.met.contains(key) {
            self.met[self.next_met] = *key;
            self.next_met = (self.next_met + 1) % KEYS;
            return;
        }
        self.prepared[self.next_prepared] = (*key, PointRows::new(point));
        self.next_prepared = (self.next_prepared + 1) % KEYS;
        self.prepared_count = KEYS.min(self.prepared_count + 1);
    }
}

/// Verifies a signature of `message`.
pub fn verify(
    tables: &BaseTables,
    keys: &mut VerifyingKeys,
    message: &[u8],
    signature: &[u8; 64],
    public_key: &[u8; 32],
) -> bool {
    let hash = sha512(&[&signature[..32], public_key, message]);
    verify_prehashed(tables, keys, &hash, signature, public_key)
}

/// Verifies a signature given SHA-512 of (R, public key, message).
pub fn verify_prehashed(
    tables: &BaseTables,
    keys: &mut VerifyingKeys,
    hash: &[u8; 64],
    signature: &[u8; 64],
    public_key: &[u8; 32],
) -> bool {
    let (r, s) = signature.split_at(32);
    let (r, s): (&[u8; 32], &[u8; 32]) = (r.try_into().unwrap(), s.try_into().unwrap());
    let s = Scalar::from_canonical_bytes(*s);
    if bool::from(s.is_none()) || !is_acceptable(r) || !is_acceptable(public_key) {
        return false;
    }
    let (s, k) = (s.unwrap(), Scalar::from_bytes_mod_order_wide(hash));
    if let Some(rows) = keys.find(public_key) {
        // Whether S B - k A is R, which need not be decoded then.
        return tables.subtract_vartime(s.as_bytes(), k.as_bytes(), rows).encode() == *r;
    }
    let (Some(a), Some(r)) = (Point::decode(public_key), Point::decode(r)) else {
        return false;
    };
    // Whether S B - k A - R is neutral, by an odd multiple of it.
    let halves = halve(k.as_bytes());
    let s = s * Scalar::from_bytes_mod_order(halves.multiplier);
    let signed_a = if halves.is_negative { a } else { a.negate() };
    let is_right = tables
        .combine_vartime(
            (&halves.numerator, &signed_a),
            (&halves.multiplier, &r.negate()),
            s.as_bytes(),
        )
        .is_identity();
    if is_right {
        keys.handle_verified(public_key, &a);
    }
    is_right
}

/// Whether libsodium takes the encoding: canonical, and not of small order.
fn is_acceptable(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    is_canonical(point) && !SMALL_ORDER_Y.contains(&y)
}

/// The y coordinates of the points whose order divides 8.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
        0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
        0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
];
