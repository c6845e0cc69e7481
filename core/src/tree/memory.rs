//! What a tree takes on the heap, and how its leaves are filled.

use super::Tree;
use super::block::Block;
use super::element::Element;
use super::node::{Child, Node};

impl<T: Element> Tree<T> {
    /// Bytes of the nodes and of what the items own, as `of_item` tells it for
    /// each. At most about `samples` items are visited, the first ones, and the
    /// rest is taken to be like them; `usize::MAX` counts all.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize, of_item: impl Fn(&T) -> usize) -> usize {
        let visited = self.len().min(samples.max(1));
        let owned = self.iter().take(visited).map(of_item).sum();
        node_bytes(&self.root, samples) + scaled(owned, visited, self.len())
    }

    /// How many items each leaf holds, in order.
    #[must_use]
    pub fn leaf_lens(&self) -> Vec<usize> {
        let mut lens = Vec::new();
        collect_leaf_lens(&self.root, &mut lens);
        lens
    }
}

fn collect_leaf_lens<T: Element>(node: &Node<T>, lens: &mut Vec<usize>) {
    match node {
        Node::Leaf(items) => lens.push(items.len()),
        Node::Inner(children) => {
            for child in children.iter() {
                collect_leaf_lens(&child.node, lens);
            }
        }
    }
}

/// Bytes of this node and those below, from those above the first `samples` items.
fn node_bytes<T: Element>(node: &Node<T>, samples: usize) -> usize {
    match node {
        Node::Leaf(items) => items.heap_bytes(),
        Node::Inner(children) => children.heap_bytes() + children_bytes(children, samples),
    }
}

fn children_bytes<T: Element>(children: &Block<Child<T>>, samples: usize) -> usize {
    let (mut bytes, mut visited) = (0, 0);
    for child in children.iter() {
        bytes += node_bytes(&child.node, samples - visited);
        visited += child.items;
        if visited >= samples {
            break;
        }
    }
    let items = children.iter().map(|child| child.items).sum();
    scaled(bytes, visited, items)
}

/// What all of `total` take where `visited` of them take `bytes`.
fn scaled(bytes: usize, visited: usize, total: usize) -> usize {
    if visited == total {
        return bytes;
    }
    let scaled = bytes as u128 * total as u128 / visited.max(1) as u128;
    usize::try_from(scaled).unwrap_or(usize::MAX)
}
