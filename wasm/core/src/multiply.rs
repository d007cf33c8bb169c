//! Multiplying points by scalars: in constant time for secrets, by signed windows for public values.

use core::hint::black_box;

use curve25519_dalek::scalar::Scalar;

use crate::bytes::load64;
use crate::field::Field;
use crate::point::{Added, Affine, Cached, Doubled, Packed, Point, Projective};

/// The group order, 2^252 + 27742317777372353535851937790883648493, little-endian.
pub const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Scalars that multiply a variable point are read in four rows of 64 bits.
const ROWS: usize = 4;
const ROW_BITS: usize = 64;
const COMB_ENTRIES: usize = 1 << (ROWS - 1);
/// Signed digits of a secret scalar that multiplies the base point have five bits: multiples up to 16.
const BASE_DIGIT_BITS: usize = 5;
const BASE_DIGIT_ENTRIES: usize = 1 << (BASE_DIGIT_BITS - 1);
/// Digits of a number below 2^253; each has a table of its own, so nothing is doubled.
const BASE_DIGITS: usize = 51;
/// Window of a variable point: odd multiples up to 15.
const WINDOW: usize = 5;
const WINDOW_ENTRIES: usize = 8;
/// Window of the base point: odd multiples up to 127.
const BASE_WINDOW: usize = 8;
const BASE_WINDOW_ENTRIES: usize = 64;

/// Multiples of the base point, 134 KiB, made when first needed rather than carried along.
pub struct BaseTables {
    /// `digits[i][j]` is (j + 1) 32^i B.
    digits: [[Packed; BASE_DIGIT_ENTRIES]; BASE_DIGITS],
    /// `odd[r][i]` is (2 i + 1) 2^(64 r) B.
    odd: [[Packed; BASE_WINDOW_ENTRIES]; ROWS],
    is_ready: bool,
}

impl BaseTables {
    /// Tables not made yet: all zero bits, which take no room in the module.
    pub const EMPTY: Self = Self {
        digits: [[Packed::EMPTY; BASE_DIGIT_ENTRIES]; BASE_DIGITS],
        odd: [[Packed::EMPTY; BASE_WINDOW_ENTRIES]; ROWS],
        is_ready: false,
    };

    /// Makes the tables unless that was done.
    pub fn prepare(&mut self) {
        if self.is_ready {
            return;
        }
        let mut start = Point::BASE;
        for table in &mut self.digits {
            fill(table, start, &start.cache());
            start = times_power_of_two(&start, BASE_DIGIT_BITS);
        }
        for (table, row) in self.odd.iter_mut().zip(rows_of(&Point::BASE)) {
            fill(table, row, &row.twice().cache());
        }
        self.is_ready = true;
    }

    /// `scalar` times the base point, in constant time.
    pub fn multiply(&self, scalar: &Scalar) -> Point {
        debug_assert!(self.is_ready);
        let mut sum = Point::IDENTITY;
        let mut added = Added::EMPTY;
        for (table, digit) in self.digits.iter().zip(base_digits(scalar.as_bytes())) {
            let (is_negative, size) = split_sign(digit);
            sum.add_affine(&Affine::select(table, size, is_negative), &mut added);
            added.finish(&mut sum);
        }
        sum
    }

    /// `a` times `p` plus `b` times `q` plus `c` times the base point, in variable time; the scalars are below
    /// 2^255, and the shorter `a` and `b` are the faster it is.
    pub fn combine_vartime(
        &self,
        (a, p): (&[u8; 32], &Point),
        (b, q): (&[u8; 32], &Point),
        c: &[u8; 32],
    ) -> Projective {
        debug_assert!(self.is_ready);
        let (a, b) = (signed_windows(a, WINDOW), signed_windows(b, WINDOW));
        let (mut low, mut high) = ([0; 32], [0; 32]);
        low[..16].copy_from_slice(&c[..16]);
        high[..16].copy_from_slice(&c[16..]);
        let (low, high) = (signed_windows(&low, BASE_WINDOW), signed_windows(&high, BASE_WINDOW));
        let (p, q) = (odd_multiples(p), odd_multiples(q));
        let top = (0..256).rev().find(|&i| a[i] != 0 || b[i] != 0 || low[i] != 0 || high[i] != 0);
        let mut ladder = Ladder::new();
        for i in (0..top.map_or(0, |top| top + 1)).rev() {
            ladder.double();
            ladder.add(&p, a[i]);
            ladder.add(&q, b[i]);
            ladder.add_packed(&self.odd[0], low[i]);
            ladder.add_packed(&self.odd[2], high[i]);
        }
        ladder.finish()
    }

