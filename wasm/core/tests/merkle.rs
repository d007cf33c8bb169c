//! The tree's hashes against their definition, node by node.
mod common;

use common::Dice;
use quince_core::merkle::{climb, hash_leaf, hash_parent, hash_roots, Node, Roots, NODE_BYTES};

fn blake2b_256(parts: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(blake2b_simd::Params::new().hash_length(32).hash(&parts.concat()).as_bytes());
    out
}

fn plain_leaf(index: u64, block: &[u8]) -> Node {
    let size = block.len() as u64;
    Node { index, size, hash: blake2b_256(&[&[0], &size.to_le_bytes(), block]) }
}

fn plain_parent(left: &Node, right: &Node) -> Node {
    let size = left.size + right.size;
    let hash = blake2b_256(&[&[1], &size.to_le_bytes(), &left.hash, &right.hash]);
    Node { index: (left.index + right.index) / 2, size, hash }
}

fn packed(nodes: &[Node]) -> Vec<u8> {
    let mut bytes = vec![0; NODE_BYTES * nodes.len()];
    for (node, bytes) in nodes.iter().zip(bytes.chunks_mut(NODE_BYTES)) {
        node.write(bytes);
    }
    bytes
}

#[test]
fn leaves_and_parents_hash_as_defined() {
    let mut dice = Dice::new(1);
    for len in common::lengths() {
        let block = dice.bytes(len);
        assert_eq!(hash_leaf(&block), plain_leaf(0, &block).hash, "{len} bytes");
    }
    for size in [0, 1, u32::MAX as u64 + 1, (1 << 53) - 1] {
        let (left, right) = (dice.array(), dice.array());
        let expected = blake2b_256(&[&[1], &size.to_le_bytes(), &left, &right]);
        assert_eq!(hash_parent(size, &left, &right), expected);
    }
}

#[test]
fn a_growing_tree_has_the_nodes_and_roots_of_one_built_plainly() {
    let mut dice = Dice::new(2);
    let mut plain: Vec<Node> = Vec::new();
    let mut roots = Roots::read(0, &[]).unwrap();
    for length in 0..300u64 {
        let block_len = dice.below(100);
        let block = dice.bytes(block_len);
        let mut made = vec![plain_leaf(2 * length, &block)];
        let mut span = 2;
        while (length + 1) % span == 0 {
            let left = plain.pop().unwrap();
            made.push(plain_parent(&left, made.last().unwrap()));
            span *= 2;
        }
        plain.push(*made.last().unwrap());
        let mut out = vec![0; 64 * NODE_BYTES];
        let written = roots.push(block.len() as u64, hash_leaf(&block), &mut out);
        assert_eq!(out[..written * NODE_BYTES], packed(&made), "block {length}");
        let count = roots.write(&mut out);
        assert_eq!(out[..count * NODE_BYTES], packed(&plain), "roots at {}", length + 1);
        let set: Vec<u8> = plain
            .iter()
            .flat_map(|node| [&node.hash[..], &node.index.to_le_bytes(), &node.size.to_le_bytes()].concat())
            .collect();
        assert_eq!(hash_roots(&packed(&plain)), blake2b_256(&[&[2], &set]));
        // Read back, it goes on the same way.
        roots = Roots::read(length + 1, &out[..count * NODE_BYTES]).unwrap();
    }
}

#[test]
fn roots_of_another_number_are_refused() {
    for length in 0..40u64 {
        for count in 0..8 {
            let is_read = Roots::read(length, &vec![0; count * NODE_BYTES]).is_some();
            assert_eq!(is_read, count == length.count_ones() as usize, "{count} for {length}");
        }
    }
    assert!(Roots::read((1 << 53) + 1, &[0; 2 * NODE_BYTES]).is_none());
}

#[test]
fn climbing_ends_at_the_first_node_that_is_no_sibling() {
    let mut dice = Dice::new(3);
    let leaves: Vec<Node> = (0..8).map(|i| plain_leaf(2 * i, &dice.bytes(i as usize))).collect();
    let level = |nodes: &[Node]| -> Vec<Node> {
        nodes.chunks(2).map(|pair| plain_parent(&pair[0], &pair[1])).collect()
    };
    let second = level(&leaves);
    let third = level(&second);
    let root = level(&third)[0];
    for block in 0..8 {
        let siblings = [leaves[block ^ 1], second[block / 2 ^ 1], third[block / 4 ^ 1]];
        let mut out = vec![0; 3 * NODE_BYTES];
        let start = packed(&leaves[block..block + 1]);
        assert_eq!(climb(&start, &packed(&siblings), &mut out), 3);
        assert_eq!(Node::read(&out[2 * NODE_BYTES..]), root, "block {block}");
        for wrong in 0..3 {
            let mut siblings = siblings;
            siblings[wrong].index += 2;
            assert_eq!(climb(&start, &packed(&siblings), &mut out), wrong, "block {block}");
        }
    }
}
