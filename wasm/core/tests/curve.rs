//! Points, scalars, X25519 and signatures against `curve25519-dalek` and `ed25519-dalek`.
mod common;

use common::{plain, Dice, PRIME};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signer, Verifier};
use quince_core::multiply::{has_prime_order, BaseTables, Comb, ORDER};
use quince_core::point::{is_canonical, Point};
use quince_core::{curve, ed25519, x25519};

fn tables() -> Box<BaseTables> {
    let mut tables = Box::new(BaseTables::EMPTY);
    tables.prepare();
    tables
}

fn reference(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    CompressedEdwardsY(*bytes).decompress()
}

fn small_order_points() -> Vec<[u8; 32]> {
    curve25519_dalek::constants::EIGHT_TORSION.iter().map(|point| point.compress().0).collect()
}

/// Random bytes, points of the subgroup, points with a part of small order, and encodings at the edges.
fn encodings(dice: &mut Dice) -> Vec<[u8; 32]> {
    let mut all = small_order_points();
    for small in &all.clone() {
        let scalar = Scalar::from_bytes_mod_order(dice.array());
        let point = ED25519_BASEPOINT_POINT * scalar;
        all.push(point.compress().0);
        all.push((point + reference(small).unwrap()).compress().0);
    }
    for above in 0..19 {
        let mut bytes = PRIME;
        bytes[0] = bytes[0].wrapping_add(above);
        all.push(bytes);
        bytes[31] |= 0x80;
        all.push(bytes);
    }
    all.extend((0..60).map(|_| dice.array::<32>()));
    all
}

/// Scalars below 2^255: random, reduced, and at the edges.
fn scalars(dice: &mut Dice) -> Vec<[u8; 32]> {
    let mut all = vec![[0; 32], ORDER, core::array::from_fn(|i| if i == 31 { 0x7f } else { 0xff })];
    for byte in [1, 2, 7, 8, 9, 15, 16, 17, 128, 255] {
        all.push(core::array::from_fn(|i| if i == 0 { byte } else { 0 }));
        all.push(core::array::from_fn(|i| if i == 31 { byte & 0x7f } else { byte }));
    }
    for _ in 0..30 {
        let mut scalar: [u8; 32] = dice.array();
        scalar[31] &= 0x7f;
        all.push(scalar);
    }
    all
}

/// The point times a scalar that is not reduced, bit by bit.
fn plain_multiple(point: &EdwardsPoint, scalar: &[u8; 32]) -> EdwardsPoint {
    let mut sum = EdwardsPoint::default();
    for bit in (0..256).rev() {
        sum = sum + sum;
        if scalar[bit / 8] >> (bit % 8) & 1 == 1 {
            sum += point;
        }
    }
    sum
}

#[test]
fn points_are_decoded_encoded_added_and_judged_as_in_dalek() {
    let mut dice = Dice::new(1);
    let encodings = encodings(&mut dice);
    for bytes in &encodings {
        let (own, other) = (Point::decode(bytes), reference(bytes));
        // dalek refuses a sign where x is zero; libsodium takes it, so we do.
        let Some(other) = other else {
            if let Some(own) = own {
                assert!(own.is_small_order(), "{bytes:?}");
            }
            continue;
        };
        let own = own.unwrap();
        assert_eq!(own.encode(), other.compress().0);
        assert_eq!(own.is_small_order(), other.is_small_order());
        assert_eq!(has_prime_order(&own), other.is_torsion_free());
        assert_eq!(Comb::new(&own).is_some(), other.is_torsion_free());
        assert_eq!(own.twice().encode(), (other + other).compress().0);
        assert_eq!(own.negate().encode(), (-other).compress().0);
        assert_eq!(own.to_montgomery(), other.to_montgomery().0);
        for q in &encodings {
            let Some(other_q) = reference(q) else { continue };
            let cached = Point::decode(q).unwrap().cache();
            assert_eq!(own.plus(&cached).encode(), (other + other_q).compress().0);
            assert_eq!(own.minus(&cached).encode(), (other - other_q).compress().0);
        }
    }
}

