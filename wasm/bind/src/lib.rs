//! The C-ABI surface of the core for WebAssembly: pointers and lengths in, numbers out; it only converts.
//!
//! # Safety
//!
//! The one caller is `wasm/mod.ts`. It passes pointers into the arena that [`arena`] returns, aligned to 16
//! where a state struct is meant, with ranges that stay inside the arena and do not overlap unless a function
//! works in place. Calls never nest, so the statics have one user at a time.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![allow(clippy::missing_safety_doc)]

use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;
use core::slice;

use quince_core::aead::Aead;
use quince_core::blake2b::{self, Blake2b};
use quince_core::bytes::{constant_time_equal, wipe};
use quince_core::chacha20::{self, hchacha20, ChaCha20};
use quince_core::salsa20::{self, XSalsa20};
use quince_core::secretbox::{self, SecretBox};
use quince_core::secretstream::{Message, SecretStream};
use quince_core::multiply::BaseTables;
use quince_core::{crc32 as crc, curve, ed25519, hmac, merkle, noise, x25519};

/// Bytes of the arena; `wasm/mod.ts` reads it through `arena_bytes`.
const ARENA_BYTES: usize = 1 << 20;

#[repr(C, align(64))]
struct Arena([u8; ARENA_BYTES]);

static mut ARENA: Arena = Arena([0; ARENA_BYTES]);
static mut SHA512: MaybeUninit<ed25519::Sha512State> = MaybeUninit::uninit();
static mut AEAD: MaybeUninit<Aead> = MaybeUninit::uninit();
static mut MESSAGE: MaybeUninit<Message> = MaybeUninit::uninit();
static mut BOX: MaybeUninit<SecretBox> = MaybeUninit::uninit();
static mut CHACHA: MaybeUninit<ChaCha20> = MaybeUninit::uninit();
static mut SALSA: MaybeUninit<XSalsa20> = MaybeUninit::uninit();

static mut TABLES: BaseTables = BaseTables::EMPTY;
static mut POINTS: curve::Points = curve::Points::EMPTY;
static mut KEYS: ed25519::VerifyingKeys = ed25519::VerifyingKeys::EMPTY;

fn tables() -> &'static BaseTables {
    // SAFETY: calls never nest, so nobody else uses the tables now.
    let tables = unsafe { &mut *addr_of_mut!(TABLES) };
    tables.prepare();
    tables
}

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

#[inline(always)]
unsafe fn input<'a>(at: *const u8, len: usize) -> &'a [u8] {
    slice::from_raw_parts(at, len)
}

#[inline(always)]
unsafe fn output<'a>(at: *mut u8, len: usize) -> &'a mut [u8] {
    slice::from_raw_parts_mut(at, len)
}

#[inline(always)]
unsafe fn fixed<'a, const N: usize>(at: *const u8) -> &'a [u8; N] {
    &*(at as *const [u8; N])
}

#[inline(always)]
unsafe fn fixed_mut<'a, const N: usize>(at: *mut u8) -> &'a mut [u8; N] {
    &mut *(at as *mut [u8; N])
}

/// Where the arena begins.
#[no_mangle]
pub extern "C" fn arena() -> *mut u8 {
    addr_of_mut!(ARENA) as *mut u8
}

/// How long the arena is.
#[no_mangle]
pub extern "C" fn arena_bytes() -> usize {
    ARENA_BYTES
}

// BLAKE2b

#[no_mangle]
pub unsafe extern "C" fn blake2b_hash(at: *const u8, len: usize, out: *mut u8, out_len: usize) {
    blake2b::hash(input(at, len), &[], output(out, out_len));
}

#[no_mangle]
pub unsafe extern "C" fn blake2b_state_bytes() -> usize {
    core::mem::size_of::<Blake2b>()
}

#[no_mangle]
pub unsafe extern "C" fn blake2b_init(state: *mut Blake2b, out_len: usize, key: *const u8, key_len: usize) {
    *state = Blake2b::new(out_len, input(key, key_len));
}

