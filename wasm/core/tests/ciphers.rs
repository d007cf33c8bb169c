//! The stream ciphers, Poly1305 and what is made of them, against the RustCrypto crates.
mod common;

use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20poly1305::aead::{AeadInPlace, KeyInit as AeadKeyInit};
use common::{lengths, Dice};
use quince_core::aead::Aead;
use quince_core::poly1305::Poly1305;
use quince_core::secretbox::{box_shared_key, sealed_box_nonce, SecretBox};
use quince_core::{chacha20 as own_chacha20, salsa20 as own_salsa20, x25519};

#[test]
fn chacha20_is_that_of_the_crate_from_any_block_on() {
    let mut dice = Dice::new(1);
    for len in lengths() {
        let (key, nonce, data) = (dice.array(), dice.array(), dice.bytes(len));
        let block = dice.below(1 << 20) as u32;
        let mut expected = data.clone();
        let mut cipher = chacha20::ChaCha20::new(&key.into(), &nonce.into());
        cipher.seek(64 * block as u64);
        cipher.apply_keystream(&mut expected);
        let mut own = data.clone();
        own_chacha20::ietf(&key, &nonce, block).xor(&mut own);
        assert_eq!(own, expected, "{len} bytes from block {block}");
    }
}

#[test]
fn xchacha20_and_xsalsa20_are_those_of_the_crates() {
    let mut dice = Dice::new(2);
    for len in lengths() {
        let (key, nonce, data) = (dice.array(), dice.array(), dice.bytes(len));
        let mut expected = data.clone();
        chacha20::XChaCha20::new(&key.into(), &nonce.into()).apply_keystream(&mut expected);
        let mut own = data.clone();
        own_chacha20::extended(&key, &nonce, 0).xor(&mut own);
        assert_eq!(own, expected, "XChaCha20, {len} bytes");
        let mut expected = data.clone();
        salsa20::XSalsa20::new(&key.into(), &nonce.into()).apply_keystream(&mut expected);
        let mut own = data;
        own_salsa20::extended(&key, &nonce, 0).xor(&mut own);
        assert_eq!(own, expected, "XSalsa20, {len} bytes");
    }
}

#[test]
fn a_stream_goes_on_in_blocks_however_it_is_cut_and_looked_ahead() {
    let mut dice = Dice::new(3);
    for _ in 0..200 {
        let (key, nonce) = (dice.array(), dice.array());
        let data = dice.bytes(64 * 60);
        let mut expected = data.clone();
        own_chacha20::extended(&key, &nonce, 5).xor(&mut expected);
        let mut stream = own_chacha20::extended(&key, &nonce, 5);
        let mut own = data.clone();
        if dice.below(2) == 0 {
            stream.look_ahead();
        }
        let mut at = 0;
        while at < own.len() {
            if dice.below(2) == 0 {
                let block = stream.next_block();
                for (byte, key) in own[at..at + 64].iter_mut().zip(block) {
                    *byte ^= key;
                }
                at += 64;
            } else {
                let end = own.len().min(at + 64 * (1 + dice.below(20)));
                stream.xor(&mut own[at..end]);
                at = end;
            }
            stream = stream.clone();
        }
        assert!(own == expected);
    }
}

#[test]
fn counters_carry_into_their_high_word() {
    let mut dice = Dice::new(4);
    let (key, nonce) = (dice.array(), dice.array());
    let start = u32::MAX as u64 - 10;
    let data = dice.bytes(64 * 40);
    let mut whole = data.clone();
    own_chacha20::extended(&key, &nonce, start).xor(&mut whole);
    let mut salsa = data.clone();
    own_salsa20::extended(&key, &nonce, start).xor(&mut salsa);
    for i in 0..40 {
        let mut block = data[64 * i..64 * i + 64].to_vec();
        own_chacha20::extended(&key, &nonce, start + i as u64).xor(&mut block);
        assert_eq!(block, whole[64 * i..64 * i + 64], "XChaCha20, block {i}");
        let mut block = data[64 * i..64 * i + 64].to_vec();
        own_salsa20::extended(&key, &nonce, start + i as u64).xor(&mut block);
        assert_eq!(block, salsa[64 * i..64 * i + 64], "XSalsa20, block {i}");
    }
}

#[test]
fn poly1305_is_that_of_the_crate_at_once_in_pieces_and_at_its_edges() {
    let mut dice = Dice::new(5);
    for len in lengths() {
        for kind in 0..3 {
            let mut key: [u8; 32] = dice.array();
            let mut data = dice.bytes(len);
            if kind == 1 {
                // Limbs as large as they get.
                key = [0xff; 32];
                data.fill(0xff);
            } else if kind == 2 {
                key[..16].fill(0);
                key[0] = 2;
                data.fill(0xff);
            }
            let expected = poly1305::Poly1305::new(&key.into()).compute_unpadded(&data);
            let mut mac = Poly1305::new(&key);
            let mut rest = &data[..];
            while !rest.is_empty() {
                let (part, after) = rest.split_at(dice.below(rest.len().min(100)) + 1);
                mac.update(part);
                rest = after;
            }
            assert_eq!(mac.finish()[..], expected[..], "{len} bytes, kind {kind}");
        }
    }
}

