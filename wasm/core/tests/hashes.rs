//! BLAKE2b, HMAC, HKDF and CRC-32 against the crates and the definitions.
mod common;

use common::{lengths, Dice};
use quince_core::blake2b::{hash, hash_parts, Blake2b};
use quince_core::crc32::crc32;
use quince_core::hmac::{hkdf_blake2b, hmac_blake2b};

fn reference(input: &[u8], key: &[u8], len: usize) -> Vec<u8> {
    blake2b_simd::Params::new().hash_length(len).key(key).hash(input).as_bytes().to_vec()
}

#[test]
fn blake2b_is_that_of_the_crate_for_all_lengths() {
    let mut dice = Dice::new(1);
    for len in lengths() {
        let input = dice.bytes(len);
        let key_len = dice.below(65);
        let key = dice.bytes(key_len);
        let out_len = 1 + dice.below(64);
        let mut out = vec![0; out_len];
        hash(&input, &[], &mut out);
        assert_eq!(out, reference(&input, &[], out_len), "{len} bytes");
        hash(&input, &key, &mut out);
        assert_eq!(out, reference(&input, &key, out_len), "{len} bytes, key of {key_len}");
    }
}

#[test]
fn blake2b_in_pieces_is_blake2b_at_once() {
    let mut dice = Dice::new(2);
    for len in lengths() {
        let input = dice.bytes(len);
        let expected = reference(&input, &[], 32);
        let mut state = Blake2b::new(32, &[]);
        let mut parts = Vec::new();
        let mut rest = &input[..];
        while !rest.is_empty() {
            let (part, after) = rest.split_at(dice.below(rest.len().min(300)) + 1);
            state.update(part);
            // A state is plain data: a copy goes on where the original was.
            state = state.clone();
            parts.push(part);
            rest = after;
        }
        let mut out = [0; 32];
        state.finish(&mut out);
        assert_eq!(out[..], expected, "{len} bytes");
        hash_parts(&parts, &mut out);
        assert_eq!(out[..], expected, "{len} bytes in {} parts", parts.len());
    }
}

fn plain_hmac(key: &[u8], input: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 128 { reference(key, &[], 64) } else { key.to_vec() };
    block.resize(128, 0);
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).chain(input.iter().copied()).collect();
    let inner = reference(&inner, &[], 64);
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).chain(inner).collect();
    reference(&outer, &[], 64)
}

#[test]
fn hmac_is_rfc_2104() {
    let mut dice = Dice::new(3);
    for len in lengths() {
        let key_len = dice.below(300);
        let (key, input) = (dice.bytes(key_len), dice.bytes(len));
        let cut = dice.below(len + 1);
        let mut out = [0; 64];
        hmac_blake2b(&key, &[&input[..cut], &input[cut..]], &mut out);
        assert_eq!(out[..], plain_hmac(&key, &input), "{len} bytes, key of {key_len}");
    }
}

#[test]
fn hkdf_is_rfc_5869_without_an_info() {
    let mut dice = Dice::new(4);
    for count in 1..=4 {
        let (salt, material) = (dice.bytes(64), dice.bytes(32 * count));
        let mut out = vec![0; 64 * count];
        hkdf_blake2b(&salt, &material, &mut out);
        let prk = plain_hmac(&salt, &material);
        let mut previous = Vec::new();
        for (i, output) in out.chunks(64).enumerate() {
            previous.push(i as u8 + 1);
            previous = plain_hmac(&prk, &previous);
            assert_eq!(output, previous, "output {i} of {count}");
        }
    }
}

#[test]
fn crc32_is_that_of_the_crate_and_goes_on() {
    let mut dice = Dice::new(5);
    assert_eq!(crc32(0, b"123456789"), 0xcbf43926);
    for len in lengths() {
        let input = dice.bytes(len);
        assert_eq!(crc32(0, &input), crc32fast::hash(&input), "{len} bytes");
        let cut = dice.below(len + 1);
        assert_eq!(crc32(crc32(0, &input[..cut]), &input[cut..]), crc32fast::hash(&input), "{len} at {cut}");
    }
}
