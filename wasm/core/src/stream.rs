//! The stream that ChaCha20 and Salsa20 share: a 16-word state with a 64-bit block counter, twenty rounds, and
//! Poly1305 computed in the same loop.
//!
//! The kernel works on eight blocks at once: two sets of sixteen vectors with one block per lane. A round is a
//! chain of dependent vector operations; two sets hide its latency, and the integer units, idle otherwise, do
//! Poly1305 in between. That is about twice as fast as one after the other.

use crate::poly1305::{Accumulator, Multiplier, Poly1305};
use crate::simd::{fence, ByteOrder, U32x4};

/// Bytes of one keystream block.
pub const BLOCK_BYTES: usize = 64;

/// Blocks that one set of vectors holds.
const LANES: usize = 4;
const LANES_BYTES: usize = LANES * BLOCK_BYTES;
/// Bytes the kernel works on at once.
const GROUP_BYTES: usize = 2 * LANES_BYTES;
/// Bytes of a group that are authenticated during one double round; the last two carry none.
const MAC_STEP_BYTES: usize = GROUP_BYTES / 8;

type Vectors = [U32x4; 16];
/// Positions of the four words of a quarter round.
pub type Quarter = [usize; 4];

/// What tells the two ciphers apart.
pub trait Rounds {
    /// Position of the low counter word; the high one follows.
    const COUNTER: usize;
    /// First four quarter rounds of a double round.
    const FIRST: [Quarter; 4];
    /// Last four quarter rounds of a double round.
    const SECOND: [Quarter; 4];

    /// A quarter round on one block.
    fn quarter(x: &mut [u32; 16], positions: Quarter);

    /// A quarter round on four blocks.
    fn lanes_quarter(x: &mut Vectors, positions: Quarter, order: ByteOrder);

    /// Twenty rounds on one block.
    #[inline(always)]
    fn rounds(x: &mut [u32; 16]) {
        for _ in 0..10 {
            Self::quarter(x, Self::FIRST[0]);
            Self::quarter(x, Self::FIRST[1]);
            Self::quarter(x, Self::FIRST[2]);
            Self::quarter(x, Self::FIRST[3]);
            Self::quarter(x, Self::SECOND[0]);
            Self::quarter(x, Self::SECOND[1]);
            Self::quarter(x, Self::SECOND[2]);
            Self::quarter(x, Self::SECOND[3]);
        }
    }
}

/// A keyed stream at some block.
pub struct Stream<R: Rounds> {
    state: [u32; 16],
    /// Keystream made ahead of its use; empty when `ahead_at` is its length.
    ahead: [u8; LANES_BYTES],
    ahead_at: usize,
    rounds: core::marker::PhantomData<R>,
}

impl<R: Rounds> Stream<R> {
    /// Starts at the block that the state's counter says.
    pub fn new(state: [u32; 16]) -> Self {
        Self { state, ahead: [0; LANES_BYTES], ahead_at: LANES_BYTES, rounds: core::marker::PhantomData }
    }

    /// Makes the next four blocks in one go, for whoever needs some of them separately.
    pub fn look_ahead(&mut self) {
        if self.lanes_len(LANES_BYTES, LANES_BYTES) == 0 {
            return;
        }
        self.ahead = [0; LANES_BYTES];
        Lanes::<R>::new(&self.state).xor_four(&mut self.ahead);
        self.ahead_at = 0;
        self.advance(LANES as u64);
    }

    /// The next keystream block.
    pub fn next_block(&mut self) -> [u8; BLOCK_BYTES] {
        if self.ahead_at < LANES_BYTES {
            let block = self.ahead[self.ahead_at..self.ahead_at + BLOCK_BYTES].try_into().unwrap();
            self.ahead_at += BLOCK_BYTES;
            return block;
        }
        let mut words = self.state;
        R::rounds(&mut words);
        let mut block = [0u8; BLOCK_BYTES];
        for i in 0..16 {
            block[4 * i..4 * i + 4].copy_from_slice(&words[i].wrapping_add(self.state[i]).to_le_bytes());
        }
        self.advance(1);
        block
    }

    /// XORs the keystream into `data` and moves on by whole blocks.
    pub fn xor(&mut self, data: &mut [u8]) {
        let ahead_len = self.xor_ahead(data);
        let data = &mut data[ahead_len..];
        let groups_len = self.lanes_len(data.len(), GROUP_BYTES);
        let (groups, rest) = data.split_at_mut(groups_len);
        let mut lanes = Lanes::<R>::new(&self.state);
        for group in groups.chunks_exact_mut(GROUP_BYTES) {
            lanes.xor(group.try_into().unwrap());
        }
        self.advance((groups_len / BLOCK_BYTES) as u64);
        self.xor_rest(rest);
    }

