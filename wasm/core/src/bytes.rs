//! Loads, stores, constant-time comparison and wiping.

use core::hint::black_box;

/// Reads a little-endian `u32` at `offset`.
#[inline(always)]
pub fn load32(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

/// Reads a little-endian `u64` at `offset`.
#[inline(always)]
pub fn load64(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap())
}

/// Writes a little-endian `u64` at `offset`.
#[inline(always)]
pub fn store64(bytes: &mut [u8], offset: usize, value: u64) {
    bytes[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
}

/// Compares content in time that depends on the length alone; `false` when lengths differ.
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut difference = 0u8;
    for (x, y) in a.iter().zip(b) {
        difference = black_box(difference | (x ^ y));
    }
    difference == 0
}

/// Tells in constant time whether every byte is zero.
pub fn is_zero(bytes: &[u8]) -> bool {
    let mut any = 0u8;
    for byte in bytes {
        any = black_box(any | byte);
    }
    any == 0
}

/// Overwrites `bytes` with zeros in a way the optimiser keeps.
pub fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    black_box(bytes);
}

/// 1 where `a` equals `b`, else 0; both are below 2^31. In constant time, unseen by the optimiser.
#[inline(always)]
pub fn one_where_equal(a: u32, b: u32) -> u32 {
    black_box((a ^ b).wrapping_sub(1) >> 31)
}
