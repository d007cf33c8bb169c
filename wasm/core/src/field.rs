//! The field of integers modulo 2^255 - 19: ten limbs of 26 and 25 bits in turn.
//!
//! WebAssembly multiplies 64 by 64 bits into 64, so products of such limbs add up without a carry. A *tight*
//! element has limbs below 1.01 times their power of two; sums and differences exceed that by a *factor*. Every
//! function says what it takes and gives; the factors of a multiplication multiply to at most 30.
//!
//! Results are written where the caller says and limbs are stored in pairs: moving an element, or a vector
//! load across limbs just stored one by one, costs as much as a third of a multiplication.

use core::hint::black_box;

use crate::bytes::store64;
use crate::simd::U64x2;

const LOW_26: u64 = (1 << 26) - 1;
const LOW_25: u64 = (1 << 25) - 1;

/// A tight element, not necessarily in lowest terms.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Field([u64; 10]);

impl Field {
    /// Zero.
    pub const ZERO: Self = Self([0; 10]);
    /// One.
    pub const ONE: Self = Self::small(1);

    /// A number below 2^26.
    pub const fn small(value: u32) -> Self {
        let mut limbs = [0; 10];
        limbs[0] = value as u64;
        Self(limbs)
    }

    /// Reads 32 little-endian bytes without their top bit.
    pub const fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut words = [0u64; 4];
        let mut i = 0;
        while i < 32 {
            words[i / 8] |= (bytes[i] as u64) << (8 * (i % 8));
            i += 1;
        }
        let [a, b, c, d] = words;
        Self([
            a & LOW_26,
            a >> 26 & LOW_25,
            (a >> 51 | b << 13) & LOW_26,
            b >> 13 & LOW_25,
            b >> 38,
            c & LOW_25,
            c >> 25 & LOW_26,
            (c >> 51 | d << 13) & LOW_25,
            d >> 12 & LOW_26,
            d >> 38 & LOW_25,
        ])
    }

    /// The limbs in half the room.
    pub fn pack(&self) -> [u32; 10] {
        self.0.map(|limb| limb as u32)
    }

    /// From limbs in pairs.
    #[inline(always)]
    pub fn from_pairs(pairs: [U64x2; 5]) -> Self {
        let mut value = Self::ZERO;
        for (pair, out) in pairs.into_iter().zip(value.0.as_chunks_mut::<2>().0) {
            pair.store(out);
        }
        value
    }

    /// Limbs of 2p in pairs: less a tight value they are its negative, with a factor of 2.
    #[inline(always)]
    pub fn twice_prime() -> [U64x2; 5] {
        core::array::from_fn(|i| U64x2::new(2 * PRIME[2 * i], 2 * PRIME[2 * i + 1]))
    }

    /// The value in lowest terms, little-endian.
    pub fn to_bytes(&self) -> [u8; 32] {
        // How often the prime fits into a tight value (0 or 1) is the carry out of the top when 19 is added.
        let h = carry(self.0);
        let mut over = 19;
        for (i, limb) in h.iter().enumerate() {
            over = (over + limb) >> width(i);
        }
        let mut words = [0u64; 4];
        let mut carried = 19 * over;
        let mut at = 0;
        for (i, limb) in h.iter().enumerate() {
            carried += limb;
            let bits = carried & ((1 << width(i)) - 1);
            carried >>= width(i);
            words[at / 64] |= bits << (at % 64);
            if at % 64 + width(i) > 64 {
                words[at / 64 + 1] |= bits >> (64 - at % 64);
            }
            at += width(i);
        }
        let mut bytes = [0; 32];
        for (i, word) in words.into_iter().enumerate() {
            store64(&mut bytes, 8 * i, word);
        }
        bytes
    }

    /// Whether the value in lowest terms is odd: what is called its sign.
    pub fn is_negative(&self) -> bool {
        self.to_bytes()[0] & 1 == 1
    }

    /// Whether the value is zero modulo the prime.
    pub fn is_zero(&self) -> bool {
        crate::bytes::is_zero(&self.to_bytes())
    }

    /// Whether two values are equal modulo the prime.
    pub fn equals(&self, other: &Self) -> bool {
        crate::bytes::constant_time_equal(&self.to_bytes(), &other.to_bytes())
    }

    /// Sum, tight.
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = Self::ZERO;
        add(self, other, &mut sum);
        sum.tighten();
        sum
    }

    /// Difference of tight elements, tight.
    pub fn minus(&self, other: &Self) -> Self {
        let mut difference = Self::ZERO;
        sub(self, other, &mut difference);
        difference.tighten();
        difference
    }

    /// The negative of a tight element, tight.
    pub fn negate(&self) -> Self {
        Self::ZERO.minus(self)
    }

    /// Carries.
    pub fn tighten(&mut self) {
        self.set(carry(self.0));
    }

    /// Exchanges two values when `choice` is 1, in constant time.
    pub fn swap_if(a: &mut Self, b: &mut Self, choice: u32) {
        let mask = (black_box(choice) as u64).wrapping_neg();
        for (a, b) in a.0.iter_mut().zip(b.0.iter_mut()) {
            let difference = mask & (*a ^ *b);
            *a ^= difference;
            *b ^= difference;
        }
    }

    /// Product; see [`multiply`].
    pub fn times(&self, other: &Self) -> Self {
        let mut product = Self::ZERO;
        multiply(self, other, &mut product);
        product
    }

    /// Square; see [`square`].
    pub fn squared(&self) -> Self {
        let mut value = Self::ZERO;
        square(self, &mut value);
        value
    }

    /// Squares `count` times; takes a factor of up to 5. Tight.
    pub fn squared_times(&self, count: u32) -> Self {
        let mut value = *self;
        for _ in 0..count {
            value.square_in_place();
        }
        value
    }

    /// Writes limbs in pairs, so that vector loads find them whole.
    #[inline(always)]
    fn set(&mut self, limbs: [u64; 10]) {
        for (pair, out) in limbs.as_chunks::<2>().0.iter().zip(self.0.as_chunks_mut::<2>().0) {
            U64x2::new(pair[0], pair[1]).store(out);
        }
    }

    #[inline(always)]
    fn pairs(&self) -> &[[u64; 2]] {
        self.0.as_chunks::<2>().0
    }

    #[inline(never)]
    fn square_in_place(&mut self) {
        self.0 = carry(square_columns(self.0));
    }

    /// The value to the power of (p - 5) / 8 = 2^252 - 3.
    pub fn power_p58(&self) -> Self {
        let two = self.squared();
        let nine = two.squared_times(2).times(self);
        let eleven = nine.times(&two);
        let ones_5 = eleven.squared().times(&nine);
        let ones_10 = ones_5.squared_times(5).times(&ones_5);
        let ones_20 = ones_10.squared_times(10).times(&ones_10);
        let ones_40 = ones_20.squared_times(20).times(&ones_20);
        let ones_50 = ones_40.squared_times(10).times(&ones_10);
        let ones_100 = ones_50.squared_times(50).times(&ones_50);
        let ones_200 = ones_100.squared_times(100).times(&ones_100);
        let ones_250 = ones_200.squared_times(50).times(&ones_50);
        ones_250.squared_times(2).times(self)
    }

    /// Inverse; zero stays zero.
    pub fn invert(&self) -> Self {
        Self::from_bytes(&crate::invert::invert(&self.to_bytes()))
    }
}

