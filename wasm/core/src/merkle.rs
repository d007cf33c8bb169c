//! The hash tree of a hypercore: leaf, parent and root-set hashes, and appending to a flat in-order tree.
//!
//! In the flat tree, leaf `i` has index `2 * i`; a node's depth is the number of trailing one bits of its
//! index.

use crate::blake2b::{hash, Blake2b};
use crate::bytes::{load64, store64};

/// Bytes of a node: index and size as little-endian `u64`, then the hash.
pub const NODE_BYTES: usize = 48;
/// No tree of 2^53 blocks has more roots.
pub const ROOTS_MAX: usize = 54;

const LEAF: u8 = 0;
const PARENT: u8 = 1;
const ROOT: u8 = 2;

/// Node of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// Position in the flat tree.
    pub index: u64,
    /// Bytes of all blocks below.
    pub size: u64,
    /// BLAKE2b-256.
    pub hash: [u8; 32],
}

impl Node {
    /// Reads a node from the start of `bytes`.
    pub fn read(bytes: &[u8]) -> Self {
        Self {
            index: load64(bytes, 0),
            size: load64(bytes, 8),
            hash: bytes[16..NODE_BYTES].try_into().unwrap(),
        }
    }

    /// Writes the node to the start of `bytes`.
    pub fn write(&self, bytes: &mut [u8]) {
        store64(bytes, 0, self.index);
        store64(bytes, 8, self.size);
        bytes[16..NODE_BYTES].copy_from_slice(&self.hash);
    }

    /// The parent of two siblings, given in any order.
    pub fn parent_of(a: &Self, b: &Self) -> Self {
        let (left, right) = if a.index < b.index { (a, b) } else { (b, a) };
        let size = left.size.wrapping_add(right.size);
        Self {
            // Siblings are 2^(depth + 1) apart and their parent lies half-way.
            index: left.index / 2 + right.index / 2 + (left.index & right.index & 1),
            size,
            hash: hash_parent(size, &left.hash, &right.hash),
        }
    }
}

/// Hash of a block.
pub fn hash_leaf(block: &[u8]) -> [u8; 32] {
    let mut prefix = [LEAF; 9];
    store64(&mut prefix, 1, block.len() as u64);
    let mut state = Blake2b::new(32, &[]);
    state.update(&prefix);
    state.update(block);
    let mut out = [0; 32];
    state.finish(&mut out);
    out
}

/// Hash of a parent of `size` bytes.
pub fn hash_parent(size: u64, left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut input = [PARENT; 73];
    store64(&mut input, 1, size);
    input[9..41].copy_from_slice(left);
    input[41..].copy_from_slice(right);
    let mut out = [0; 32];
    hash(&input, &[], &mut out);
    out
}

/// Hash of a set of roots, given as nodes in order.
pub fn hash_roots(nodes: &[u8]) -> [u8; 32] {
    let mut state = Blake2b::new(32, &[]);
    state.update(&[ROOT]);
    for node in nodes.chunks_exact(NODE_BYTES) {
        state.update(&node[16..]);
        state.update(&node[..16]);
    }
    let mut out = [0; 32];
    state.finish(&mut out);
    out
}

/// The roots of a growing tree.
pub struct Roots {
    nodes: [Node; ROOTS_MAX],
    len: usize,
    length: u64,
}

impl Roots {
    /// Takes the ordered roots of a tree of `length` blocks; `None` when their number is wrong.
    pub fn read(length: u64, bytes: &[u8]) -> Option<Self> {
        let len = length.count_ones() as usize;
        if length > 1 << 53 || bytes.len() != len * NODE_BYTES {
            return None;
        }
        let mut nodes = [Node { index: 0, size: 0, hash: [0; 32] }; ROOTS_MAX];
        for (node, bytes) in nodes.iter_mut().zip(bytes.chunks_exact(NODE_BYTES)) {
            *node = Node::read(bytes);
        }
        Some(Self { nodes, len, length })
    }

    /// Writes the roots and returns their number.
    pub fn write(&self, bytes: &mut [u8]) -> usize {
        for (node, bytes) in self.nodes[..self.len].iter().zip(bytes.chunks_exact_mut(NODE_BYTES)) {
            node.write(bytes);
        }
        self.len
    }

    /// Appends one block by size and hash; writes the leaf and the parents it completes to `out` and returns
    /// their number.
    pub fn push(&mut self, size: u64, hash: [u8; 32], out: &mut [u8]) -> usize {
        let mut node = Node { index: 2 * self.length, size, hash };
        let mut written = 0;
        node.write(&mut out[..]);
        written += 1;
        // Each trailing one bit of the old length is a full tree waiting for this sibling.
        for _ in 0..self.length.trailing_ones() {
            self.len -= 1;
            node = Node::parent_of(&self.nodes[self.len], &node);
            node.write(&mut out[written * NODE_BYTES..]);
            written += 1;
        }
        self.nodes[self.len] = node;
        self.len += 1;
        self.length += 1;
        written
    }
}

/// Climbs from `node` over `siblings` (bottom-up) and writes each parent to `out`; returns how many there
/// are, fewer than siblings when one is not a sibling of the node below.
pub fn climb(node: &[u8], siblings: &[u8], out: &mut [u8]) -> usize {
    let mut node = Node::read(node);
    let mut climbed = 0;
    for (sibling, out) in siblings.chunks_exact(NODE_BYTES).zip(out.chunks_exact_mut(NODE_BYTES)) {
        let sibling = Node::read(sibling);
        if sibling.index != sibling_index(node.index) {
            break;
        }
        node = Node::parent_of(&node, &sibling);
        node.write(out);
        climbed += 1;
    }
    climbed
}

fn sibling_index(index: u64) -> u64 {
    let depth = index.trailing_ones();
    index ^ 1u64.checked_shl(depth + 1).unwrap_or(0)
}
