//! Four 32-bit lanes: `simd128` where the target has it, arrays elsewhere, so that native tests run the same
//! kernels. The only module of the core that may be unsafe.
#![allow(unsafe_code)]

pub use lanes::{fence, ByteOrder, U32x4, U64x2, WideByteOrder};

#[cfg(target_arch = "wasm32")]
mod lanes {
    use core::arch::{asm, wasm32::*};

    /// Keeps the code before it before the code after it.
    ///
    /// Within a basic block LLVM sorts independent chains apart, here all vector work before all integer
    /// work, and the processor's window is too small to overlap them again. A branch it cannot see through
    /// ends the block; `wasm-opt` sees the constant and leaves nothing of the branch.
    #[inline(always)]
    pub fn fence() {
        let is_taken: u32;
        // SAFETY: pushes and pops one constant.
        unsafe {
            asm!(
                "i32.const 0",
                "local.set {is_taken}",
                is_taken = out(local) is_taken,
                options(nomem, nostack, preserves_flags)
            );
        }
        if is_taken != 0 {
            // SAFETY: does nothing.
            unsafe { asm!("nop", options(nomem, nostack, preserves_flags)) };
        }
    }

    /// Four `u32` lanes.
    #[derive(Clone, Copy)]
    pub struct U32x4(v128);

    /// Two `u64` lanes.
    #[derive(Clone, Copy)]
    pub struct U64x2(v128);

    impl U64x2 {
        /// Lanes from first to last.
        #[inline(always)]
        pub fn new(a: u64, b: u64) -> Self {
            Self(u64x2(a, b))
        }

        /// Reads both lanes.
        #[inline(always)]
        pub fn load(lanes: &[u64; 2]) -> Self {
            // SAFETY: 16 bytes are readable; the instruction needs no alignment.
            Self(unsafe { v128_load(lanes.as_ptr().cast()) })
        }

        /// Writes both lanes at once.
        #[inline(always)]
        pub fn store(self, lanes: &mut [u64; 2]) {
            // SAFETY: 16 bytes are writable; the instruction needs no alignment.
            unsafe { v128_store(lanes.as_mut_ptr().cast(), self.0) }
        }

        /// Lane-wise sum modulo 2^64.
        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Self(u64x2_add(self.0, other.0))
        }

        /// Lane-wise difference modulo 2^64.
        #[inline(always)]
        pub fn sub(self, other: Self) -> Self {
            Self(u64x2_sub(self.0, other.0))
        }

        /// The little-endian words at two places of a block.
        #[inline(always)]
        pub fn gather(block: &[u8; 128], first: usize, second: usize) -> Self {
            let (first, second) = (&block[8 * first..8 * first + 8], &block[8 * second..8 * second + 8]);
            // SAFETY: 8 bytes are readable at both; the instructions need no alignment.
            Self(unsafe { v128_load64_lane::<1>(v128_load64_zero(first.as_ptr().cast()), second.as_ptr().cast()) })
        }

