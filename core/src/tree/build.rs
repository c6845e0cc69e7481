//! Building a tree from items in order: level by level, without a search.

use super::Tree;
use super::block::Block;
use super::element::Element;
use super::node::{CHILDREN_MAX, Child, Node};

/// Fills nodes to seven eighths, so that the next change does not split one.
const fn filled(max: usize) -> usize {
    max - max / 8
}

pub(super) fn from_sorted<T: Element>(items: impl Iterator<Item = T>) -> Tree<T> {
    let mut level = leaves(items);
    while level.len() > 1 {
        let mut above = Vec::with_capacity(level.len() / filled(CHILDREN_MAX) + 1);
        let mut below = level.into_iter().peekable();
        while below.peek().is_some() {
            let node = inner(below.by_ref().take(filled(CHILDREN_MAX)));
            above.push(Child::of(node));
        }
        level = above;
    }
    match level.pop() {
        None => Tree::new(),
        Some(top) => Tree {
            root: top.node,
            items: top.items,
            weight: top.weight,
        },
    }
}

fn leaves<T: Element>(mut items: impl Iterator<Item = T>) -> Vec<Child<T>> {
    let fill = filled(T::LEAF_ITEMS_MAX);
    let mut leaves = Vec::new();
    while let Some(first) = items.next() {
        let room = items.size_hint().0.saturating_add(1).min(fill);
        let mut leaf = Block::with_capacity(room);
        leaf.push(first);
        while leaf.len() < fill
            && let Some(item) = items.next()
        {
            leaf.push(item);
        }
        leaves.push(Child::of(Node::Leaf(leaf)));
    }
    leaves
}

/// An inner node of these children.
pub(super) fn inner<T: Element>(children: impl Iterator<Item = Child<T>>) -> Node<T> {
    let mut block = Block::with_capacity(children.size_hint().0);
    for child in children {
        block.push(child);
    }
    Node::Inner(block)
}
