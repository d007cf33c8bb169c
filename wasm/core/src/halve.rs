//! Halving scalars for signature verification: instead of checking S B = R + k A, one checks a multiple of it
//! whose factors for A and R have half the length, and saves half of the doublings (Antipa and others,
//! "Accelerated verification of ECDSA signatures", 2005; Pornin, "Optimized lattice basis reduction", 2020).
//!
//! The multiple is odd and smaller than the group order, and congruences are modulo 8 times the group order,
//! so that points with a part of small order are judged exactly as without it.

/// A number below 2^256, lowest word first.
type Wide = [u64; 4];

/// 8 times the group order.
const ORDER_OF_CURVE: Wide =
    [0xc09318d2e7ae9f68, 0xa6f7cef517bce6b2, 0x0000000000000000, 0x8000000000000000];

/// `numerator = multiplier * k`, or minus that, modulo 8 times the group order.
pub struct Halves {
    /// About 128 bits.
    pub numerator: [u8; 32],
    /// Odd, about 128 bits.
    pub multiplier: [u8; 32],
    /// Whether the sign is minus.
    pub is_negative: bool,
}

/// Splits `k` (below the group order), in variable time.
pub fn halve(k: &[u8; 32]) -> Halves {
    // Euclid's algorithm: both rows satisfy numerator = +-multiplier * k, with signs that alternate.
    let mut upper = (ORDER_OF_CURVE, [0, 0, 0, 0]);
    let mut lower = (read(k), [1, 0, 0, 0]);
    let mut is_negative = false;
    while bit_length(&lower.0) > 128 {
        divide(&mut upper, &lower);
        core::mem::swap(&mut upper, &mut lower);
        is_negative = !is_negative;
    }
    // Neighbouring multipliers have no common factor, so one of them is odd.
    if lower.1[0] & 1 == 0 {
        lower = upper;
        is_negative = !is_negative;
    }
    Halves { numerator: write(&lower.0), multiplier: write(&lower.1), is_negative }
}

/// Subtracts the largest multiple of `row` from `from` that leaves its numerator positive; the multipliers,
/// of opposite sign, add up.
fn divide(from: &mut (Wide, Wide), row: &(Wide, Wide)) {
    let length = bit_length(&row.0);
    loop {
        let own = bit_length(&from.0);
        if own < length {
            return;
        }
        let mut shift = own - length;
        let mut difference = subtract(&from.0, &shifted(&row.0, shift));
        if difference.is_none() {
            if shift == 0 {
                return;
            }
            shift -= 1;
            difference = subtract(&from.0, &shifted(&row.0, shift));
        }
        from.0 = difference.unwrap_or(from.0);
        from.1 = sum(&from.1, &shifted(&row.1, shift));
    }
}

#[inline(always)]
fn subtract(a: &Wide, b: &Wide) -> Option<Wide> {
    let mut difference = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        let (partial, first) = a[i].overflowing_sub(b[i]);
        let (result, second) = partial.overflowing_sub(borrow as u64);
        difference[i] = result;
        borrow = first || second;
    }
    (!borrow).then_some(difference)
}

#[inline(always)]
fn sum(a: &Wide, b: &Wide) -> Wide {
    let mut sum = [0; 4];
    let mut carry = false;
    for i in 0..4 {
        let (partial, first) = a[i].overflowing_add(b[i]);
        let (result, second) = partial.overflowing_add(carry as u64);
        sum[i] = result;
        carry = first || second;
    }
    sum
}

#[inline(always)]
fn shifted(value: &Wide, bits: u32) -> Wide {
    let mut value = *value;
    let mut bits = bits;
    while bits >= 64 {
        value = [0, value[0], value[1], value[2]];
        bits -= 64;
    }
    // The right shift in two parts, for one by 64 is none.
    let pull = |low: u64| low >> 1 >> (63 - bits);
    let [a, b, c, d] = value;
    [a << bits, b << bits | pull(a), c << bits | pull(b), d << bits | pull(c)]
}

fn bit_length(value: &Wide) -> u32 {
    for i in (0..4).rev() {
        if value[i] != 0 {
            return 64 * i as u32 + 64 - value[i].leading_zeros();
        }
    }
    0
}

fn read(bytes: &[u8; 32]) -> Wide {
    core::array::from_fn(|i| crate::bytes::load64(bytes, 8 * i))
}

fn write(value: &Wide) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (i, word) in value.iter().enumerate() {
        crate::bytes::store64(&mut bytes, 8 * i, *word);
    }
    bytes
}
