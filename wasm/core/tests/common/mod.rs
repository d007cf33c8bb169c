//! What the tests share: seeded bytes and plain arithmetic to compare with.
#![allow(dead_code)]

/// A seeded generator (xorshift64*): the same seed gives the same bytes everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e3779b97f4a7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545f4914f6cdd1d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().unwrap()
    }
}

/// Lengths around the blocks and groups of all kernels.
pub fn lengths() -> impl Iterator<Item = usize> {
    (0..=300).chain([319, 320, 511, 512, 513, 575, 576, 768, 1023, 1024, 1025, 1536, 2049, 4096, 5000, 65_537])
}

/// 2^255 - 19, little-endian.
pub const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// Little-endian numbers of any length, the slow and plain way.
pub mod plain {
    pub fn is_below(a: &[u8], b: &[u8]) -> bool {
        let len = a.len().max(b.len());
        for i in (0..len).rev() {
            let (x, y) = (a.get(i).unwrap_or(&0), b.get(i).unwrap_or(&0));
            if x != y {
                return x < y;
            }
        }
        false
    }

    pub fn subtract(a: &mut [u8], b: &[u8]) {
        let mut borrow = 0i16;
        for i in 0..a.len() {
            let mut difference = a[i] as i16 - *b.get(i).unwrap_or(&0) as i16 - borrow;
            borrow = (difference < 0) as i16;
            difference += 256 * borrow;
            a[i] = difference as u8;
        }
        assert_eq!(borrow, 0);
    }

    /// `value` modulo `modulus`, bit by bit.
    pub fn reduce(value: &[u8], modulus: &[u8; 32]) -> [u8; 32] {
        let mut rest = [0u8; 33];
        for at in (0..8 * value.len()).rev() {
            let mut carry = value[at / 8] >> (at % 8) & 1;
            for byte in rest.iter_mut() {
                let next = *byte >> 7;
                *byte = *byte << 1 | carry;
                carry = next;
            }
            if !is_below(&rest, modulus) {
                subtract(&mut rest, modulus);
            }
        }
        rest[..32].try_into().unwrap()
    }

    pub fn product(a: &[u8; 32], b: &[u8; 32]) -> [u8; 64] {
        let mut out = [0u8; 64];
        for (i, x) in a.iter().enumerate() {
            let mut carry = 0u32;
            for (j, y) in b.iter().enumerate() {
                carry += out[i + j] as u32 + *x as u32 * *y as u32;
                out[i + j] = carry as u8;
                carry >>= 8;
            }
            out[i + 32] = carry as u8;
        }
        out
    }

    pub fn sum(a: &[u8; 32], b: &[u8; 32]) -> [u8; 33] {
        let mut out = [0u8; 33];
        let mut carry = 0u16;
        for i in 0..32 {
            carry += a[i] as u16 + b[i] as u16;
            out[i] = carry as u8;
            carry >>= 8;
        }
        out[32] = carry as u8;
        out
    }
}