/// a + b; factors add up.
#[inline(always)]
pub fn add(a: &Field, b: &Field, out: &mut Field) {
    let (a, b, out) = (a.pairs(), b.pairs(), out.0.as_chunks_mut::<2>().0);
    for i in 0..5 {
        U64x2::load(&a[i]).add(U64x2::load(&b[i])).store(&mut out[i]);
    }
}

/// a - b for a tight b: the factor of a plus 2.
#[inline(always)]
pub fn sub(a: &Field, b: &Field, out: &mut Field) {
    sub_from_multiple::<2>(a, b, out);
}

/// a - b for a b with a factor of up to 3: the factor of a plus 4.
#[inline(always)]
pub fn sub_loose(a: &Field, b: &Field, out: &mut Field) {
    sub_from_multiple::<4>(a, b, out);
}

#[inline(always)]
fn sub_from_multiple<const N: u64>(a: &Field, b: &Field, out: &mut Field) {
    let (a, b, out) = (a.pairs(), b.pairs(), out.0.as_chunks_mut::<2>().0);
    for i in 0..5 {
        let multiple = U64x2::new(N * PRIME[2 * i], N * PRIME[2 * i + 1]);
        U64x2::load(&a[i]).add(multiple).sub(U64x2::load(&b[i])).store(&mut out[i]);
    }
}

