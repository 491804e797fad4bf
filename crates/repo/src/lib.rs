#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod blocks;
mod builder;
pub mod car;
mod commit;
pub mod frame;
#[doc(hidden)]
pub mod fuzz;
mod key;
pub mod limits;
mod node;
mod tree;
pub mod verify;
pub mod walk;

pub use blocks::{BlockMap, BlockMapError};
pub use builder::{BuildError, TreeBuilder};
pub use commit::{Commit, CommitError, UnsignedCommit};
pub use key::{KeyError, check_key, common_prefix_len, key_layer};
pub use node::{DataEntry, NodeData, NodeError, decode_node, empty_root, encode_node};
pub use tree::{Changes, NodeRow, NodeSource, Tree, TreeError};
