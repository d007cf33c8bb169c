//! The cryptographic core: pure functions over byte slices, no allocation, no I/O, no bindings.
//!
//! `unsafe` is allowed in [`simd`] alone, where vectors are loaded and stored.
#![no_std]
#![cfg_attr(target_arch = "wasm32", feature(asm_experimental_arch))]
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(test)]
extern crate std;

pub mod aead;
pub mod blake2b;
pub mod bytes;
pub mod chacha20;
pub mod crc32;
pub mod curve;
pub mod ed25519;
pub mod field;
pub mod halve;
pub mod hmac;
pub mod invert;
pub mod merkle;
pub mod multiply;
pub mod noise;
pub mod point;
pub mod poly1305;
pub mod salsa20;
pub mod secretbox;
pub mod secretstream;
pub mod simd;
pub mod stream;
pub mod x25519;
