//! Points of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 and the formulas that add and double them
//! (Hisil, Wong, Carter, Dawson 2008). They are complete: no input needs a case of its own.
//!
//! A number beside a coordinate is its factor in the sense of [`crate::field`].

use core::hint::black_box;

use crate::bytes::one_where_equal;
use crate::field::{add, constant, double_square, multiply, square, sub, sub_loose, Field};
use crate::simd::{U32x4, U64x2};

/// d = -121665 / 121666.
pub(crate) const D: Field =
    constant([0x75eb4dca135978a3, 0x00700a4d4141d8ab, 0x8cc740797779e898, 0x52036cee2b6ffe73]);
const TWO_D: Field =
    constant([0xebd69b9426b2f159, 0x00e0149a8283b156, 0x198e80f2eef3d130, 0x2406d9dc56dffce7]);
/// A square root of -1.
const ROOT_OF_MINUS_ONE: Field =
    constant([0xc4ee1b274a0ea0b0, 0x2f431806ad2fe478, 0x2b4d00993dfbd7a7, 0x2b8324804fc1df0b]);

/// A point as X/Z, Y/Z with T = XY/Z.
#[derive(Clone, Copy)]
pub struct Point {
    x: Field,
    y: Field,
    pub(crate) z: Field,
    t: Field,
}

/// A point without T: enough for doubling.
#[derive(Clone, Copy)]
pub struct Projective {
    x: Field,
    y: Field,
    z: Field,
}

/// What an addition or subtraction gives before its final products.
#[derive(Clone, Copy)]
pub struct Added {
    a: Field,
    b: Field,
    c: Field,
    d: Field,
    is_difference: bool,
}

/// What a doubling gives before its final products.
#[derive(Clone, Copy)]
pub struct Doubled {
    a: Field,
    b: Field,
    c: Field,
    s: Field,
}

/// A summand prepared for many additions.
#[derive(Clone, Copy)]
pub struct Cached {
    y_plus_x: Field,
    y_minus_x: Field,
    z_twice: Field,
    t_2d: Field,
}

/// A summand with Z = 1.
#[derive(Clone, Copy)]
pub struct Affine {
    y_plus_x: Field,
    y_minus_x: Field,
    xy_2d: Field,
}

/// The same for tables: the limbs of y + x, y - x and 2dxy in half the room, and two more that are zero.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct Packed([[u32; 4]; 8]);

impl Point {
    /// The neutral element.
    pub const IDENTITY: Self = Self { x: Field::ZERO, y: Field::ONE, z: Field::ONE, t: Field::ZERO };
    /// The base point, (x, 4/5) with even x.
    pub const BASE: Self = Self {
        x: constant([0xc9562d608f25d51a, 0x692cc7609525a7b2, 0xc0a4e231fdd6dc5c, 0x216936d3cd6e53fe]),
        y: constant([0x6666666666666658, 0x6666666666666666, 0x6666666666666666, 0x6666666666666666]),
        z: Field::ONE,
        t: constant([0x6dde8ab3a5b7dda3, 0x20f09f80775152f5, 0x66ea4e8e64abe37d, 0x67875f0fd78b7665]),
    };

    /// Decodes a point, in variable time; `None` when its y belongs to no point. Takes encodings that are
    /// not canonical.
    pub fn decode(bytes: &[u8; 32]) -> Option<Self> {
        let y = Field::from_bytes(bytes);
        let y_squared = y.squared();
        let u = y_squared.minus(&Field::ONE);
        let v = y_squared.times(&D).plus(&Field::ONE);
        // x = u v^3 (u v^7)^((p - 5) / 8) is a square root of u / v, or of -u / v.
        let v_cubed = v.squared().times(&v);
        let v_seventh = v_cubed.squared().times(&v);
        let mut x = u.times(&v_seventh).power_p58().times(&v_cubed).times(&u);
        let vxx = x.squared().times(&v);
        if !vxx.equals(&u) {
            if !vxx.equals(&u.negate()) {
                return None;
            }
            x = x.times(&ROOT_OF_MINUS_ONE);
        }
        if x.is_negative() != (bytes[31] >> 7 == 1) {
            x = x.negate();
        }
        Some(Self { x, y, z: Field::ONE, t: x.times(&y) })
    }