    /// `c` times the base point less `a` times the point of `rows`, in variable time; the scalars are below 2^253.
    pub fn subtract_vartime(&self, c: &[u8; 32], a: &[u8; 32], rows: &PointRows) -> Projective {
        debug_assert!(self.is_ready);
        let (a, c) = (signed_windows(a, WINDOW), signed_windows(c, BASE_WINDOW));
        let mut ladder = Ladder::new();
        for column in (0..ROW_BITS).rev() {
            ladder.double();
            for row in 0..ROWS {
                ladder.add_packed(&rows.0[row], -a[ROW_BITS * row + column]);
                ladder.add_packed(&self.odd[row], c[ROW_BITS * row + column]);
            }
        }
        ladder.finish()
    }
}

/// Odd multiples of a public point by 2^0, 2^64, 2^128 and 2^192, for products that take a quarter of the doublings.
#[derive(Clone, Copy)]
pub struct PointRows([[Packed; WINDOW_ENTRIES]; ROWS]);

impl PointRows {
    /// No point: a place to be filled.
    pub const EMPTY: Self = Self([[Packed::EMPTY; WINDOW_ENTRIES]; ROWS]);

    /// Prepares any point, in variable time.
    pub fn new(point: &Point) -> Self {
        let mut points = [Point::IDENTITY; ROWS * WINDOW_ENTRIES];
        for (multiples, row) in points.chunks_exact_mut(WINDOW_ENTRIES).zip(rows_of(point)) {
            let step = row.twice().cache();
            multiples[0] = row;
            for i in 1..WINDOW_ENTRIES {
                multiples[i] = multiples[i - 1].plus(&step);
            }
        }
        let mut rows = Self::EMPTY;
        pack(&points, rows.0.as_flattened_mut());
        rows
    }
}

/// A point of the prime-order subgroup prepared for multiplications, of which the first costs as much as one
/// without preparation and each further one a quarter of it.
///
/// The scalar is written with digits 1 and -1, and one of each row makes a column. A column is a sum of the
/// point's multiples by 2^0, 2^64, 2^128 and 2^192 with signs; the table has those in which the last is positive.
#[derive(Clone, Copy)]
pub struct Comb([Packed; COMB_ENTRIES]);

impl Comb {
    /// No point: a place to be filled.
    pub const EMPTY: Self = Self([Packed::EMPTY; COMB_ENTRIES]);

    /// Prepares a point, in variable time; `None` when the point has a part of small order.
    pub fn new(point: &Point) -> Option<Self> {
        let rows = rows_of(point);
        if !is_torsion_free(&rows) {
            return None;
        }
        let [others @ .., last] = &rows;
        let mut sums = [*last; COMB_ENTRIES];
        for row in others {
            sums[0] = sums[0].minus(&row.cache());
        }
        for (i, row) in others.iter().enumerate() {
            let twice = row.twice().cache();
            for j in 0..1 << i {
                sums[j + (1 << i)] = sums[j].plus(&twice);
            }
        }
        let mut table = [Packed::EMPTY; COMB_ENTRIES];
        pack(&sums, &mut table);
        Some(Self(table))
    }

    /// `scalar` times the point, in constant time.
    pub fn multiply(&self, scalar: &Scalar) -> Point {
        let rows = signed_rows(scalar);
        let mut sum = Projective::IDENTITY;
        let mut point = Point::IDENTITY;
        let mut doubled = Doubled::EMPTY;
        let mut added = Added::IDENTITY;
        for column in (0..ROW_BITS).rev() {
            added.finish_projective(&mut sum);
            sum.double(&mut doubled);
            doubled.finish(&mut point);
            let [a, b, c, d] = rows.map(|row| (row >> column & 1) as u32);
            let is_negative = black_box(d ^ 1);
            let entry = (a | b << 1 | c << 2) ^ (is_negative.wrapping_neg() & (COMB_ENTRIES as u32 - 1));
            point.add_affine(&Affine::select(&self.0, entry + 1, is_negative), &mut added);
        }
        added.finish(&mut point);
        point
    }
}