#[test]
fn is_canonical_tells_what_is_below_the_prime() {
    let mut dice = Dice::new(2);
    for bytes in encodings(&mut dice) {
        let mut y = bytes;
        y[31] &= 0x7f;
        assert_eq!(is_canonical(&bytes), plain::is_below(&y, &PRIME), "{bytes:?}");
    }
}

#[test]
fn multiples_are_those_of_adding_bit_by_bit() {
    let mut dice = Dice::new(3);
    let tables = tables();
    for scalar in scalars(&mut dice) {
        assert_eq!(
            tables.multiply(&Scalar::from_bytes_mod_order(scalar)).encode(),
            plain_multiple(&ED25519_BASEPOINT_POINT, &scalar).compress().0,
            "{scalar:?}"
        );
        let other = ED25519_BASEPOINT_POINT * Scalar::from_bytes_mod_order(dice.array());
        let comb = Comb::new(&Point::decode(&other.compress().0).unwrap()).unwrap();
        assert_eq!(
            comb.multiply(&Scalar::from_bytes_mod_order(scalar)).encode(),
            plain_multiple(&other, &scalar).compress().0,
            "{scalar:?}"
        );
    }
}

#[test]
fn multiples_of_the_base_point_are_right_for_every_digit_at_every_place() {
    let tables = tables();
    for place in 0..51 {
        for digit in 0..32u8 {
            let mut scalar = [0; 32];
            for bit in 0..5 {
                let at = 5 * place + bit;
                scalar[at / 8] |= (digit >> bit & 1) << (at % 8);
            }
            // The last digit of what is below the group order is small.
            if !plain::is_below(&scalar, &ORDER) {
                continue;
            }
            let product = plain_multiple(&ED25519_BASEPOINT_POINT, &scalar).compress().0;
            assert_eq!(tables.multiply(&Scalar::from_bytes_mod_order(scalar)).encode(), product, "{scalar:?}");
        }
    }
}

#[test]
fn combs_are_right_for_every_column_at_every_place() {
    let base = Comb::new(&Point::BASE).unwrap();
    for place in 0..64 {
        for column in 0..16u8 {
            let mut scalar = [0; 32];
            for row in 0..4 {
                let at = 64 * row + place;
                scalar[at / 8] |= (column >> row & 1) << (at % 8);
            }
            if plain::is_below(&scalar, &ORDER) {
                let product = plain_multiple(&ED25519_BASEPOINT_POINT, &scalar).compress().0;
                assert_eq!(base.multiply(&Scalar::from_bytes_mod_order(scalar)).encode(), product, "{scalar:?}");
            }
        }
    }
}

#[test]
fn points_kept_prepared_are_multiplied_as_those_met_anew() {
    let mut dice = Dice::new(8);
    let mut points = curve::Points::EMPTY;
    let all: Vec<EdwardsPoint> =
        (0..40).map(|_| ED25519_BASEPOINT_POINT * Scalar::from_bytes_mod_order(dice.array())).collect();
    for round in 0..400 {
        // At first few points that fit, then more than are kept.
        let point = &all[dice.below(if round < 100 { 5 } else { 40 })];
        let mut scalar: [u8; 32] = dice.array();
        scalar[31] &= 0x7f;
        let mut out = [0; 32];
        assert!(curve::scalar_mult(&mut points, &scalar, &point.compress().0, &mut out));
        assert_eq!(out, plain_multiple(point, &scalar).compress().0);
        let refused = small_order_points()[dice.below(8)];
        assert!(!curve::scalar_mult(&mut points, &scalar, &refused, &mut out));
    }
}

#[test]
fn combinations_of_three_multiples_are_their_sum() {
    let mut dice = Dice::new(4);
    let tables = tables();
    let scalars = scalars(&mut dice);
    for _ in 0..150 {
        let [a, b, c] = core::array::from_fn(|_| scalars[dice.below(scalars.len())]);
        let points: Vec<EdwardsPoint> =
            (0..2).map(|_| ED25519_BASEPOINT_POINT * Scalar::from_bytes_mod_order(dice.array())).collect();
        let [p, q] = [0, 1].map(|i| Point::decode(&points[i].compress().0).unwrap());
        let sum = plain_multiple(&points[0], &a)
            + plain_multiple(&points[1], &b)
            + plain_multiple(&ED25519_BASEPOINT_POINT, &c);
        // Neutral exactly when the missing part is put in.
        let is_neutral = tables.combine_vartime((&a, &p), (&b, &q), &c).is_identity();
        assert_eq!(is_neutral, sum == EdwardsPoint::default());
        let missing = Point::decode(&(-(sum - plain_multiple(&points[1], &b))).compress().0).unwrap();
        let one: [u8; 32] = core::array::from_fn(|i| (i == 0) as u8);
        assert!(tables.combine_vartime((&a, &p), (&one, &missing), &c).is_identity());
        let more = missing.plus(&Point::BASE.cache());
        assert!(!tables.combine_vartime((&a, &p), (&one, &more), &c).is_identity());
    }
}