        /// Lane-wise exclusive or.
        #[inline(always)]
        pub fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }

        /// Lane-wise and.
        #[inline(always)]
        pub fn and(self, other: Self) -> Self {
            Self(v128_and(self.0, other.0))
        }

        /// Lane-wise rotation to the right by 32.
        #[inline(always)]
        pub fn rotate_right_32(self) -> Self {
            Self(u32x4_shuffle::<1, 0, 3, 2>(self.0, self.0))
        }

        /// Lane-wise rotation to the right by 63.
        #[inline(always)]
        pub fn rotate_right_63(self) -> Self {
            Self(v128_or(u64x2_add(self.0, self.0), u64x2_shr(self.0, 63)))
        }

        /// The last lane of one and the first of another.
        #[inline(always)]
        pub fn last_and_first(self, other: Self) -> Self {
            Self(u64x2_shuffle::<1, 2>(self.0, other.0))
        }
    }

    /// Byte permutations that rotate 64-bit lanes by whole bytes; see [`ByteOrder`].
    #[derive(Clone, Copy)]
    pub struct WideByteOrder {
        right_24: v128,
        right_16: v128,
    }

    static RIGHT_24: [u8; 16] = [3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10];
    static RIGHT_16: [u8; 16] = [2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9];

    impl WideByteOrder {
        /// Loads the permutations out of the optimiser's sight.
        #[inline(always)]
        pub fn new() -> Self {
            let (right_24, right_16) = core::hint::black_box((&RIGHT_24, &RIGHT_16));
            Self { right_24: U32x4::load(right_24).0, right_16: U32x4::load(right_16).0 }
        }

        /// Lane-wise rotation to the right by 24.
        #[inline(always)]
        pub fn rotate_right_24(self, lanes: U64x2) -> U64x2 {
            U64x2(u8x16_swizzle(lanes.0, self.right_24))
        }

        /// Lane-wise rotation to the right by 16.
        #[inline(always)]
        pub fn rotate_right_16(self, lanes: U64x2) -> U64x2 {
            U64x2(u8x16_swizzle(lanes.0, self.right_16))
        }
    }

    /// Byte permutations that rotate 32-bit lanes by whole bytes.
    ///
    /// A constant permutation would become `i8x16.shuffle`, which V8 turns into five instructions where the
    /// constant is built anew; a permutation it does not know takes two.
    #[derive(Clone, Copy)]
    pub struct ByteOrder {
        left_16: v128,
        left_8: v128,
    }

    static LEFT_16: [u8; 16] = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13];
    static LEFT_8: [u8; 16] = [3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14];

    impl ByteOrder {
        /// Loads the permutations out of the optimiser's sight.
        #[inline(always)]
        pub fn new() -> Self {
            let (left_16, left_8) = core::hint::black_box((&LEFT_16, &LEFT_8));
            Self { left_16: U32x4::load(left_16).0, left_8: U32x4::load(left_8).0 }
        }

        /// Lane-wise rotation to the left by 16.
        #[inline(always)]
        pub fn rotate_left_16(self, lanes: U32x4) -> U32x4 {
            U32x4(u8x16_swizzle(lanes.0, self.left_16))
        }

        /// Lane-wise rotation to the left by 8.
        #[inline(always)]
        pub fn rotate_left_8(self, lanes: U32x4) -> U32x4 {
            U32x4(u8x16_swizzle(lanes.0, self.left_8))
        }
    }

    impl U32x4 {
        /// Lanes from first to last.
        #[inline(always)]
        pub fn new(a: u32, b: u32, c: u32, d: u32) -> Self {
            Self(u32x4(a, b, c, d))
        }

        /// The same value in each lane.
        #[inline(always)]
        pub fn splat(value: u32) -> Self {
            Self(u32x4_splat(value))
        }

        /// Little-endian lanes.
        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Self {
            // SAFETY: 16 bytes are readable; the instruction needs no alignment.
            Self(unsafe { v128_load(bytes.as_ptr().cast()) })
        }

        /// Little-endian lanes.
        #[inline(always)]
        pub fn store(self, bytes: &mut [u8; 16]) {
            // SAFETY: 16 bytes are writable; the instruction needs no alignment.
            unsafe { v128_store(bytes.as_mut_ptr().cast(), self.0) }
        }

        /// Lane-wise sum modulo 2^32.
        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Self(u32x4_add(self.0, other.0))
        }

        /// Lane-wise exclusive or.
        #[inline(always)]
        pub fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }

        /// Lane-wise and.
        #[inline(always)]
        pub fn and(self, other: Self) -> Self {
            Self(v128_and(self.0, other.0))
        }

        /// Lane-wise or.
        #[inline(always)]
        pub fn or(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }

        /// Reads four lanes.
        #[inline(always)]
        pub fn load_lanes(lanes: &[u32; 4]) -> Self {
            // SAFETY: 16 bytes are readable; the instruction needs no alignment.
            Self(unsafe { v128_load(lanes.as_ptr().cast()) })
        }

        /// The first two lanes, with zeros above them.
        #[inline(always)]
        pub fn widen_low(self) -> U64x2 {
            U64x2(u64x2_extend_low_u32x4(self.0))
        }

        /// The last two lanes, with zeros above them.
        #[inline(always)]
        pub fn widen_high(self) -> U64x2 {
            U64x2(u64x2_extend_high_u32x4(self.0))
        }

        /// Lane-wise rotation to the left.
        #[inline(always)]
        pub fn rotate_left<const N: u32>(self) -> Self {
            Self(v128_or(u32x4_shl(self.0, N), u32x4_shr(self.0, 32 - N)))
        }

        /// Turns rows into columns.
        #[inline(always)]
        pub fn transpose(rows: [Self; 4]) -> [Self; 4] {
            let [a, b, c, d] = rows.map(|row| row.0);
            let ab_low = u32x4_shuffle::<0, 4, 1, 5>(a, b);
            let ab_high = u32x4_shuffle::<2, 6, 3, 7>(a, b);
            let cd_low = u32x4_shuffle::<0, 4, 1, 5>(c, d);
            let cd_high = u32x4_shuffle::<2, 6, 3, 7>(c, d);
            [
                Self(u64x2_shuffle::<0, 2>(ab_low, cd_low)),
                Self(u64x2_shuffle::<1, 3>(ab_low, cd_low)),
                Self(u64x2_shuffle::<0, 2>(ab_high, cd_high)),
                Self(u64x2_shuffle::<1, 3>(ab_high, cd_high)),
            ]
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod lanes {
    /// Keeps the code before it before the code after it, where that is known to help.
    #[inline(always)]
    pub fn fence() {}

    /// Four `u32` lanes.
    #[derive(Clone, Copy)]
    pub struct U32x4([u32; 4]);

    /// Two `u64` lanes.
    #[derive(Clone, Copy)]
    pub struct U64x2([u64; 2]);

    impl U64x2 {
        /// Lanes from first to last.
        #[inline(always)]
        pub fn new(a: u64, b: u64) -> Self {
            Self([a, b])
        }

        /// Reads both lanes.
        #[inline(always)]
        pub fn load(lanes: &[u64; 2]) -> Self {
            Self(*lanes)
        }

        /// Writes both lanes at once.
        #[inline(always)]
        pub fn store(self, lanes: &mut [u64; 2]) {
            *lanes = self.0;
        }

        /// Lane-wise sum modulo 2^64.
        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])))
        }

        /// Lane-wise difference modulo 2^64.
        #[inline(always)]
        pub fn sub(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i].wrapping_sub(other.0[i])))
        }

        /// The little-endian words at two places of a block.
        #[inline(always)]
        pub fn gather(block: &[u8; 128], first: usize, second: usize) -> Self {
            Self([first, second].map(|at| crate::bytes::load64(block, 8 * at)))
        }

        /// Lane-wise exclusive or.
        #[inline(always)]
        pub fn xor(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i] ^ other.0[i]))
        }

        /// Lane-wise and.
        #[inline(always)]
        pub fn and(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i] & other.0[i]))
        }

        /// Lane-wise rotation to the right by 32.
        #[inline(always)]
        pub fn rotate_right_32(self) -> Self {
            Self(self.0.map(|lane| lane.rotate_right(32)))
        }

        /// Lane-wise rotation to the right by 63.
        #[inline(always)]
        pub fn rotate_right_63(self) -> Self {
            Self(self.0.map(|lane| lane.rotate_right(63)))
        }

        /// The last lane of one and the first of another.
        #[inline(always)]
        pub fn last_and_first(self, other: Self) -> Self {
            Self([self.0[1], other.0[0]])
        }
    }

    /// Byte permutations that rotate 64-bit lanes by whole bytes.
    #[derive(Clone, Copy)]
    pub struct WideByteOrder;

    impl WideByteOrder {
        /// Nothing to load here.
        pub fn new() -> Self {
            Self
        }

        /// Lane-wise rotation to the right by 24.
        #[inline(always)]
        pub fn rotate_right_24(self, lanes: U64x2) -> U64x2 {
            U64x2(lanes.0.map(|lane| lane.rotate_right(24)))
        }

        /// Lane-wise rotation to the right by 16.
        #[inline(always)]
        pub fn rotate_right_16(self, lanes: U64x2) -> U64x2 {
            U64x2(lanes.0.map(|lane| lane.rotate_right(16)))
        }
    }

    /// Byte permutations that rotate 32-bit lanes by whole bytes.
    #[derive(Clone, Copy)]
    pub struct ByteOrder;

    impl ByteOrder {
        /// Nothing to load here.
        pub fn new() -> Self {
            Self
        }

        /// Lane-wise rotation to the left by 16.
        #[inline(always)]
        pub fn rotate_left_16(self, lanes: U32x4) -> U32x4 {
            lanes.rotate_left::<16>()
        }

        /// Lane-wise rotation to the left by 8.
        #[inline(always)]
        pub fn rotate_left_8(self, lanes: U32x4) -> U32x4 {
            lanes.rotate_left::<8>()
        }
    }

    impl U32x4 {
        /// Lanes from first to last.
        #[inline(always)]
        pub fn new(a: u32, b: u32, c: u32, d: u32) -> Self {
            Self([a, b, c, d])
        }

        /// The same value in each lane.
        #[inline(always)]
        pub fn splat(value: u32) -> Self {
            Self([value; 4])
        }

        /// Little-endian lanes.
        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Self {
            Self(core::array::from_fn(|i| crate::bytes::load32(bytes, 4 * i)))
        }

        /// Little-endian lanes.
        #[inline(always)]
        pub fn store(self, bytes: &mut [u8; 16]) {
            for (lane, bytes) in self.0.iter().zip(bytes.chunks_exact_mut(4)) {
                bytes.copy_from_slice(&lane.to_le_bytes());
            }
        }

        /// Lane-wise sum modulo 2^32.
        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])))
        }

        /// Lane-wise exclusive or.
        #[inline(always)]
        pub fn xor(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i] ^ other.0[i]))
        }

        /// Lane-wise and.
        #[inline(always)]
        pub fn and(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i] & other.0[i]))
        }

        /// Lane-wise or.
        #[inline(always)]
        pub fn or(self, other: Self) -> Self {
            Self(core::array::from_fn(|i| self.0[i] | other.0[i]))
        }

        /// Reads four lanes.
        #[inline(always)]
        pub fn load_lanes(lanes: &[u32; 4]) -> Self {
            Self(*lanes)
        }

        /// The first two lanes, with zeros above them.
        #[inline(always)]
        pub fn widen_low(self) -> U64x2 {
            U64x2([self.0[0].into(), self.0[1].into()])
        }

        /// The last two lanes, with zeros above them.
        #[inline(always)]
        pub fn widen_high(self) -> U64x2 {
            U64x2([self.0[2].into(), self.0[3].into()])
        }

        /// Lane-wise rotation to the left.
        #[inline(always)]
        pub fn rotate_left<const N: u32>(self) -> Self {
            Self(self.0.map(|lane| lane.rotate_left(N)))
        }

        /// Turns rows into columns.
        #[inline(always)]
        pub fn transpose(rows: [Self; 4]) -> [Self; 4] {
            core::array::from_fn(|i| Self(core::array::from_fn(|j| rows[j].0[i])))
        }
    }
}