    /// The canonical encoding: y with the sign of x in the top bit.
    pub fn encode(&self) -> [u8; 32] {
        encode(&self.x, &self.y, &self.z)
    }

    /// The u coordinate on the Montgomery curve: (Z + Y) / (Z - Y).
    pub fn to_montgomery(&self) -> [u8; 32] {
        self.z.plus(&self.y).times(&self.z.minus(&self.y).invert()).to_bytes()
    }

    /// Sum.
    pub fn add(&self, other: &Cached, out: &mut Added) {
        let Cached { y_plus_x, y_minus_x, z_twice, t_2d } = other;
        self.add_parts(y_plus_x, y_minus_x, t_2d, out);
        multiply(&self.z, z_twice, &mut out.d);
        out.is_difference = false;
    }

    /// Difference.
    pub fn sub(&self, other: &Cached, out: &mut Added) {
        let Cached { y_plus_x, y_minus_x, z_twice, t_2d } = other;
        self.add_parts(y_minus_x, y_plus_x, t_2d, out);
        multiply(&self.z, z_twice, &mut out.d);
        out.is_difference = true;
    }

    /// Sum with a table's point.
    pub fn add_affine(&self, other: &Affine, out: &mut Added) {
        let Affine { y_plus_x, y_minus_x, xy_2d } = other;
        self.add_parts(y_plus_x, y_minus_x, xy_2d, out);
        add(&self.z, &self.z, &mut out.d);
        out.is_difference = false;
    }

    /// Difference with a table's point.
    pub fn sub_affine(&self, other: &Affine, out: &mut Added) {
        let Affine { y_plus_x, y_minus_x, xy_2d } = other;
        self.add_parts(y_minus_x, y_plus_x, xy_2d, out);
        add(&self.z, &self.z, &mut out.d);
        out.is_difference = true;
    }

    #[inline(always)]
    fn add_parts(&self, y_plus_x: &Field, y_minus_x: &Field, t_2d: &Field, out: &mut Added) {
        let (mut sum, mut difference) = (Field::ZERO, Field::ZERO);
        add(&self.y, &self.x, &mut sum); // 2
        sub(&self.y, &self.x, &mut difference); // 3
        multiply(&sum, y_plus_x, &mut out.a);
        multiply(&difference, y_minus_x, &mut out.b);
        multiply(&self.t, t_2d, &mut out.c);
    }

    /// Twice the point.
    pub fn double(&self, out: &mut Doubled) {
        double(&self.x, &self.y, &self.z, out);
    }

    /// The sum as a value of its own.
    pub fn plus(&self, other: &Cached) -> Self {
        let (mut added, mut sum) = (Added::EMPTY, Self::IDENTITY);
        self.add(other, &mut added);
        added.finish(&mut sum);
        sum
    }

    /// The difference as a value of its own.
    pub fn minus(&self, other: &Cached) -> Self {
        let (mut added, mut difference) = (Added::EMPTY, Self::IDENTITY);
        self.sub(other, &mut added);
        added.finish(&mut difference);
        difference
    }

    /// Twice the point as a value of its own.
    pub fn twice(&self) -> Self {
        let (mut doubled, mut point) = (Doubled::EMPTY, Self::IDENTITY);
        self.double(&mut doubled);
        doubled.finish(&mut point);
        point
    }

    /// The point with the other sign.
    pub fn negate(&self) -> Self {
        Self { x: self.x.negate(), y: self.y, z: self.z, t: self.t.negate() }
    }

    /// Prepares for use as a summand.
    pub fn cache(&self) -> Cached {
        Cached {
            y_plus_x: self.y.plus(&self.x),
            y_minus_x: self.y.minus(&self.x),
            z_twice: self.z.plus(&self.z),
            t_2d: self.t.times(&TWO_D),
        }
    }

    /// Prepares for a table, given 1 / Z.
    pub fn pack(&self, z_inverse: &Field) -> Packed {
        let x = self.x.times(z_inverse);
        let y = self.y.times(z_inverse);
        let mut packed = Packed::EMPTY;
        let limbs = packed.0.as_flattened_mut();
        limbs[..10].copy_from_slice(&y.plus(&x).pack());
        limbs[10..20].copy_from_slice(&y.minus(&x).pack());
        limbs[20..30].copy_from_slice(&x.times(&y).times(&TWO_D).pack());
        packed
    }