/// Product; factors multiply to at most 30. Tight.
#[inline(never)]
pub fn multiply(a: &Field, b: &Field, out: &mut Field) {
    let [f0, f1, f2, f3, f4, f5, f6, f7, f8, f9] = a.0;
    let [g0, g1, g2, g3, g4, g5, g6, g7, g8, g9] = b.0;
    // What passes 2^255 comes back 19 times; two odd limbs lie one bit higher than their sum says.
    let (w1, w2, w3, w4, w5) = (19 * g1, 19 * g2, 19 * g3, 19 * g4, 19 * g5);
    let (w6, w7, w8, w9) = (19 * g6, 19 * g7, 19 * g8, 19 * g9);
    let (d1, d3, d5, d7, d9) = (2 * f1, 2 * f3, 2 * f5, 2 * f7, 2 * f9);
    out.set(carry([
        f0 * g0 + d1 * w9 + f2 * w8 + d3 * w7 + f4 * w6 + d5 * w5 + f6 * w4 + d7 * w3 + f8 * w2 + d9 * w1,
        f0 * g1 + f1 * g0 + f2 * w9 + f3 * w8 + f4 * w7 + f5 * w6 + f6 * w5 + f7 * w4 + f8 * w3 + f9 * w2,
        f0 * g2 + d1 * g1 + f2 * g0 + d3 * w9 + f4 * w8 + d5 * w7 + f6 * w6 + d7 * w5 + f8 * w4 + d9 * w3,
        f0 * g3 + f1 * g2 + f2 * g1 + f3 * g0 + f4 * w9 + f5 * w8 + f6 * w7 + f7 * w6 + f8 * w5 + f9 * w4,
        f0 * g4 + d1 * g3 + f2 * g2 + d3 * g1 + f4 * g0 + d5 * w9 + f6 * w8 + d7 * w7 + f8 * w6 + d9 * w5,
        f0 * g5 + f1 * g4 + f2 * g3 + f3 * g2 + f4 * g1 + f5 * g0 + f6 * w9 + f7 * w8 + f8 * w7 + f9 * w6,
        f0 * g6 + d1 * g5 + f2 * g4 + d3 * g3 + f4 * g2 + d5 * g1 + f6 * g0 + d7 * w9 + f8 * w8 + d9 * w7,
        f0 * g7 + f1 * g6 + f2 * g5 + f3 * g4 + f4 * g3 + f5 * g2 + f6 * g1 + f7 * g0 + f8 * w9 + f9 * w8,
        f0 * g8 + d1 * g7 + f2 * g6 + d3 * g5 + f4 * g4 + d5 * g3 + f6 * g2 + d7 * g1 + f8 * g0 + d9 * w9,
        f0 * g9 + f1 * g8 + f2 * g7 + f3 * g6 + f4 * g5 + f5 * g4 + f6 * g3 + f7 * g2 + f8 * g1 + f9 * g0,
    ]));
}

/// Square; takes a factor of up to 5. Tight.
#[inline(never)]
pub fn square(a: &Field, out: &mut Field) {
    out.set(carry(square_columns(a.0)));
}

