//! The key exchange in one step against its parts.
mod common;

use common::Dice;
use quince_core::curve::{scalar_mult, scalar_mult_base, Points};
use quince_core::hmac::hkdf_blake2b;
use quince_core::multiply::BaseTables;
use quince_core::noise::mix_dh;

#[test]
fn mix_dh_is_a_product_and_a_derivation() {
    let mut dice = Dice::new(1);
    let mut tables = Box::new(BaseTables::EMPTY);
    tables.prepare();
    let (mut points, mut own_points) = (Points::EMPTY, Points::EMPTY);
    for _ in 0..20 {
        let (mut point, mut shared) = ([0; 32], [0; 32]);
        assert!(scalar_mult_base(&tables, &dice.array(), &mut point));
        let (scalar, chaining_key) = (dice.array(), dice.array());
        let (mut out, mut expected) = ([0; 128], [0; 128]);
        assert!(scalar_mult(&mut points, &scalar, &point, &mut shared));
        hkdf_blake2b(&chaining_key, &shared, &mut expected);
        assert!(mix_dh(&mut own_points, &scalar, &point, &chaining_key, &mut out));
        assert_eq!(out, expected);
        // Refused: the neutral point, and a product that is.
        let neutral = core::array::from_fn(|i| (i == 0) as u8);
        assert!(!mix_dh(&mut own_points, &scalar, &neutral, &chaining_key, &mut out));
        assert!(!mix_dh(&mut own_points, &[0; 32], &point, &chaining_key, &mut out));
        assert_eq!(out, expected);
    }
}