#[test]
fn aead_is_that_of_the_crate_at_once_and_in_chunks() {
    let mut dice = Dice::new(6);
    for len in lengths() {
        let (key, nonce): ([u8; 32], [u8; 12]) = (dice.array(), dice.array());
        let long_nonce: [u8; 24] = dice.array();
        let ad_len = dice.below(70);
        let (ad, text) = (dice.bytes(ad_len), dice.bytes(len));

        let mut expected = text.clone();
        let tag = chacha20poly1305::ChaCha20Poly1305::new(&key.into())
            .encrypt_in_place_detached(&nonce.into(), &ad, &mut expected)
            .unwrap();
        let mut own = text.clone();
        assert_eq!(Aead::ietf(&key, &nonce).seal(&ad, &mut own)[..], tag[..], "{len} bytes");
        assert_eq!(own, expected, "{len} bytes");

        let mut chunked = text.clone();
        let mut aead = Aead::ietf(&key, &nonce);
        aead.absorb_ad(&ad[..ad_len / 2]);
        aead.absorb_ad(&ad[ad_len / 2..]);
        aead.end_ad();
        let mut at = 0;
        while at < len {
            let end = len.min(at + 64 * (1 + dice.below(12)));
            aead.encrypt(&mut chunked[at..end]);
            at = end;
        }
        assert_eq!(aead.finish()[..], tag[..], "{len} bytes in chunks");
        assert_eq!(chunked, expected, "{len} bytes in chunks");

        let mut opened = expected.clone();
        assert!(Aead::ietf(&key, &nonce).open(&ad, &mut opened, &tag));
        assert_eq!(opened, text, "{len} bytes, back");
        let mut forged = tag;
        forged[dice.below(16)] ^= 1 << dice.below(8);
        assert!(!Aead::ietf(&key, &nonce).open(&ad, &mut expected.clone(), &forged));

        let mut expected = text.clone();
        let tag = chacha20poly1305::XChaCha20Poly1305::new(&key.into())
            .encrypt_in_place_detached(&long_nonce.into(), &ad, &mut expected)
            .unwrap();
        let mut own = text.clone();
        assert_eq!(Aead::extended(&key, &long_nonce).seal(&ad, &mut own)[..], tag[..]);
        assert_eq!(own, expected, "XChaCha20-Poly1305, {len} bytes");
    }
}

#[test]
fn secretbox_is_that_of_the_crate_at_once_and_in_chunks() {
    let mut dice = Dice::new(7);
    for len in lengths() {
        let (key, nonce, text) = (dice.array(), dice.array(), dice.bytes(len));
        let mut expected = text.clone();
        let tag = crypto_secretbox::XSalsa20Poly1305::new(&key.into())
            .encrypt_in_place_detached(&nonce.into(), &[], &mut expected)
            .unwrap();
        let mut own = text.clone();
        let mut sealing = SecretBox::new(&key, &nonce);
        let first = len.min(32 + 64 * dice.below(4));
        sealing.encrypt(&mut own[..first]);
        if first < len {
            sealing.encrypt(&mut own[first..]);
        }
        assert_eq!(sealing.finish()[..], tag[..], "{len} bytes");
        assert_eq!(own, expected, "{len} bytes");
        let mut opening = SecretBox::new(&key, &nonce);
        opening.decrypt(&mut own);
        assert_eq!(opening.finish()[..], tag[..], "{len} bytes, back");
        assert_eq!(own, text, "{len} bytes, back");
    }
}

#[test]
fn both_sides_of_a_box_share_a_key() {
    let mut dice = Dice::new(8);
    let mut tables = quince_core::multiply::BaseTables::EMPTY;
    tables.prepare();
    for _ in 0..20 {
        let (a, b): ([u8; 32], [u8; 32]) = (dice.array(), dice.array());
        let (mut a_public, mut b_public) = ([0; 32], [0; 32]);
        x25519::scalar_mult_base(&tables, &a, &mut a_public);
        x25519::scalar_mult_base(&tables, &b, &mut b_public);
        let (mut ab, mut ba) = ([0; 32], [0; 32]);
        assert!(box_shared_key(&b_public, &a, &mut ab) && box_shared_key(&a_public, &b, &mut ba));
        assert_eq!(ab, ba);
        assert!(!box_shared_key(&[0; 32], &a, &mut ab));
        let mut nonce = [0; 24];
        sealed_box_nonce(&a_public, &b_public, &mut nonce);
        let both = [a_public, b_public].concat();
        assert_eq!(nonce[..], *blake2b_simd::Params::new().hash_length(24).hash(&both).as_bytes());
    }
}