    /// Encrypts `data` and authenticates the ciphertext.
    pub fn seal(&mut self, data: &mut [u8], mac: &mut Poly1305) {
        let ahead_len = self.xor_ahead(data);
        mac.update(&data[..ahead_len]);
        let data = &mut data[ahead_len..];
        let mut sealed_len = 0;
        let mut absorbed_len = 0;
        if let Some((multiplier, accumulator)) = mac.parts() {
            sealed_len = self.lanes_len(data.len(), GROUP_BYTES);
            let mut lanes = Lanes::<R>::new(&self.state);
            let mut h = *accumulator;
            let mut groups = data[..sealed_len].chunks_exact_mut(GROUP_BYTES);
            if let Some(first) = groups.next() {
                let mut behind: &mut [u8; GROUP_BYTES] = first.try_into().unwrap();
                lanes.xor(behind);
                for group in groups {
                    let group: &mut [u8; GROUP_BYTES] = group.try_into().unwrap();
                    h = lanes.xor_and_absorb(&mut *group, Some(&*behind), &multiplier, h);
                    behind = group;
                }
                absorbed_len = sealed_len - GROUP_BYTES;
            }
            *accumulator = h;
        }
        self.advance((sealed_len / BLOCK_BYTES) as u64);
        self.xor_rest(&mut data[sealed_len..]);
        mac.update(&data[absorbed_len..]);
    }

    /// Authenticates `data` and decrypts it.
    pub fn open(&mut self, data: &mut [u8], mac: &mut Poly1305) {
        let ahead_len = data.len().min(LANES_BYTES - self.ahead_at);
        mac.update(&data[..ahead_len]);
        self.xor_ahead(data);
        let data = &mut data[ahead_len..];
        let mut opened_len = 0;
        if let Some((multiplier, accumulator)) = mac.parts() {
            opened_len = self.lanes_len(data.len(), GROUP_BYTES);
            let mut lanes = Lanes::<R>::new(&self.state);
            let mut h = *accumulator;
            for group in data[..opened_len].chunks_exact_mut(GROUP_BYTES) {
                h = lanes.xor_and_absorb(group.try_into().unwrap(), None, &multiplier, h);
            }
            *accumulator = h;
        }
        self.advance((opened_len / BLOCK_BYTES) as u64);
        mac.update(&data[opened_len..]);
        self.xor_rest(&mut data[opened_len..]);
    }

    /// Uses up keystream made ahead; returns how many bytes it served.
    fn xor_ahead(&mut self, data: &mut [u8]) -> usize {
        let len = data.len().min(LANES_BYTES - self.ahead_at);
        xor_bytes(&mut data[..len], &self.ahead[self.ahead_at..]);
        self.ahead_at += len.next_multiple_of(BLOCK_BYTES);
        len
    }

    /// XORs less than a group, after the keystream made ahead is used up.
    fn xor_rest(&mut self, data: &mut [u8]) {
        let mut rest = data;
        while rest.len() > BLOCK_BYTES {
            self.look_ahead();
            let len = self.xor_ahead(rest);
            if len == 0 {
                let block = self.next_block();
                xor_bytes(&mut rest[..BLOCK_BYTES], &block);
                rest = &mut rest[BLOCK_BYTES..];
            } else {
                rest = &mut rest[len..];
            }
        }
        if !rest.is_empty() {
            let block = self.next_block();
            xor_bytes(rest, &block);
        }
    }

    /// How much of `len` bytes the kernel takes: whole units, none where the low counter word would wrap
    /// around, for the lanes do not carry.
    fn lanes_len(&self, len: usize, unit: usize) -> usize {
        let whole = len - len % unit;
        let blocks_left = u32::MAX - self.state[R::COUNTER];
        if whole / BLOCK_BYTES > blocks_left as usize {
            return 0;
        }
        whole
    }

    fn advance(&mut self, blocks: u64) {
        let (low, high) = (R::COUNTER, R::COUNTER + 1);
        let counter = (self.state[low] as u64 | (self.state[high] as u64) << 32).wrapping_add(blocks);
        self.state[low] = counter as u32;
        self.state[high] = (counter >> 32) as u32;
    }
}

impl<R: Rounds> Clone for Stream<R> {
    fn clone(&self) -> Self {
        Self { state: self.state, ahead: self.ahead, ahead_at: self.ahead_at, rounds: self.rounds }
    }
}

fn xor_bytes(data: &mut [u8], keystream: &[u8]) {
    for (byte, key) in data.iter_mut().zip(keystream) {
        *byte ^= key;
    }
}

/// The states of consecutive blocks, transposed: lane `i` of each vector belongs to block `i`.
struct Lanes<R: Rounds> {
    start: Vectors,
    order: ByteOrder,
    rounds: core::marker::PhantomData<R>,
}

impl<R: Rounds> Lanes<R> {
    #[inline(always)]
    fn new(state: &[u32; 16]) -> Self {
        let mut start = state.map(U32x4::splat);
        start[R::COUNTER] = start[R::COUNTER].add(U32x4::new(0, 1, 2, 3));
        Self { start, order: ByteOrder::new(), rounds: core::marker::PhantomData }
    }

    /// The states that lie `blocks` further on.
    #[inline(always)]
    fn start_after(&self, blocks: usize) -> Vectors {
        let mut start = self.start;
        start[R::COUNTER] = start[R::COUNTER].add(U32x4::splat(blocks as u32));
        start
    }

