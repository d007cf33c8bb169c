//! Ed25519 (RFC 8032) with libsodium's secret key layout (seed, public key) and refusals.

use curve25519_dalek::constants::ED25519_BASEPOINT_TABLE;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::{clamp_integer, Scalar};
use sha2::{Digest, Sha512};

use crate::bytes::wipe;
use crate::curve::is_canonical;

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
pub fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    let mut expanded = sha512(&[seed]);
    let public_key = (&secret_scalar(&expanded) * ED25519_BASEPOINT_TABLE).compress().to_bytes();
    wipe(&mut expanded);
    public_key
}

/// The clamped scalar that belongs to `seed`, not reduced: the X25519 secret key and the Noise DH scalar.
pub fn clamped_scalar(seed: &[u8; 32]) -> [u8; 32] {
    let mut expanded = sha512(&[seed]);
    let scalar = clamp_integer(expanded[..32].try_into().unwrap());
    wipe(&mut expanded);
    scalar
}

/// Signs `message` with a 64-byte secret key.
pub fn sign(message: &[u8], secret_key: &[u8; 64]) -> [u8; 64] {
    let (seed, public_key) = secret_key.split_at(32);
    let mut expanded = sha512(&[seed]);
    let nonce = sha512(&[&expanded[32..], message]);
    let r = Scalar::from_bytes_mod_order_wide(&nonce);
    let big_r = (&r * ED25519_BASEPOINT_TABLE).compress().to_bytes();
    let k = Scalar::from_bytes_mod_order_wide(&sha512(&[&big_r, public_key, message]));
    let s = k * secret_scalar(&expanded) + r;
    wipe(&mut expanded);
    let mut signature = [0u8; 64];
    signature[..32].copy_from_slice(&big_r);
    signature[32..].copy_from_slice(&s.to_bytes());
    signature
}

/// Verifies a signature of `message`.
pub fn verify(message: &[u8], signature: &[u8; 64], public_key: &[u8; 32]) -> bool {
    let Some((s, a)) = decode(signature, public_key) else {
        return false;
    };
    verify_hashed(&sha512(&[&signature[..32], public_key, message]), signature, s, a)
}

/// Verifies a signature given SHA-512 of (R, public key, message).
pub fn verify_prehashed(hash: &[u8; 64], signature: &[u8; 64], public_key: &[u8; 32]) -> bool {
    let Some((s, a)) = decode(signature, public_key) else {
        return false;
    };
    verify_hashed(hash, signature, s, a)
}

fn decode(signature: &[u8; 64], public_key: &[u8; 32]) -> Option<(Scalar, EdwardsPoint)> {
    let s_bytes: [u8; 32] = signature[32..].try_into().unwrap();
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s_bytes))?;
    let r_bytes: &[u8; 32] = signature[..32].try_into().unwrap();
    if !is_canonical(public_key) || has_small_order_encoding(r_bytes) {
        return None;
    }
    let a = CompressedEdwardsY(*public_key).decompress()?;
    if a.is_small_order() {
        return None;
    }
    Some((s, a))
}

fn verify_hashed(hash: &[u8; 64], signature: &[u8; 64], s: Scalar, a: EdwardsPoint) -> bool {
    let k = Scalar::from_bytes_mod_order_wide(hash);
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-a, &s);
    expected.compress().as_bytes()[..] == signature[..32]
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

fn has_small_order_encoding(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    y[31] &= 0x7f;
    SMALL_ORDER_Y.contains(&y)
}

fn secret_scalar(expanded: &[u8; 64]) -> Scalar {
    Scalar::from_bytes_mod_order(clamp_integer(expanded[..32].try_into().unwrap()))
}
