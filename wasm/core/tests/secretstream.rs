//! The secretstream against its definition, put together from the crates.
mod common;

use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20poly1305::aead::generic_array::GenericArray;
use common::{lengths, Dice};
use poly1305::universal_hash::KeyInit;
use quince_core::secretstream::{SecretStream, FRAME_PREFIX_BYTES, OVERHEAD_BYTES};

/// libsodium's secretstream_xchacha20poly1305.c in plain steps.
struct Plain {
    key: [u8; 32],
    counter: u32,
    chain: [u8; 8],
}

impl Plain {
    fn new(key: &[u8; 32], header: &[u8; 24]) -> Self {
        let key = chacha20::hchacha::<chacha20::cipher::consts::U10>(
            GenericArray::from_slice(key),
            GenericArray::from_slice(&header[..16]),
        );
        Self { key: key.into(), counter: 1, chain: header[16..].try_into().unwrap() }
    }

    fn cipher(&self) -> chacha20::ChaCha20 {
        let nonce: Vec<u8> = self.counter.to_le_bytes().into_iter().chain(self.chain).collect();
        chacha20::ChaCha20::new(&self.key.into(), GenericArray::from_slice(&nonce))
    }

    fn push(&mut self, ad: &[u8], text: &[u8], tag: u8) -> Vec<u8> {
        let mut cipher = self.cipher();
        let mut mac_key = [0u8; 32];
        cipher.apply_keystream(&mut mac_key);
        let mut head = [0u8; 64];
        head[0] = tag;
        cipher.seek(64u64);
        cipher.apply_keystream(&mut head);
        let mut sealed = text.to_vec();
        cipher.apply_keystream(&mut sealed);
        let mut input = ad.to_vec();
        input.resize(ad.len().next_multiple_of(16), 0);
        input.extend_from_slice(&head);
        input.extend_from_slice(&sealed);
        input.resize(input.len() + text.len() % 16, 0);
        input.extend_from_slice(&(ad.len() as u64).to_le_bytes());
        input.extend_from_slice(&(64 + text.len() as u64).to_le_bytes());
        let mac = poly1305::Poly1305::new(&mac_key.into()).compute_unpadded(&input);
        for (byte, mac) in self.chain.iter_mut().zip(mac) {
            *byte ^= mac;
        }
        self.counter = self.counter.wrapping_add(1);
        if tag & 2 != 0 || self.counter == 0 {
            self.rekey();
        }
        [&head[..1], &sealed, &mac].concat()
    }

    fn rekey(&mut self) {
        let mut both = [&self.key[..], &self.chain].concat();
        self.cipher().apply_keystream(&mut both);
        self.key.copy_from_slice(&both[..32]);
        self.chain.copy_from_slice(&both[32..]);
        self.counter = 1;
    }
}

fn framed(text: &[u8]) -> Vec<u8> {
    [&[0], text, &[0; 16]].concat()
}

#[test]
fn push_and_pull_follow_the_definition_for_all_lengths_and_tags() {
    let mut dice = Dice::new(1);
    let (key, header) = (dice.array(), dice.array());
    let mut plain = Plain::new(&key, &header);
    let (mut push, mut pull) = (SecretStream::new(&key, &header), SecretStream::new(&key, &header));
    for (i, len) in lengths().enumerate() {
        let ad_len = dice.below(50);
        let (ad, text) = (dice.bytes(ad_len), dice.bytes(len));
        let tag = (i % 4) as u8;
        let mut frame = framed(&text);
        push.push(&ad, &mut frame, tag);
        assert_eq!(frame, plain.push(&ad, &text, tag), "{len} bytes, tag {tag}");
        // A frame that was changed moves nothing.
        let mut forged = frame.clone();
        let at = dice.below(forged.len());
        forged[at] ^= 1 << dice.below(8);
        assert_eq!(pull.pull(&ad, &mut forged), None);
        assert_eq!(pull.pull(&ad, &mut frame), Some(tag), "{len} bytes, back");
        assert_eq!(frame[1..1 + len], text[..], "{len} bytes, back");
        if i % 50 == 49 {
            push.rekey();
            pull.rekey();
            plain.rekey();
        }
    }
}

#[test]
fn pull_refuses_what_is_too_short() {
    let mut pull = SecretStream::new(&[1; 32], &[2; 24]);
    for len in 0..OVERHEAD_BYTES {
        assert_eq!(pull.pull(&[], &mut vec![0; len]), None, "{len} bytes");
    }
}

#[test]
fn runs_of_frames_are_their_messages_one_after_the_other() {
    let mut dice = Dice::new(2);
    let (key, header) = (dice.array(), dice.array());
    let mut one = SecretStream::new(&key, &header);
    let mut many = SecretStream::new(&key, &header);
    let mut pull = SecretStream::new(&key, &header);
    for round in 0..30 {
        let texts: Vec<Vec<u8>> = (0..dice.below(8)).map(|_| {
            let len = dice.below(700);
            dice.bytes(len)
        }).collect();
        let mut run = Vec::new();
        let mut expected = Vec::new();
        for text in &texts {
            let len = (text.len() + OVERHEAD_BYTES) as u32;
            run.extend_from_slice(&len.to_le_bytes()[..FRAME_PREFIX_BYTES]);
            run.extend(framed(text));
            let mut frame = framed(text);
            one.push(&[], &mut frame, 0);
            expected.extend_from_slice(&len.to_le_bytes()[..FRAME_PREFIX_BYTES]);
            expected.extend(frame);
        }
        assert_eq!(many.push_frames(&mut run, 0), texts.len());
        assert_eq!(run, expected, "round {round}");
        assert_eq!(pull.pull_frames(&mut run), texts.len());
        let mut at = 0;
        for text in &texts {
            assert_eq!(run[at + 3], 0);
            assert_eq!(run[at + 4..at + 4 + text.len()], text[..]);
            at += FRAME_PREFIX_BYTES + OVERHEAD_BYTES + text.len();
        }
    }
}

#[test]
fn a_run_with_a_false_length_or_a_forgery_ends_before_it() {
    let mut push = SecretStream::new(&[1; 32], &[2; 24]);
    let mut run = Vec::new();
    for len in [5u8, 6, 7] {
        run.extend_from_slice(&[len + OVERHEAD_BYTES as u8, 0, 0]);
        run.extend(framed(&vec![len; len as usize]));
    }
    push.push_frames(&mut run, 0);
    let second = 3 + OVERHEAD_BYTES + 5;
    for (at, value) in [(second, 16), (second, 255), (second + 3, run[second + 3] ^ 1)] {
        let mut damaged = run.clone();
        damaged[at] = value;
        assert_eq!(SecretStream::new(&[1; 32], &[2; 24]).pull_frames(&mut damaged), 1, "byte {at} = {value}");
    }
}