    /// XORs four blocks.
    #[inline(always)]
    fn xor_four(&self, data: &mut [u8; LANES_BYTES]) {
        let mut x = self.start;
        for _ in 0..10 {
            self.round(&mut x, R::FIRST);
            self.round(&mut x, R::SECOND);
        }
        finish(&x, &self.start, data);
    }

    /// XORs a group and moves on.
    #[inline(always)]
    fn xor(&mut self, data: &mut [u8; GROUP_BYTES]) {
        let (mut x, mut y) = (self.start, self.start_after(LANES));
        for _ in 0..10 {
            self.double_round(&mut x, &mut y);
        }
        self.finish_group(&x, &y, data);
    }

    /// XORs a group, absorbs `behind`, or the group itself before it changes, and moves on.
    #[inline(always)]
    fn xor_and_absorb(
        &mut self,
        data: &mut [u8; GROUP_BYTES],
        behind: Option<&[u8; GROUP_BYTES]>,
        multiplier: &Multiplier,
        mut h: Accumulator,
    ) -> Accumulator {
        let (mut x, mut y) = (self.start, self.start_after(LANES));
        for step in behind.unwrap_or(data).chunks_exact(MAC_STEP_BYTES) {
            let step: &[u8; MAC_STEP_BYTES] = step.try_into().unwrap();
            h = self.double_round_and_absorb(&mut x, &mut y, step, multiplier, h);
        }
        self.double_round(&mut x, &mut y);
        self.double_round(&mut x, &mut y);
        self.finish_group(&x, &y, data);
        h
    }

    // Written out, for what is indexed in a loop would live in memory.

    #[inline(always)]
    fn round(&self, x: &mut Vectors, [a, b, c, d]: [Quarter; 4]) {
        R::lanes_quarter(x, a, self.order);
        R::lanes_quarter(x, b, self.order);
        R::lanes_quarter(x, c, self.order);
        R::lanes_quarter(x, d, self.order);
    }

    #[inline(always)]
    fn double_round(&self, x: &mut Vectors, y: &mut Vectors) {
        let ([a, b, c, d], [e, f, g, h]) = (R::FIRST, R::SECOND);
        self.quarters(x, y, a);
        self.quarters(x, y, b);
        self.quarters(x, y, c);
        self.quarters(x, y, d);
        self.quarters(x, y, e);
        self.quarters(x, y, f);
        self.quarters(x, y, g);
        self.quarters(x, y, h);
    }

    /// A double round with four Poly1305 blocks, each in two halves, between its quarter rounds.
    #[inline(always)]
    fn double_round_and_absorb(
        &self,
        x: &mut Vectors,
        y: &mut Vectors,
        step: &[u8; MAC_STEP_BYTES],
        multiplier: &Multiplier,
        h: Accumulator,
    ) -> Accumulator {
        let block = |i: usize| step[16 * i..16 * i + 16].try_into().unwrap();
        let ([a, b, c, d], [e, f, g, i]) = (R::FIRST, R::SECOND);
        let h = self.quarters_and_absorb(x, y, [a, b], block(0), multiplier, h);
        let h = self.quarters_and_absorb(x, y, [c, d], block(1), multiplier, h);
        let h = self.quarters_and_absorb(x, y, [e, f], block(2), multiplier, h);
        self.quarters_and_absorb(x, y, [g, i], block(3), multiplier, h)
    }

    #[inline(always)]
    fn quarters_and_absorb(
        &self,
        x: &mut Vectors,
        y: &mut Vectors,
        [first, second]: [Quarter; 2],
        block: &[u8; 16],
        multiplier: &Multiplier,
        h: Accumulator,
    ) -> Accumulator {
        self.quarters(x, y, first);
        fence();
        let columns = multiplier.multiply(h, block, 1);
        fence();
        self.quarters(x, y, second);
        fence();
        let h = Multiplier::carry(columns);
        fence();
        h
    }

    #[inline(always)]
    fn quarters(&self, x: &mut Vectors, y: &mut Vectors, positions: Quarter) {
        R::lanes_quarter(x, positions, self.order);
        R::lanes_quarter(y, positions, self.order);
    }

    #[inline(always)]
    fn finish_group(&mut self, x: &Vectors, y: &Vectors, data: &mut [u8; GROUP_BYTES]) {
        let (left, right) = data.split_at_mut(LANES_BYTES);
        finish(x, &self.start, left.try_into().unwrap());
        finish(y, &self.start_after(LANES), right.try_into().unwrap());
        self.start = self.start_after(2 * LANES);
    }
}

/// Adds the starting state, turns lanes into blocks and XORs them into `data`.
#[inline(always)]
fn finish(x: &Vectors, start: &Vectors, data: &mut [u8; LANES_BYTES]) {
    for row in 0..4 {
        let words = core::array::from_fn(|i| x[4 * row + i].add(start[4 * row + i]));
        for (block, keystream) in U32x4::transpose(words).into_iter().enumerate() {
            let at = BLOCK_BYTES * block + 16 * row;
            let bytes: &mut [u8; 16] = (&mut data[at..at + 16]).try_into().unwrap();
            U32x4::load(bytes).xor(keystream).store(bytes);
        }
    }
}
