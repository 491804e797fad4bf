//! The outside of a tar file: a block of 512 bytes before each file, zeros after it. Format: POSIX.1-1988 `ustar`, and for
//! sizes from 8 GiB on the binary form of GNU tar, which every reader of today knows. Written for who takes an account along,
//! and read for who brings it back.

use bytes::Bytes;
use jiff::Timestamp;

pub const BLOCK: usize = 512;
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

/// What stands before a file, as it is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// With the folders, without `./` in front.
    pub name: String,
    pub size: u64,
    /// Neither a folder, nor a link, nor a note about the file that follows.
    pub is_file: bool,
}

/// A block that no tar file has before a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tar file")]
pub struct NotTar;

/// Whether a file that begins so is a tar file.
pub fn is_tar(start: &[u8]) -> bool {
    start.get(257..262) == Some(b"ustar")
}

/// Reads what stands before a file; none at the end of the archive.
///
/// # Errors
/// For a block whose sum is wrong, or that says no size.
pub fn read(block: &[u8; BLOCK]) -> Result<Option<Entry>, NotTar> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let (before, rest) = block.split_at(148);
    let (sum, after) = rest.split_at(8);
    let blank = [b' '; 8];
    let found: u64 = before.iter().chain(&blank).chain(after).map(|byte| u64::from(*byte)).sum();
    if !is_tar(block) || octal(sum) != Some(found) {
        return Err(NotTar);
    }
    let size = match &block[124..136] {
        [0x80, 0, 0, 0, large @ ..] => {
            u64::from_be_bytes(<[u8; 8]>::try_from(large).map_err(|_| NotTar)?)
        }
        digits => octal(digits).ok_or(NotTar)?,
    };
    let mut name = text(&block[..100]);
    // Where GNU tar keeps times, others keep the folders of a long name.
    if &block[257..263] == b"ustar\0" && block[345] != 0 {
        name = format!("{}/{name}", text(&block[345..500]));
    }
    let is_file = matches!(block[156], b'0' | 0);
    Ok(Some(Entry { name: name.trim_start_matches("./").to_owned(), size, is_file }))
}

/// Up to the first zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(|c| c == ' ' || c == '\0'), 8).ok()
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
    fn what_is_written_is_read() {
        for size in [0, 1_000, MAX_OCTAL_SIZE, MAX_OCTAL_SIZE + 1, u64::MAX] {
            let block = header("blobs/x.png", size, Timestamp::UNIX_EPOCH);
            let name = "blobs/x.png".to_owned();
            assert_eq!(read(&block), Ok(Some(Entry { name, size, is_file: true })));
        }
        assert_eq!(read(&[0; BLOCK]), Ok(None));
    }

    #[test]
    fn names_are_those_that_people_see() {
        let mut block = header("./repo.car", 1, Timestamp::UNIX_EPOCH);
        assert_eq!(read(&block).unwrap().unwrap().name, "repo.car");
        put(&mut block, 345, b"folder");
        put(&mut block, 156, b"5");
        put(&mut block, 148, b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
        let read = read(&block).unwrap().unwrap();
        assert_eq!((read.name.as_str(), read.is_file), ("folder/./repo.car", false));
    }

    #[test]
    fn other_blocks_are_refused() {
        let good = header("x", 1, Timestamp::UNIX_EPOCH);
        for at in 0..BLOCK {
            let mut block = good;
            block[at] ^= 0x04;
            // The sum ends with a zero and a blank that say nothing.
            assert!(read(&block) == Err(NotTar) || (154..156).contains(&at), "{at}");
        }
        for noise in [[b'0'; BLOCK], [0xff; BLOCK]] {
            assert_eq!(read(&noise), Err(NotTar));
        }
    }

    #[test]
    fn files_fill_whole_blocks() {
        for (size, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(size).len(), zeros, "{size}");
        }
    }
}
