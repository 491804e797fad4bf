//! CAR files, version 1: a header with roots, then blocks with their CIDs.
//!
//! Reading is a push parser that checks each block against its CID and takes blocks in any order;
//! writing appends to a buffer. Neither touches files. Spec:
//! <https://ipld.io/specs/transport/car/carv1/>, <https://atproto.com/specs/repository#car-file-serialization>.

mod reader;
mod varint;
mod write;

pub use reader::{CarError, CarItem, CarLimits, CarReader};
pub use write::{block_len, to_vec, write_block, write_header};