/// Whether the group order times the point is the neutral element, in variable time: no part of small order.
pub fn has_prime_order(point: &Point) -> bool {
    is_torsion_free(&rows_of(point))
}

/// The point times 2^0, 2^64, 2^128 and 2^192.
fn rows_of(point: &Point) -> [Point; ROWS] {
    let mut rows = [*point; ROWS];
    for i in 1..ROWS {
        rows[i] = times_power_of_two(&rows[i - 1], ROW_BITS);
    }
    rows
}

/// The order is a number of two rows and 2^252, so that the multiples at hand save three quarters of the doublings.
fn is_torsion_free(rows: &[Point; ROWS]) -> bool {
    let (mut low, mut high) = ([0; 32], [0; 32]);
    low[..8].copy_from_slice(&ORDER[..8]);
    high[..8].copy_from_slice(&ORDER[8..16]);
    let (low, high) = (signed_windows(&low, WINDOW), signed_windows(&high, WINDOW));
    let (first, second) = (odd_multiples(&rows[0]), odd_multiples(&rows[1]));
    let last = [rows[ROWS - 1].cache()];
    let mut ladder = Ladder::new();
    for i in (0..=ROW_BITS).rev() {
        ladder.double();
        ladder.add(&first, low[i]);
        ladder.add(&second, high[i]);
        ladder.add(&last, (ROW_BITS * (ROWS - 1) + i == 252) as i8);
    }
    ladder.finish().is_identity()
}

/// A sum that is doubled and added to, in variable time. Only what the next step needs is multiplied out.
struct Ladder {
    sum: Projective,
    doubled: Doubled,
    added: Added,
    point: Point,
    is_added: bool,
}

impl Ladder {
    fn new() -> Self {
        Self {
            sum: Projective::IDENTITY,
            doubled: Doubled::EMPTY,
            added: Added::IDENTITY,
            point: Point::IDENTITY,
            is_added: true,
        }
    }

    fn double(&mut self) {
        self.finish_sum();
        self.sum.double(&mut self.doubled);
        self.is_added = false;
    }

    fn add(&mut self, multiples: &[Cached], window: i8) {
        if window == 0 {
            return;
        }
        self.finish_point();
        let multiple = &multiples[window.unsigned_abs() as usize / 2];
        if window > 0 {
            self.point.add(multiple, &mut self.added);
        } else {
            self.point.sub(multiple, &mut self.added);
        }
    }

    fn add_packed(&mut self, multiples: &[Packed], window: i8) {
        if window == 0 {
            return;
        }
        self.finish_point();
        let multiple = &multiples[window.unsigned_abs() as usize / 2];
        if window > 0 {
            self.point.add_affine(&multiple.unpack(), &mut self.added);
        } else {
            self.point.sub_affine(&multiple.unpack(), &mut self.added);
        }
    }

    fn finish(mut self) -> Projective {
        self.finish_sum();
        self.sum
    }

    fn finish_sum(&mut self) {
        if self.is_added {
            self.added.finish_projective(&mut self.sum);
        } else {
            self.doubled.finish_projective(&mut self.sum);
        }
    }

    fn finish_point(&mut self) {
        if self.is_added {
            self.added.finish(&mut self.point);
        } else {
            self.doubled.finish(&mut self.point);
        }
        self.is_added = true;
    }
}

/// 2^`exponent` times the point; the exponent is at least 1.
fn times_power_of_two(point: &Point, exponent: usize) -> Point {
    let mut doubled = Doubled::EMPTY;
    let mut sum = Projective::IDENTITY;
    let mut product = Point::IDENTITY;
    point.double(&mut doubled);
    for _ in 1..exponent {
        doubled.finish_projective(&mut sum);
        sum.double(&mut doubled);
    }
    doubled.finish(&mut product);
    product
}

