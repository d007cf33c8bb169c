//! Field arithmetic, inversion and halved scalars against numbers computed digit by digit. Overflow checks are on in tests, so
//! a factor that is too large for a multiplication shows as a panic.
mod common;

use common::{plain, Dice, PRIME};
use quince_core::field::{add, double_square, multiply, multiply_small, square, sub, sub_loose, Field};
use quince_core::halve::halve;
use quince_core::invert::invert;
use quince_core::multiply::ORDER;
use quince_core::simd::U64x2;

/// Random values and those at the edges of limbs and prime.
fn values(dice: &mut Dice) -> Vec<[u8; 32]> {
    let mut values = vec![[0; 32], [0xff; 32], PRIME];
    for byte in [1, 2, 18, 19, 20] {
        values.push(core::array::from_fn(|i| if i == 0 { byte } else { 0 }));
        let mut below = PRIME;
        below[0] -= byte;
        values.push(below);
        let mut above = PRIME;
        above[0] = above[0].wrapping_add(byte);
        if above[0] >= PRIME[0] {
            values.push(above);
        }
    }
    for bit in (0..255).step_by(5) {
        let mut power = [0; 32];
        power[bit / 8] = 1 << (bit % 8);
        values.push(power);
    }
    values.extend((0..40).map(|_| dice.array::<32>()));
    values
}

/// What a field element made of these bytes stands for.
fn number(bytes: &[u8; 32]) -> [u8; 32] {
    let mut bytes = *bytes;
    bytes[31] &= 0x7f;
    plain::reduce(&bytes, &PRIME)
}

fn negative(value: &[u8; 32]) -> [u8; 32] {
    let mut rest = PRIME;
    plain::subtract(&mut rest, value);
    plain::reduce(&rest, &PRIME)
}

fn times(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    plain::reduce(&plain::product(a, b), &PRIME)
}

fn plus(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    plain::reduce(&plain::sum(a, b), &PRIME)
}

#[test]
fn values_are_read_and_written_in_lowest_terms() {
    for value in values(&mut Dice::new(1)) {
        let field = Field::from_bytes(&value);
        assert_eq!(field.to_bytes(), number(&value));
        let limbs = field.pack().map(u64::from);
        let pairs = core::array::from_fn(|i| U64x2::new(limbs[2 * i], limbs[2 * i + 1]));
        assert_eq!(Field::from_pairs(pairs).to_bytes(), number(&value));
        assert_eq!(field.is_negative(), number(&value)[0] & 1 == 1);
        assert_eq!(field.is_zero(), number(&value) == [0; 32]);
    }
}

#[test]
fn sums_differences_and_products_are_those_of_numbers() {
    let mut dice = Dice::new(2);
    let values = values(&mut dice);
    for x in &values {
        let (f, a) = (Field::from_bytes(x), number(x));
        assert_eq!(f.negate().to_bytes(), negative(&a));
        assert_eq!(f.squared().to_bytes(), times(&a, &a));
        let mut out = Field::ZERO;
        double_square(&f, &mut out);
        assert_eq!(out.to_bytes(), plus(&times(&a, &a), &times(&a, &a)));
        for factor in [0u64, 1, 121665, (1 << 18) - 1] {
            multiply_small(&f, factor, &mut out);
            let factor: [u8; 32] = core::array::from_fn(|i| if i < 8 { factor.to_le_bytes()[i] } else { 0 });
            assert_eq!(out.to_bytes(), times(&a, &factor));
        }
        for y in &values {
            let (g, b) = (Field::from_bytes(y), number(y));
            assert_eq!(f.plus(&g).to_bytes(), plus(&a, &b));
            assert_eq!(f.minus(&g).to_bytes(), plus(&a, &negative(&b)));
            assert_eq!(f.times(&g).to_bytes(), times(&a, &b));
            assert_eq!(f.equals(&g), a == b);
        }
    }
}

