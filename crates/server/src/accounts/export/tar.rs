//! The outside of a tar file: a block of 512 bytes before each file, zeros after it. Format: POSIX.1-1988 `ustar`, and for
//! sizes from 8 GiB on the binary form of GNU tar, which every reader of today knows.

use bytes::Bytes;
use jiff::Timestamp;

const BLOCK: usize = 512;
/// Eleven octal digits.
const MAX_OCTAL_SIZE: u64 = (1 << 33) - 1;

/// Two empty blocks.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// What stands before a file. Names have at most 100 bytes, without any that a shell or a file system minds.
pub fn header(name: &str, size: u64, at: Timestamp) -> [u8; BLOCK] {
    debug_assert!(name.len() <= 100, "{name}");
    let mut block = [0; BLOCK];
    put(&mut block, 0, name.as_bytes());
    put(&mut block, 100, b"0000644\0");
    put(&mut block, 108, b"0000000\0");
    put(&mut block, 116, b"0000000\0");
    if size <= MAX_OCTAL_SIZE {
        put(&mut block, 124, format!("{size:011o}\0").as_bytes());
    } else {
        put(&mut block, 124, &[0x80, 0, 0, 0]);
        put(&mut block, 128, &size.to_be_bytes());
    }
    put(&mut block, 136, format!("{:011o}\0", at.as_second().max(0)).as_bytes());
    // The sum is made while its own place is blank.
    put(&mut block, 148, b"        ");
    put(&mut block, 156, b"0");
    put(&mut block, 257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

/// The zeros that fill the last block of a file.
pub fn padding(size: u64) -> Bytes {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { Bytes::new() } else { Bytes::from_static(&ZEROS[over..]) }
}

/// Adds a whole file.
pub fn add(out: &mut Vec<u8>, name: &str, content: &[u8], at: Timestamp) {
    let size = content.len() as u64;
    out.extend_from_slice(&header(name, size, at));
    out.extend_from_slice(content);
    out.extend_from_slice(&padding(size));
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    for (place, byte) in block.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_name_size_and_sum() {
        let block = header("repo.car", 1_000, Timestamp::from_second(1_700_000_000).unwrap());
        assert_eq!(&block[..9], b"repo.car\0");
        assert_eq!(&block[124..136], b"00000001750\0");
        assert_eq!(&block[257..265], b"ustar\x0000");
        let mut blank = block;
        put(&mut blank, 148, b"        ");
        let sum: u32 = blank.iter().map(|byte| u32::from(*byte)).sum();
        assert_eq!(&block[148..156], format!("{sum:06o}\0 ").as_bytes());
    }

    #[test]
    fn sizes_beyond_octal_are_binary() {
        let block = header("x", 1 << 33, Timestamp::UNIX_EPOCH);
        assert_eq!(block[124], 0x80);
        assert_eq!(block[128..136], (1_u64 << 33).to_be_bytes());
        assert_eq!(&header("x", MAX_OCTAL_SIZE, Timestamp::UNIX_EPOCH)[124..135], b"77777777777");
    }

    #[test]
    fn files_fill_whole_blocks() {
        for (size, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(size).len(), zeros, "{size}");
        }
    }
}