    /// Whether this is the neutral element.
    pub fn is_identity(&self) -> bool {
        self.x.is_zero() && self.y.equals(&self.z)
    }

    /// Whether eight times the point is the neutral element.
    pub fn is_small_order(&self) -> bool {
        self.twice().twice().twice().is_identity()
    }
}

impl Projective {
    /// The neutral element.
    pub const IDENTITY: Self = Self { x: Field::ZERO, y: Field::ONE, z: Field::ONE };

    /// Twice the point.
    pub fn double(&self, out: &mut Doubled) {
        double(&self.x, &self.y, &self.z, out);
    }

    /// Whether this is the neutral element.
    pub fn is_identity(&self) -> bool {
        self.x.is_zero() && self.y.equals(&self.z)
    }

    /// The canonical encoding.
    pub fn encode(&self) -> [u8; 32] {
        encode(&self.x, &self.y, &self.z)
    }
}

fn encode(x: &Field, y: &Field, z: &Field) -> [u8; 32] {
    let z_inverse = z.invert();
    let x = x.times(&z_inverse);
    let mut bytes = y.times(&z_inverse).to_bytes();
    bytes[31] |= (x.is_negative() as u8) << 7;
    bytes
}

fn double(x: &Field, y: &Field, z: &Field, out: &mut Doubled) {
    let mut sum = Field::ZERO;
    add(x, y, &mut sum); // 2
    square(x, &mut out.a);
    square(y, &mut out.b);
    double_square(z, &mut out.c);
    square(&sum, &mut out.s);
}

/// The four numbers whose products are the coordinates: X = E F, Y = H G, Z = G F, T = E H.
struct Factors {
    e: Field,
    h: Field,
    g: Field,
    f: Field,
}

impl Factors {
    const EMPTY: Self = Self { e: Field::ZERO, h: Field::ZERO, g: Field::ZERO, f: Field::ZERO };

    #[inline(always)]
    fn finish(&self, out: &mut Point) {
        multiply(&self.e, &self.f, &mut out.x);
        multiply(&self.h, &self.g, &mut out.y);
        multiply(&self.g, &self.f, &mut out.z);
        multiply(&self.e, &self.h, &mut out.t);
    }

    #[inline(always)]
    fn finish_projective(&self, out: &mut Projective) {
        multiply(&self.e, &self.f, &mut out.x);
        multiply(&self.h, &self.g, &mut out.y);
        multiply(&self.g, &self.f, &mut out.z);
    }
}

impl Added {
    /// A place to be filled.
    pub const EMPTY: Self =
        Self { a: Field::ZERO, b: Field::ZERO, c: Field::ZERO, d: Field::ZERO, is_difference: false };

    /// What multiplies out to the neutral element.
    pub const IDENTITY: Self = Self {
        a: Field::ONE,
        b: Field::ONE,
        c: Field::ZERO,
        d: Field::small(2),
        is_difference: false,
    };

    /// Multiplies out all coordinates.
    pub fn finish(&self, out: &mut Point) {
        let mut factors = Factors::EMPTY;
        self.factors(&mut factors);
        factors.finish(out);
    }

    /// Multiplies out all coordinates but T.
    pub fn finish_projective(&self, out: &mut Projective) {
        let mut factors = Factors::EMPTY;
        self.factors(&mut factors);
        factors.finish_projective(out);
    }

    /// E = A - B, H = A + B, and G = D + C, F = D - C, which change places in a difference.
    #[inline(always)]
    fn factors(&self, out: &mut Factors) {
        sub(&self.a, &self.b, &mut out.e); // 3
        add(&self.a, &self.b, &mut out.h); // 2
        let (sum, difference) =
            if self.is_difference { (&mut out.f, &mut out.g) } else { (&mut out.g, &mut out.f) };
        add(&self.d, &self.c, sum); // 3
        sub(&self.d, &self.c, difference); // 4
    }
}

impl Doubled {
    /// A place to be filled.
    pub const EMPTY: Self = Self { a: Field::ZERO, b: Field::ZERO, c: Field::ZERO, s: Field::ZERO };