#[test]
fn products_of_loose_sums_are_right_at_the_largest_factors() {
    let mut dice = Dice::new(3);
    for x in values(&mut dice) {
        for y in [[0xff; 32], PRIME, dice.array()] {
            let (f, g) = (Field::from_bytes(&x), Field::from_bytes(&y));
            let (a, b) = (number(&x), number(&y));
            let mut double = Field::ZERO;
            add(&g, &g, &mut double); // 2
            let mut triple = Field::ZERO;
            add(&double, &g, &mut triple); // 3
            let mut five = Field::ZERO;
            sub_loose(&f, &triple, &mut five); // 5
            let mut six = Field::ZERO;
            add(&triple, &triple, &mut six); // 6
            let mut three = Field::ZERO;
            sub(&f, &g, &mut three); // 3
            let (difference, triple_b) = (plus(&a, &negative(&plus(&plus(&b, &b), &b))), plus(&plus(&b, &b), &b));
            let mut out = Field::ZERO;
            multiply(&five, &six, &mut out); // 30
            assert_eq!(out.to_bytes(), times(&difference, &plus(&triple_b, &triple_b)));
            multiply(&six, &five, &mut out);
            assert_eq!(out.to_bytes(), times(&difference, &plus(&triple_b, &triple_b)));
            square(&five, &mut out);
            assert_eq!(out.to_bytes(), times(&difference, &difference));
            double_square(&three, &mut out);
            let single = times(&plus(&a, &negative(&b)), &plus(&a, &negative(&b)));
            assert_eq!(out.to_bytes(), plus(&single, &single));
        }
    }
}

#[test]
fn powers_follow_from_products() {
    let mut dice = Dice::new(4);
    for x in values(&mut dice) {
        let f = Field::from_bytes(&x);
        let a = number(&x);
        let mut expected = a;
        for count in 1..6 {
            expected = times(&expected, &expected);
            assert_eq!(f.squared_times(count).to_bytes(), expected);
        }
        // (p - 5) / 8 = 2^252 - 3.
        let mut power = [1u8; 1].iter().fold([0u8; 32], |mut one, &byte| {
            one[0] = byte;
            one
        });
        for bit in (0..252).rev() {
            power = times(&power, &power);
            if bit != 1 {
                power = times(&power, &a);
            }
        }
        assert_eq!(f.power_p58().to_bytes(), power);
    }
}

#[test]
fn inverses_multiply_to_one_and_zero_stays_zero() {
    let mut dice = Dice::new(5);
    let one = Field::ONE.to_bytes();
    for x in values(&mut dice).into_iter().chain((0..300).map(|i| Dice::new(1000 + i).array())) {
        let a = number(&x);
        let inverse = invert(&a);
        assert_eq!(Field::from_bytes(&x).invert().to_bytes(), inverse);
        assert!(plain::is_below(&inverse, &PRIME));
        assert_eq!(times(&a, &inverse), if a == [0; 32] { a } else { one });
    }
}

#[test]
fn values_are_exchanged_and_not_exchanged() {
    let mut dice = Dice::new(6);
    for _ in 0..20 {
        let (x, y) = (Field::from_bytes(&dice.array()), Field::from_bytes(&dice.array()));
        let (mut a, mut b) = (x, y);
        Field::swap_if(&mut a, &mut b, 0);
        assert!(a.equals(&x) && b.equals(&y));
        Field::swap_if(&mut a, &mut b, 1);
        assert!(a.equals(&y) && b.equals(&x));
    }
}

#[test]
fn halves_are_short_odd_and_belong_to_the_scalar() {
    let mut dice = Dice::new(7);
    // 8 times the group order.
    let mut modulus = [0u8; 32];
    let mut carry = 0u16;
    for (out, byte) in modulus.iter_mut().zip(ORDER) {
        carry += byte as u16 * 8;
        *out = carry as u8;
        carry >>= 8;
    }
    let mut scalars: Vec<[u8; 32]> = (0..500).map(|_| plain::reduce(&dice.bytes(64), &ORDER)).collect();
    for small in 0..20u8 {
        scalars.push(core::array::from_fn(|i| if i == 0 { small } else { 0 }));
        let mut large = ORDER;
        large[0] -= small + 1;
        scalars.push(large);
    }
    for bit in 0..252 {
        scalars.push(core::array::from_fn(|i| if i == bit / 8 { 1 << (bit % 8) } else { 0 }));
    }
    for k in scalars {
        let halves = halve(&k);
        assert_eq!(halves.multiplier[0] & 1, 1);
        assert!(plain::is_below(&halves.multiplier, &ORDER));
        let product = plain::reduce(&plain::product(&halves.multiplier, &k), &modulus);
        let numerator = plain::reduce(&halves.numerator, &modulus);
        let expected = if halves.is_negative && numerator != [0; 32] {
            let mut rest = modulus;
            plain::subtract(&mut rest, &numerator);
            rest
        } else {
            numerator
        };
        assert_eq!(product, expected, "{k:?}");
        // The price of an odd multiplier is a few bits, now and then.
        let bits = |bytes: &[u8; 32]| 256 - (0..256).rev().position(|i| bytes[i / 8] >> (i % 8) & 1 == 1).unwrap_or(256);
        assert!(bits(&halves.numerator) + bits(&halves.multiplier) <= 260, "{k:?}");
    }
}
