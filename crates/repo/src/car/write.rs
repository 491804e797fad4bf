//! Writing CARs into a buffer.

use cairn_model::Cid;
use cairn_model::cbor::write;

use super::varint;

/// Appends the header: `{ "roots": [CID], "version": 1 }` with its length before it.
pub fn write_header(roots: &[Cid], out: &mut Vec<u8>) {
    let mut header = Vec::with_capacity(20 + roots.len() * 41);
    write::map(&mut header, 2);
    write::text(&mut header, "roots");
    write::array(&mut header, roots.len());
    for root in roots {
        write::cid(&mut header, root);
    }
    write::text(&mut header, "version");
    write::uint(&mut header, 1);
    varint::write(out, header.len() as u64);
    out.extend_from_slice(&header);
}

/// Appends one block: the length of CID and bytes, the CID, the bytes.
pub fn write_block(cid: &Cid, bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(block_len(bytes.len()));
    varint::write(out, (Cid::BYTES + bytes.len()) as u64);
    out.extend_from_slice(&cid.to_bytes());
    out.extend_from_slice(bytes);
}

/// How many bytes [`write_block`] appends for a block of this size.
pub fn block_len(bytes: usize) -> usize {
    let section = Cid::BYTES + bytes;
    varint::len(section as u64) + section
}

/// A CAR with one root.
pub fn to_vec<'a>(root: &Cid, blocks: impl IntoIterator<Item = (&'a Cid, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    write_header(std::slice::from_ref(root), &mut out);
    for (cid, bytes) in blocks {
        write_block(cid, bytes, &mut out);
    }
    out
}