#[no_mangle]
pub unsafe extern "C" fn blake2b_update(state: *mut Blake2b, at: *const u8, len: usize) {
    (*state).update(input(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn blake2b_finish(state: *mut Blake2b, out: *mut u8, out_len: usize) {
    (*state).finish(output(out, out_len));
}

#[no_mangle]
pub unsafe extern "C" fn hmac_blake2b(
    key: *const u8,
    key_len: usize,
    at: *const u8,
    len: usize,
    out: *mut u8,
) {
    hmac::hmac_blake2b(input(key, key_len), &[input(at, len)], fixed_mut(out));
}

#[no_mangle]
pub unsafe extern "C" fn hkdf_blake2b(
    salt: *const u8,
    salt_len: usize,
    at: *const u8,
    len: usize,
    out: *mut u8,
    count: usize,
) {
    hmac::hkdf_blake2b(input(salt, salt_len), input(at, len), output(out, count * hmac::HASH_BYTES));
}

// SHA-512, for messages that do not fit the arena

#[no_mangle]
pub unsafe extern "C" fn sha512_init() {
    *addr_of_mut!(SHA512) = MaybeUninit::new(ed25519::Sha512State::new());
}

#[no_mangle]
pub unsafe extern "C" fn sha512_update(at: *const u8, len: usize) {
    (*addr_of_mut!(SHA512)).assume_init_mut().update(input(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn sha512_finish(out: *mut u8) {
    *fixed_mut(out) = (*addr_of_mut!(SHA512)).assume_init_read().finish();
}

// Ed25519

#[no_mangle]
pub unsafe extern "C" fn ed25519_public_key(seed: *const u8, out: *mut u8) {
    *fixed_mut(out) = ed25519::public_key(tables(), fixed(seed));
}

#[no_mangle]
pub unsafe extern "C" fn ed25519_clamped_scalar(seed: *const u8, out: *mut u8) {
    *fixed_mut(out) = ed25519::clamped_scalar(fixed(seed));
}

#[no_mangle]
pub unsafe extern "C" fn ed25519_sign(at: *const u8, len: usize, secret_key: *const u8, out: *mut u8) {
    *fixed_mut(out) = ed25519::sign(tables(), input(at, len), fixed(secret_key));
}

#[no_mangle]
pub unsafe extern "C" fn ed25519_verify(
    at: *const u8,
    len: usize,
    signature: *const u8,
    public_key: *const u8,
) -> bool {
    ed25519::verify(tables(), &mut *addr_of_mut!(KEYS), input(at, len), fixed(signature), fixed(public_key))
}

#[no_mangle]
pub unsafe extern "C" fn ed25519_verify_prehashed(
    hash: *const u8,
    signature: *const u8,
    public_key: *const u8,
) -> bool {
    ed25519::verify_prehashed(tables(), &mut *addr_of_mut!(KEYS), fixed(hash), fixed(signature), fixed(public_key))
}

// Group and scalar operations

#[no_mangle]
pub unsafe extern "C" fn curve_is_valid_point(point: *const u8) -> bool {
    curve::is_valid_point(fixed(point))
}

#[no_mangle]
pub unsafe extern "C" fn curve_scalar_mult(scalar: *const u8, point: *const u8, out: *mut u8) -> bool {
    curve::scalar_mult(&mut *addr_of_mut!(POINTS), fixed(scalar), fixed(point), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn noise_mix_dh(
    scalar: *const u8,
    point: *const u8,
    chaining_key: *const u8,
    out: *mut u8,
) -> bool {
    let points = &mut *addr_of_mut!(POINTS);
    noise::mix_dh(points, fixed(scalar), fixed(point), fixed(chaining_key), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn noise_mix_dh_of_key(
    secret_key: *const u8,
    point: *const u8,
    chaining_key: *const u8,
    out: *mut u8,
) -> bool {
    let mut scalar = ed25519::clamped_scalar(fixed(secret_key));
    let is_ok = noise_mix_dh(scalar.as_ptr(), point, chaining_key, out);
    wipe(&mut scalar);
    is_ok
}

#[no_mangle]
pub unsafe extern "C" fn curve_scalar_mult_base(scalar: *const u8, out: *mut u8) -> bool {
    curve::scalar_mult_base(tables(), fixed(scalar), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn curve_add(p: *const u8, q: *const u8, out: *mut u8) -> bool {
    curve::add(fixed(p), fixed(q), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn curve_sub(p: *const u8, q: *const u8, out: *mut u8) -> bool {
    curve::sub(fixed(p), fixed(q), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn curve_public_key_to_x25519(public_key: *const u8, out: *mut u8) -> bool {
    curve::public_key_to_x25519(fixed(public_key), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn scalar_add(x: *const u8, y: *const u8, out: *mut u8) {
    *fixed_mut(out) = curve::scalar_add(fixed(x), fixed(y));
}

#[no_mangle]
pub unsafe extern "C" fn scalar_sub(x: *const u8, y: *const u8, out: *mut u8) {
    *fixed_mut(out) = curve::scalar_sub(fixed(x), fixed(y));
}

#[no_mangle]
pub unsafe extern "C" fn scalar_mul(x: *const u8, y: *const u8, out: *mut u8) {
    *fixed_mut(out) = curve::scalar_mul(fixed(x), fixed(y));
}

#[no_mangle]
pub unsafe extern "C" fn scalar_negate(x: *const u8, out: *mut u8) {
    *fixed_mut(out) = curve::scalar_negate(fixed(x));
}

#[no_mangle]
pub unsafe extern "C" fn scalar_complement(x: *const u8, out: *mut u8) {
    *fixed_mut(out) = curve::scalar_complement(fixed(x));
}

#[no_mangle]
pub unsafe extern "C" fn scalar_invert(x: *const u8, out: *mut u8) -> bool {
    match curve::scalar_invert(fixed(x)) {
        Some(inverse) => {
            *fixed_mut(out) = inverse;
            true
        }
        None => false,
    }
}

#[no_mangle]
pub unsafe extern "C" fn scalar_reduce(wide: *const u8, out: *mut u8) {
    *fixed_mut(out) = curve::scalar_reduce(fixed(wide));
}

#[no_mangle]
pub unsafe extern "C" fn scalar_is_canonical(x: *const u8) -> bool {
    curve::scalar_is_canonical(fixed(x))
}

#[no_mangle]
pub unsafe extern "C" fn x25519_scalar_mult(scalar: *const u8, point: *const u8, out: *mut u8) -> bool {
    x25519::scalar_mult(fixed(scalar), fixed(point), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn x25519_scalar_mult_base(scalar: *const u8, out: *mut u8) {
    x25519::scalar_mult_base(tables(), fixed(scalar), fixed_mut(out));
}

// Streams

#[no_mangle]
pub unsafe extern "C" fn xchacha20_init(key: *const u8, nonce: *const u8, counter_low: u32, counter_high: u32) {
    let counter = counter_low as u64 | (counter_high as u64) << 32;
    *addr_of_mut!(CHACHA) = MaybeUninit::new(chacha20::extended(fixed(key), fixed(nonce), counter));
}

#[no_mangle]
pub unsafe extern "C" fn xchacha20_xor(at: *mut u8, len: usize) {
    (*addr_of_mut!(CHACHA)).assume_init_mut().xor(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn xsalsa20_init(key: *const u8, nonce: *const u8, counter_low: u32, counter_high: u32) {
    let counter = counter_low as u64 | (counter_high as u64) << 32;
    *addr_of_mut!(SALSA) = MaybeUninit::new(salsa20::extended(fixed(key), fixed(nonce), counter));
}

#[no_mangle]
pub unsafe extern "C" fn xsalsa20_xor(at: *mut u8, len: usize) {
    (*addr_of_mut!(SALSA)).assume_init_mut().xor(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn hchacha20_derive(key: *const u8, nonce: *const u8, out: *mut u8) {
    hchacha20(fixed(key), fixed(nonce), fixed_mut(out));
}

// AEAD: nonce_len is 12 or 24

unsafe fn aead_new(key: *const u8, nonce: *const u8, nonce_len: usize) -> Aead {
    if nonce_len == 12 {
        Aead::ietf(fixed(key), fixed(nonce))
    } else {
        Aead::extended(fixed(key), fixed(nonce))
    }
}

#[no_mangle]
pub unsafe extern "C" fn aead_seal(
    key: *const u8,
    nonce: *const u8,
    nonce_len: usize,
    ad: *const u8,
    ad_len: usize,
    at: *mut u8,
    len: usize,
) {
    let tag = aead_new(key, nonce, nonce_len).seal(input(ad, ad_len), output(at, len));
    *fixed_mut(at.add(len)) = tag;
}

#[no_mangle]
pub unsafe extern "C" fn aead_open(
    key: *const u8,
    nonce: *const u8,
    nonce_len: usize,
    ad: *const u8,
    ad_len: usize,
    at: *mut u8,
    len: usize,
) -> bool {
    let tag = *fixed::<16>(at.add(len));
    aead_new(key, nonce, nonce_len).open(input(ad, ad_len), output(at, len), &tag)
}

#[no_mangle]
pub unsafe extern "C" fn aead_begin(key: *const u8, nonce: *const u8, nonce_len: usize) {
    *addr_of_mut!(AEAD) = MaybeUninit::new(aead_new(key, nonce, nonce_len));
}

#[no_mangle]
pub unsafe extern "C" fn aead_absorb_ad(at: *const u8, len: usize) {
    (*addr_of_mut!(AEAD)).assume_init_mut().absorb_ad(input(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn aead_end_ad() {
    (*addr_of_mut!(AEAD)).assume_init_mut().end_ad();
}

#[no_mangle]
pub unsafe extern "C" fn aead_encrypt(at: *mut u8, len: usize) {
    (*addr_of_mut!(AEAD)).assume_init_mut().encrypt(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn aead_decrypt(at: *mut u8, len: usize) {
    (*addr_of_mut!(AEAD)).assume_init_mut().decrypt(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn aead_finish(out: *mut u8) {
    *fixed_mut(out) = (*addr_of_mut!(AEAD)).assume_init_read().finish();
}

#[no_mangle]
pub unsafe extern "C" fn aead_verify(tag: *const u8) -> bool {
    constant_time_equal(&(*addr_of_mut!(AEAD)).assume_init_read().finish(), input(tag, 16))
}

// secretstream: the state is 44 bytes

#[no_mangle]
pub unsafe extern "C" fn secretstream_init(state: *mut SecretStream, key: *const u8, header: *const u8) {
    *state = SecretStream::new(fixed(key), fixed(header));
}

#[no_mangle]
pub unsafe extern "C" fn secretstream_rekey(state: *mut SecretStream) {
    (*state).rekey();
}

#[no_mangle]
pub unsafe extern "C" fn secretstream_push(
    state: *mut SecretStream,
    ad: *const u8,
    ad_len: usize,
    frame: *mut u8,
    frame_len: usize,
    tag: u32,
) {
    (*state).push(input(ad, ad_len), output(frame, frame_len), tag as u8);
}

/// The tag, or -1.
#[no_mangle]
pub unsafe extern "C" fn secretstream_pull(
    state: *mut SecretStream,
    ad: *const u8,
    ad_len: usize,
    frame: *mut u8,
    frame_len: usize,
) -> i32 {
    match (*state).pull(input(ad, ad_len), output(frame, frame_len)) {
        Some(tag) => tag as i32,
        None => -1,
    }
}

#[no_mangle]
pub unsafe extern "C" fn secretstream_push_frames(
    state: *mut SecretStream,
    run: *mut u8,
    run_len: usize,
    tag: u32,
) -> usize {
    (*state).push_frames(output(run, run_len), tag as u8)
}

#[no_mangle]
pub unsafe extern "C" fn secretstream_pull_frames(
    state: *mut SecretStream,
    run: *mut u8,
    run_len: usize,
) -> usize {
    (*state).pull_frames(output(run, run_len))
}

#[no_mangle]
pub unsafe extern "C" fn message_begin(state: *mut SecretStream) {
    *addr_of_mut!(MESSAGE) = MaybeUninit::new((*state).begin());
}

#[no_mangle]
pub unsafe extern "C" fn message_absorb_ad(at: *const u8, len: usize) {
    (*addr_of_mut!(MESSAGE)).assume_init_mut().absorb_ad(input(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn message_seal_tag(tag: u32) -> u32 {
    (*addr_of_mut!(MESSAGE)).assume_init_mut().seal_tag(tag as u8) as u32
}

#[no_mangle]
pub unsafe extern "C" fn message_open_tag(tag: u32) -> u32 {
    (*addr_of_mut!(MESSAGE)).assume_init_mut().open_tag(tag as u8) as u32
}

#[no_mangle]
pub unsafe extern "C" fn message_encrypt(at: *mut u8, len: usize) {
    (*addr_of_mut!(MESSAGE)).assume_init_mut().encrypt(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn message_decrypt(at: *mut u8, len: usize) {
    (*addr_of_mut!(MESSAGE)).assume_init_mut().decrypt(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn message_finish_push(state: *mut SecretStream, tag: u32, mac: *mut u8) {
    let sum = (*addr_of_mut!(MESSAGE)).assume_init_read().finish();
    (*state).advance(&sum, tag as u8);
    *fixed_mut(mac) = sum;
}

#[no_mangle]
pub unsafe extern "C" fn message_finish_pull(state: *mut SecretStream, tag: u32, mac: *const u8) -> bool {
    let sum = (*addr_of_mut!(MESSAGE)).assume_init_read().finish();
    if !constant_time_equal(&sum, input(mac, 16)) {
        return false;
    }
    (*state).advance(&sum, tag as u8);
    true
}

// secretbox and box

#[no_mangle]
pub unsafe extern "C" fn secretbox_begin(key: *const u8, nonce: *const u8) {
    *addr_of_mut!(BOX) = MaybeUninit::new(SecretBox::new(fixed(key), fixed(nonce)));
}

#[no_mangle]
pub unsafe extern "C" fn secretbox_encrypt(at: *mut u8, len: usize) {
    (*addr_of_mut!(BOX)).assume_init_mut().encrypt(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn secretbox_decrypt(at: *mut u8, len: usize) {
    (*addr_of_mut!(BOX)).assume_init_mut().decrypt(output(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn secretbox_finish(out: *mut u8) {
    *fixed_mut(out) = (*addr_of_mut!(BOX)).assume_init_read().finish();
}

#[no_mangle]
pub unsafe extern "C" fn secretbox_verify(tag: *const u8) -> bool {
    constant_time_equal(&(*addr_of_mut!(BOX)).assume_init_read().finish(), input(tag, 16))
}

#[no_mangle]
pub unsafe extern "C" fn box_shared_key(public_key: *const u8, secret_key: *const u8, out: *mut u8) -> bool {
    secretbox::box_shared_key(fixed(public_key), fixed(secret_key), fixed_mut(out))
}

#[no_mangle]
pub unsafe extern "C" fn sealed_box_nonce(ephemeral: *const u8, public_key: *const u8, out: *mut u8) {
    secretbox::sealed_box_nonce(fixed(ephemeral), fixed(public_key), fixed_mut(out));
}

// CRC-32

#[no_mangle]
pub unsafe extern "C" fn crc32(seed: u32, at: *const u8, len: usize) -> u32 {
    crc::crc32(seed, input(at, len))
}

// Merkle tree. Numbers up to 2^53 come as f64, which holds them exactly and needs no BigInt.

#[no_mangle]
pub unsafe extern "C" fn merkle_leaf(at: *const u8, len: usize, out: *mut u8) {
    *fixed_mut(out) = merkle::hash_leaf(input(at, len));
}

#[no_mangle]
pub unsafe extern "C" fn merkle_leaves(lens: *const u32, count: usize, at: *const u8, out: *mut u8) {
    let mut at = at;
    for (i, &len) in slice::from_raw_parts(lens, count).iter().enumerate() {
        *fixed_mut(out.add(32 * i)) = merkle::hash_leaf(input(at, len as usize));
        at = at.add(len as usize);
    }
}

#[no_mangle]
pub unsafe extern "C" fn merkle_parent(size: f64, left: *const u8, right: *const u8, out: *mut u8) {
    *fixed_mut(out) = merkle::hash_parent(size as u64, fixed(left), fixed(right));
}

#[no_mangle]
pub unsafe extern "C" fn merkle_roots(nodes: *const u8, count: usize, out: *mut u8) {
    *fixed_mut(out) = merkle::hash_roots(input(nodes, count * merkle::NODE_BYTES));
}

/// Appends the blocks that lie back to back at `at`; the roots are replaced in place. Returns the number of
/// nodes written, or -1 when `roots_count` does not belong to `length`.
#[no_mangle]
pub unsafe extern "C" fn merkle_append(
    length: f64,
    roots: *mut u8,
    roots_count: usize,
    lens: *const u32,
    count: usize,
    at: *const u8,
    out: *mut u8,
    out_len: usize,
) -> i32 {
    let bytes = output(roots, merkle::ROOTS_MAX * merkle::NODE_BYTES);
    let Some(mut tree) = merkle::Roots::read(length as u64, &bytes[..roots_count * merkle::NODE_BYTES]) else {
        return -1;
    };
    let out = output(out, out_len);
    let mut at = at;
    let mut written = 0;
    for &len in slice::from_raw_parts(lens, count) {
        let hash = merkle::hash_leaf(input(at, len as usize));
        written += tree.push(len as u64, hash, &mut out[written * merkle::NODE_BYTES..]);
        at = at.add(len as usize);
    }
    tree.write(bytes);
    written as i32
}

/// Appends one block by its size and hash.
#[no_mangle]
pub unsafe extern "C" fn merkle_append_leaf(
    length: f64,
    roots: *mut u8,
    roots_count: usize,
    size: f64,
    hash: *const u8,
    out: *mut u8,
    out_len: usize,
) -> i32 {
    let bytes = output(roots, merkle::ROOTS_MAX * merkle::NODE_BYTES);
    let Some(mut tree) = merkle::Roots::read(length as u64, &bytes[..roots_count * merkle::NODE_BYTES]) else {
        return -1;
    };
    let written = tree.push(size as u64, *fixed(hash), output(out, out_len));
    tree.write(bytes);
    written as i32
}

#[no_mangle]
pub unsafe extern "C" fn merkle_climb(node: *const u8, siblings: *const u8, count: usize, out: *mut u8) -> usize {
    let len = count * merkle::NODE_BYTES;
    merkle::climb(input(node, merkle::NODE_BYTES), input(siblings, len), output(out, len))
}
