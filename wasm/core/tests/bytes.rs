//! Loads, stores and comparison, bit by bit.
mod common;

use common::Dice;
use quince_core::bytes::{constant_time_equal, is_zero, load32, load64, store64, wipe};

#[test]
fn loads_and_stores_are_little_endian() {
    let bytes: Vec<u8> = (1..=20).collect();
    for offset in 0..12 {
        assert_eq!(load32(&bytes, offset), (0..4).map(|i| (bytes[offset + i] as u32) << (8 * i)).sum());
        assert_eq!(load64(&bytes, offset), (0..8).map(|i| (bytes[offset + i] as u64) << (8 * i)).sum());
        let mut out = [0u8; 20];
        store64(&mut out, offset, load64(&bytes, offset));
        assert_eq!(out[offset..offset + 8], bytes[offset..offset + 8]);
        assert!(out[..offset].iter().chain(&out[offset + 8..]).all(|&byte| byte == 0));
    }
}

#[test]
fn constant_time_equal_sees_every_bit_and_the_length() {
    let mut dice = Dice::new(1);
    for len in 0..40 {
        let a = dice.bytes(len);
        assert!(constant_time_equal(&a, &a.clone()));
        assert!(!constant_time_equal(&a, &dice.bytes(len + 1)));
        for bit in 0..8 * len {
            let mut b = a.clone();
            b[bit / 8] ^= 1 << (bit % 8);
            assert!(!constant_time_equal(&a, &b));
        }
    }
}

#[test]
fn is_zero_sees_every_bit_and_wipe_clears_them() {
    for bit in 0..8 * 33 {
        let mut bytes = [0u8; 33];
        assert!(is_zero(&bytes));
        bytes[bit / 8] |= 1 << (bit % 8);
        assert!(!is_zero(&bytes));
        wipe(&mut bytes);
        assert!(is_zero(&bytes));
    }
}
