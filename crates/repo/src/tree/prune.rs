//! Forgetting: a tree that is kept as a cache holds the paths that were used last.

use super::{Child, Tree};

impl Tree {
    /// How many nodes are in memory at most; exact after [`Tree::prune`].
    pub fn loaded_nodes(&self) -> usize {
        self.loaded
    }

    /// Forgets clean nodes, least recently used first, so that about `keep_nodes` stay. All nodes
    /// of the last operation stay, and all that are not committed.
    ///
    /// Does nothing until there are half as many nodes again, so that it may be called after each
    /// commit: looking at all nodes costs a few visits per node that was loaded since.
    ///
    /// What is forgotten is read from the source again, so call this only while the source has
    /// the rows of all commits so far.
    pub fn prune(&mut self, keep_nodes: usize) {
        if self.loaded <= keep_nodes + keep_nodes / 2 {
            return;
        }
        let mut used = Vec::with_capacity(self.loaded);
        collect_used(&self.root, &mut used);
        self.loaded = used.len();
        if used.len() <= keep_nodes {
            return;
        }
        let nth = used.len() - keep_nodes.max(1);
        let (_, oldest_kept, _) = used.select_nth_unstable(nth);
        // A parent is used whenever a child is, so whole subtrees fall below the line.
        forget(&mut self.root, *oldest_kept);
        let mut left = Vec::new();
        collect_used(&self.root, &mut left);
        self.loaded = left.len();
    }
}

fn collect_used(child: &Child, used: &mut Vec<u64>) {
    if let Child::Loaded(node) = child {
        used.push(node.used);
        collect_used(&node.left, used);
        for entry in &node.entries {
            collect_used(&entry.right, used);
        }
    }
}

fn forget(child: &mut Child, oldest_kept: u64) {
    let Child::Loaded(node) = child else { return };
    if node.used < oldest_kept
        && node.is_clean()
        && let Some(cid) = child.link()
    {
        *child = Child::Stored(cid);
        return;
    }
    if let Child::Loaded(node) = child {
        forget(&mut node.left, oldest_kept);
        for entry in &mut node.entries {
            forget(&mut entry.right, oldest_kept);
        }
    }
}