fn odd_multiples(point: &Point) -> [Cached; WINDOW_ENTRIES] {
    let step = point.twice().cache();
    let mut multiple = *point;
    let mut table = [point.cache(); WINDOW_ENTRIES];
    for entry in table[1..].iter_mut() {
        multiple = multiple.plus(&step);
        *entry = multiple.cache();
    }
    table
}

/// Points that share an inversion when a table is filled.
const FILL_POINTS: usize = 16;

/// Fills `table` with `start`, `start + step` and so on.
fn fill(table: &mut [Packed], mut start: Point, step: &Cached) {
    for run in table.chunks_exact_mut(FILL_POINTS) {
        let mut points = [Point::IDENTITY; FILL_POINTS];
        for point in &mut points {
            *point = start;
            start = start.plus(step);
        }
        pack(&points, run);
    }
}

/// Packs points with one inversion for all: each is multiplied by the product of the others.
fn pack<const N: usize>(points: &[Point; N], table: &mut [Packed]) {
    let mut products = [Field::ONE; N];
    let mut product = Field::ONE;
    for (point, before) in points.iter().zip(&mut products) {
        *before = product;
        product = product.times(&point.z);
    }
    let mut inverse = product.invert();
    for i in (0..N).rev() {
        table[i] = points[i].pack(&inverse.times(&products[i]));
        inverse = inverse.times(&points[i].z);
    }
}

fn split_sign(digit: i8) -> (u32, u32) {
    let wide = digit as i32;
    let mask = wide >> 31;
    (mask as u32 & 1, ((wide ^ mask) - mask) as u32)
}

/// Bits that stand for 1 and, where they are 0, for -1: together the scalar, or the scalar plus the order, which
/// is odd.
fn signed_rows(scalar: &Scalar) -> [u64; ROWS] {
    let scalar = scalar.as_bytes();
    let add_order = (black_box(scalar[0] & 1) as u64).wrapping_sub(1);
    let mut rows = [0; ROWS];
    let mut carry = 0;
    for (i, row) in rows.iter_mut().enumerate() {
        let (sum, first) = load64(scalar, 8 * i).overflowing_add(load64(&ORDER, 8 * i) & add_order);
        let (sum, second) = sum.overflowing_add(carry);
        *row = sum;
        carry = (first | second) as u64;
    }
    // Twice the bits less a one everywhere is the number when they are its half rounded down, and 2^255.
    let [a, b, c, d] = rows;
    [a >> 1 | b << 63, b >> 1 | c << 63, c >> 1 | d << 63, d >> 1 | 1 << 63]
}

/// Digits from -16 to 16 of a number below 2^253, lowest first.
fn base_digits(scalar: &[u8; 32]) -> [i8; BASE_DIGITS] {
    let mut digits = [0i8; BASE_DIGITS];
    let mut carry = 0i8;
    for (i, digit) in digits.iter_mut().enumerate() {
        let (byte, bit) = (BASE_DIGIT_BITS * i / 8, BASE_DIGIT_BITS * i % 8);
        let above = if byte < 31 { scalar[byte + 1] } else { 0 };
        let bits = u16::from_le_bytes([scalar[byte], above]) >> bit & 31;
        let value = bits as i8 + carry;
        carry = (value + 16) >> BASE_DIGIT_BITS;
        *digit = value - (carry << BASE_DIGIT_BITS);
    }
    digits
}

/// Writes a number below 2^255 with odd digits of `width` bits and a sign, most of them zero; variable time.
fn signed_windows(scalar: &[u8; 32], width: usize) -> [i8; 256] {
    let mut words = [0u64; 5];
    for (i, bytes) in scalar.chunks_exact(8).enumerate() {
        words[i] = u64::from_le_bytes(bytes.try_into().unwrap());
    }
    let mut digits = [0i8; 256];
    let modulus = 1i64 << width;
    let mut carry = 0i64;
    let mut at = 0;
    while at < 256 {
        let (word, bit) = (at / 64, at % 64);
        let mut bits = words[word] >> bit;
        if bit > 0 {
            bits |= words[word + 1] << (64 - bit);
        }
        let window = carry + (bits as i64 & (modulus - 1));
        if window & 1 == 0 {
            at += 1;
            continue;
        }
        carry = (window >= modulus / 2) as i64;
        digits[at] = (window - carry * modulus) as i8;
        at += width;
    }
    digits
}