#[test]
fn the_curve_functions_accept_exactly_what_they_say() {
    let mut dice = Dice::new(5);
    let tables = tables();
    let mut points = curve::Points::EMPTY;
    for bytes in encodings(&mut dice) {
        let is_valid = is_canonical(&bytes)
            && reference(&bytes).is_some_and(|point| !point.is_small_order() && point.is_torsion_free());
        assert_eq!(curve::is_valid_point(&bytes), is_valid, "{bytes:?}");
        let mut scalar: [u8; 32] = dice.array();
        scalar[31] &= 0x7f;
        let mut out = [0; 32];
        assert_eq!(curve::scalar_mult(&mut points, &scalar, &bytes, &mut out), is_valid);
        if is_valid {
            assert_eq!(out, plain_multiple(&reference(&bytes).unwrap(), &scalar).compress().0);
        }
        let mut u = [0; 32];
        let is_convertible =
            reference(&bytes).is_some_and(|point| !point.is_small_order() && point.is_torsion_free());
        assert_eq!(curve::public_key_to_x25519(&bytes, &mut u), is_convertible);
        if is_convertible {
            assert_eq!(u, reference(&bytes).unwrap().to_montgomery().0);
        }
        assert!(curve::scalar_mult_base(&tables, &scalar, &mut out));
        assert_eq!(out, plain_multiple(&ED25519_BASEPOINT_POINT, &scalar).compress().0);
    }
    let mut out = [0; 32];
    for zero in [[0; 32], ORDER] {
        assert!(!curve::scalar_mult_base(&tables, &zero, &mut out));
        assert!(!curve::scalar_mult(&mut points, &zero, &Point::BASE.encode(), &mut out));
    }
}

#[test]
fn scalar_arithmetic_is_that_of_numbers_modulo_the_order() {
    let mut dice = Dice::new(6);
    let scalars = scalars(&mut dice);
    let mut one = [0; 32];
    one[0] = 1;
    for x in &scalars {
        let a = plain::reduce(x, &ORDER);
        let minus_a = {
            let mut rest = ORDER;
            plain::subtract(&mut rest, &a);
            plain::reduce(&rest, &ORDER)
        };
        assert_eq!(curve::scalar_negate(x), minus_a);
        assert_eq!(curve::scalar_complement(x), plain::reduce(&plain::sum(&one, &minus_a), &ORDER));
        assert_eq!(curve::scalar_is_canonical(x), *x == a);
        match curve::scalar_invert(x) {
            None => assert_eq!(a, [0; 32]),
            Some(inverse) => assert_eq!(plain::reduce(&plain::product(&inverse, &a), &ORDER), one),
        }
        for y in &scalars {
            assert_eq!(curve::scalar_add(x, y), plain::reduce(&plain::sum(x, y), &ORDER));
            assert_eq!(curve::scalar_sub(x, y), plain::reduce(&plain::sum(x, &curve::scalar_negate(y)), &ORDER));
            assert_eq!(curve::scalar_mul(x, y), plain::reduce(&plain::product(x, y), &ORDER));
        }
    }
    for _ in 0..100 {
        let wide: [u8; 64] = dice.array();
        assert_eq!(curve::scalar_reduce(&wide), plain::reduce(&wide, &ORDER));
    }
}