    /// Multiplies out all coordinates.
    pub fn finish(&self, out: &mut Point) {
        let mut factors = Factors::EMPTY;
        self.factors(&mut factors);
        factors.finish(out);
    }

    /// Multiplies out all coordinates but T.
    pub fn finish_projective(&self, out: &mut Projective) {
        let mut factors = Factors::EMPTY;
        self.factors(&mut factors);
        factors.finish_projective(out);
    }

    /// From A = X^2, B = Y^2, C = 2 Z^2 and S = (X + Y)^2: E = S - H, H = A + B, G = B - A, F = C - G.
    #[inline(always)]
    fn factors(&self, out: &mut Factors) {
        add(&self.a, &self.b, &mut out.h); // 2
        sub(&self.b, &self.a, &mut out.g); // 3
        sub_loose(&self.s, &out.h, &mut out.e); // 5
        sub_loose(&self.c, &out.g, &mut out.f); // 5
    }
}

impl Packed {
    /// No point: a place to be filled.
    pub const EMPTY: Self = Self([[0; 4]; 8]);
    /// The neutral element.
    const IDENTITY: Self = {
        let mut lanes = [[0; 4]; 8];
        lanes[0][0] = 1;
        lanes[2][2] = 1;
        Self(lanes)
    };

    /// The limbs as they are calculated with.
    pub fn unpack(&self) -> Affine {
        Affine::from_lanes(self.lanes(), U64x2::new(0, 0))
    }

    #[inline(always)]
    fn lanes(&self) -> [U32x4; 8] {
        self.0.each_ref().map(U32x4::load_lanes)
    }
}

impl Affine {
    /// `size` times the first point of `table`, which holds its multiples from 1 on, with the other sign where
    /// `is_negative` is 1. In constant time: every entry is read.
    #[inline(always)]
    pub fn select(table: &[Packed], size: u32, is_negative: u32) -> Self {
        let mut chosen = Packed::IDENTITY.lanes();
        let is_zero = mask_where_equal(size, 0);
        for lanes in &mut chosen {
            *lanes = lanes.and(is_zero);
        }
        for (i, entry) in table.iter().enumerate() {
            let mask = mask_where_equal(size, i as u32 + 1);
            for (chosen, lanes) in chosen.iter_mut().zip(entry.lanes()) {
                *chosen = chosen.or(lanes.and(mask));
            }
        }
        let mask = (black_box(is_negative) as u64).wrapping_neg();
        Self::from_lanes(chosen, U64x2::new(mask, mask))
    }

    /// Widens limbs; changes the sign where `negative` has all bits.
    #[inline(always)]
    fn from_lanes(lanes: [U32x4; 8], negative: U64x2) -> Self {
        let pair = |at: usize| if at % 2 == 0 { lanes[at / 2].widen_low() } else { lanes[at / 2].widen_high() };
        let exchanged = core::array::from_fn::<_, 5, _>(|i| negative.and(pair(i).xor(pair(5 + i))));
        // A negative has a factor of 2, which the only product with it allows.
        let twice_prime = Field::twice_prime();
        let xy_2d = core::array::from_fn(|i| {
            let value = pair(10 + i);
            value.xor(negative.and(value.xor(twice_prime[i].sub(value))))
        });
        Self {
            y_plus_x: Field::from_pairs(core::array::from_fn(|i| pair(i).xor(exchanged[i]))),
            y_minus_x: Field::from_pairs(core::array::from_fn(|i| pair(5 + i).xor(exchanged[i]))),
            xy_2d: Field::from_pairs(xy_2d),
        }
    }
}

/// All bits where `a` equals `b`; in constant time.
#[inline(always)]
fn mask_where_equal(a: u32, b: u32) -> U32x4 {
    U32x4::splat(one_where_equal(a, b).wrapping_neg())
}

/// Tells whether `bytes` encode a y coordinate below the field's prime.
pub fn is_canonical(bytes: &[u8; 32]) -> bool {
    let low = bytes[0] >= 0xed;
    let middle = bytes[1..31].iter().all(|&byte| byte == 0xff);
    !(low && middle && bytes[31] & 0x7f == 0x7f)
}
