//! Every bound that this crate holds, with its reason.
//!
//! Spec: <https://atproto.com/specs/sync> (sizes of events), <https://atproto.com/specs/repository>.

/// Largest record block, in bytes. Relays and consumers drop anything above it.
pub const MAX_RECORD_BYTES: usize = 1_000_000;

/// Largest `blocks` field (a CAR) of a `#commit` event, in bytes.
pub const MAX_COMMIT_BLOCKS_BYTES: usize = 2_000_000;

/// Most operations in one `#commit` event.
pub const MAX_COMMIT_OPS: usize = 200;

/// Largest `blocks` field of a `#sync` event, in bytes: one commit block with its CAR framing.
pub const MAX_SYNC_BLOCKS_BYTES: usize = 10_000;

/// Largest frame on the event stream, in bytes. Consumers close the socket above it.
pub const MAX_FRAME_BYTES: usize = 5_000_000;

/// Longest key of the tree (`collection/rkey`), in bytes.
pub const MAX_KEY_BYTES: usize = 1_024;

/// Most entries in one node. A run of keys without a higher one between them has length n with
/// probability (3/4)^n, so even 256 entries (10^-32) do not happen by chance. Somebody who
/// *chooses* keys of one layer can reach any number, and every later write would rewrite that one
/// node: such a write is refused here, and such a foreign node too.
pub const MAX_NODE_ENTRIES: usize = 2_048;

/// Highest layer of a key. Layer n costs 4^n hashes to find, so 32 is out of anybody's reach, and
/// a key at layer n forces a chain of up to 2n nodes. It also bounds every recursion and stack.
pub const MAX_LAYER: u8 = 32;

/// Largest CAR section (CID and block) that a reader takes by default, in bytes.
pub const MAX_CAR_BLOCK_BYTES: usize = 2 * 1024 * 1024;

/// Largest CAR header, in bytes: the fixed part is 18 bytes, each root adds 41.
pub const MAX_CAR_HEADER_BYTES: usize = 4 * 1024;

/// Largest commit block, in bytes: the DID is at most 2,048 and the rest is below 300.
pub const MAX_COMMIT_BYTES: usize = 4 * 1024;