/// Twice the square; takes a factor of up to 3. Tight.
#[inline(never)]
pub fn double_square(a: &Field, out: &mut Field) {
    out.set(carry(square_columns(a.0).map(|column| 2 * column)));
}

/// Product with a number below 2^18; takes a factor of up to 6. Tight.
#[inline(never)]
pub fn multiply_small(a: &Field, factor: u64, out: &mut Field) {
    out.set(carry(a.0.map(|limb| limb * factor)));
}

#[inline(always)]
fn square_columns([f0, f1, f2, f3, f4, f5, f6, f7, f8, f9]: [u64; 10]) -> [u64; 10] {
    let (d0, d1, d2, d3, d4) = (2 * f0, 2 * f1, 2 * f2, 2 * f3, 2 * f4);
    let (d5, d6, d7) = (2 * f5, 2 * f6, 2 * f7);
    let (w5, w6, w7, w8, w9) = (38 * f5, 19 * f6, 38 * f7, 19 * f8, 38 * f9);
    [
        f0 * f0 + d1 * w9 + d2 * w8 + d3 * w7 + d4 * w6 + f5 * w5,
        d0 * f1 + f2 * w9 + d3 * w8 + f4 * w7 + d5 * w6,
        d0 * f2 + d1 * f1 + d3 * w9 + d4 * w8 + d5 * w7 + f6 * w6,
        d0 * f3 + d1 * f2 + f4 * w9 + d5 * w8 + f6 * w7,
        d0 * f4 + d1 * d3 + f2 * f2 + d5 * w9 + d6 * w8 + f7 * w7,
        d0 * f5 + d1 * f4 + d2 * f3 + f6 * w9 + d7 * w8,
        d0 * f6 + d1 * d5 + d2 * f4 + d3 * f3 + d7 * w9 + f8 * w8,
        d0 * f7 + d1 * f6 + d2 * f5 + d3 * f4 + f8 * w9,
        d0 * f8 + d1 * d7 + d2 * f6 + d3 * d5 + f4 * f4 + f9 * w9,
        d0 * f9 + d1 * f8 + d2 * f7 + d3 * f6 + d4 * f5,
    ]
}

/// The prime's limbs.
const PRIME: [u64; 10] = [
    (1 << 26) - 19,
    (1 << 25) - 1,
    (1 << 26) - 1,
    (1 << 25) - 1,
    (1 << 26) - 1,
    (1 << 25) - 1,
    (1 << 26) - 1,
    (1 << 25) - 1,
    (1 << 26) - 1,
    (1 << 25) - 1,
];

const fn width(limb: usize) -> usize {
    26 - limb % 2
}

/// Carries along two chains that run side by side; limbs end up below 1.01 times their power of two.
#[inline(always)]
fn carry(mut h: [u64; 10]) -> [u64; 10] {
    h[1] += h[0] >> 26;
    h[0] &= LOW_26;
    h[5] += h[4] >> 26;
    h[4] &= LOW_26;
    h[2] += h[1] >> 25;
    h[1] &= LOW_25;
    h[6] += h[5] >> 25;
    h[5] &= LOW_25;
    h[3] += h[2] >> 26;
    h[2] &= LOW_26;
    h[7] += h[6] >> 26;
    h[6] &= LOW_26;
    h[4] += h[3] >> 25;
    h[3] &= LOW_25;
    h[8] += h[7] >> 25;
    h[7] &= LOW_25;
    h[5] += h[4] >> 26;
    h[4] &= LOW_26;
    h[9] += h[8] >> 26;
    h[8] &= LOW_26;
    h[0] += 19 * (h[9] >> 25);
    h[9] &= LOW_25;
    h[1] += h[0] >> 26;
    h[0] &= LOW_26;
    h
}

/// Reads a canonical constant from four words.
pub(crate) const fn constant(words: [u64; 4]) -> Field {
    let mut bytes = [0u8; 32];
    let mut i = 0;
    while i < 32 {
        bytes[i] = (words[i / 8] >> (8 * (i % 8))) as u8;
        i += 1;
    }
    Field::from_bytes(&bytes)
}