#[test]
fn x25519_is_that_of_dalek() {
    let mut dice = Dice::new(7);
    let tables = tables();
    for point in encodings(&mut dice) {
        let scalar: [u8; 32] = dice.array();
        let mut out = [0; 32];
        let is_ok = x25519::scalar_mult(&scalar, &point, &mut out);
        assert_eq!(out, MontgomeryPoint(point).mul_clamped(scalar).0);
        assert_eq!(is_ok, out != [0; 32]);
        x25519::scalar_mult_base(&tables, &scalar, &mut out);
        assert_eq!(out, MontgomeryPoint::mul_base_clamped(scalar).0);
    }
}

#[test]
fn signatures_are_those_of_dalek_and_changed_ones_are_refused() {
    let mut dice = Dice::new(8);
    let tables = tables();
    let mut keys = ed25519::VerifyingKeys::EMPTY;
    for len in (0..200).step_by(7) {
        let seed = dice.array();
        let message = dice.bytes(len);
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        let public_key = ed25519::public_key(&tables, &seed);
        assert_eq!(public_key, key.verifying_key().to_bytes());
        let signature = ed25519::sign(&tables, &message, &key.to_keypair_bytes());
        assert_eq!(signature, key.sign(&message).to_bytes());
        // A key never met, met once, and prepared.
        for _ in 0..3 {
            for _ in 0..10 {
                let mut changed = signature;
                changed[dice.below(64)] ^= 1 << dice.below(8);
                assert!(!ed25519::verify(&tables, &mut keys, &message, &changed, &public_key));
                let mut other = public_key;
                other[dice.below(32)] ^= 1 << dice.below(8);
                assert!(!ed25519::verify(&tables, &mut keys, &message, &signature, &other));
            }
            assert!(ed25519::verify(&tables, &mut keys, &message, &signature, &public_key));
        }
    }
}

#[test]
fn signatures_of_more_keys_than_are_kept_are_verified() {
    let mut dice = Dice::new(10);
    let tables = tables();
    let mut keys = ed25519::VerifyingKeys::EMPTY;
    let pairs: Vec<_> = (0..80).map(|_| ed25519_dalek::SigningKey::from_bytes(&dice.array())).collect();
    for round in 0..600 {
        // Few keys, all of them in turn, and any.
        let at = if round < 200 { dice.below(20) } else if round < 400 { round % 80 } else { dice.below(80) };
        let message = dice.bytes(10);
        let mut signature = pairs[at].sign(&message).to_bytes();
        let public_key = pairs[at].verifying_key().to_bytes();
        assert!(ed25519::verify(&tables, &mut keys, &message, &signature, &public_key), "round {round}");
        signature[dice.below(64)] ^= 1 << dice.below(8);
        assert!(!ed25519::verify(&tables, &mut keys, &message, &signature, &public_key), "round {round}");
    }
}

#[test]
fn signatures_with_parts_of_small_order_are_judged_without_the_cofactor() {
    let mut dice = Dice::new(9);
    let tables = tables();
    let small: Vec<EdwardsPoint> =
        small_order_points().iter().map(|bytes| reference(bytes).unwrap()).collect();
    let mut accepted = 0;
    let mut keys = ed25519::VerifyingKeys::EMPTY;
    let mut a = Scalar::ONE;
    for round in 0..512 {
        // A = aB + T1, R = rB + T2, S = r + ka: right without cofactor exactly when T2 = -k T1. Each key is used for as
        // many rounds as prepare it.
        if round % 64 == 0 {
            a = Scalar::from_bytes_mod_order(dice.array());
        }
        let r = Scalar::from_bytes_mod_order(dice.array());
        let public = (ED25519_BASEPOINT_POINT * a + small[round / 64]).compress().0;
        let commitment = (ED25519_BASEPOINT_POINT * r + small[round % 8]).compress().0;
        let message = dice.bytes(8);
        let k = Scalar::from_bytes_mod_order_wide(&ed25519::sha512(&[&commitment, &public, &message]));
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&commitment);
        signature[32..].copy_from_slice((r + k * a).as_bytes());
        let expected = ed25519_dalek::VerifyingKey::from_bytes(&public)
            .unwrap()
            .verify(&message, &ed25519_dalek::Signature::from_bytes(&signature))
            .is_ok();
        let is_right = ed25519::verify(&tables, &mut keys, &message, &signature, &public);
        assert_eq!(is_right, expected, "round {round}");
        accepted += expected as usize;
    }
    assert!(accepted > 20 && accepted < 200, "{accepted}");
}
