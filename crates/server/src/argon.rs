//! Argon2id (RFC 9106) with the memory of each thread kept from one hash to the next.
//!
//! A hash works on 19 MiB. Taken from the allocator each time, small values settle in the freed block and the next hash
//! finds no room in it: a hundred sign-ups left 400 MiB behind. So call this on few threads, see [`crate::workers`].

use std::cell::RefCell;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

thread_local! {
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// The PHC string of a password, with a fresh salt.
///
/// # Errors
/// Not for any password that can be set.
pub(crate) fn hash(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    let salt = cairn_identity::random_bytes::<SALT_BYTES>();
    let (algorithm, version, params) = (Algorithm::Argon2id, Version::V0x13, Params::default());
    let output = compute(password, &salt, algorithm, version, &params)?;
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: (&params).try_into()?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&output)?),
    };
    Ok(hash.to_string())
}

/// Whether a PHC string was made of this password. What is no PHC string of Argon2 matches nothing.
pub(crate) fn matches(password: &[u8], stored: &str) -> bool {
    recompute(password, stored).unwrap_or(false)
}

fn recompute(password: &[u8], stored: &str) -> Result<bool, argon2::password_hash::Error> {
    let stored = PasswordHash::new(stored)?;
    let (Some(salt), Some(hash)) = (&stored.salt, &stored.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str())?;
    let version = stored.version.map_or(Ok(Version::default()), Version::try_from)?;
    let output = compute(password, salt, algorithm, version, &Params::try_from(&stored)?)?;
    Ok(output.ct_eq(hash.as_bytes()).into())
}

fn compute(
    password: &[u8],
    salt: &[u8],
    algorithm: Algorithm,
    version: Version,
    params: &Params,
) -> Result<Vec<u8>, argon2::password_hash::Error> {
    let mut output = vec![0; params.output_len().unwrap_or(HASH_BYTES)];
    MEMORY.with_borrow_mut(|memory| {
        let blocks = params.block_count();
        if memory.len() < blocks {
            memory.resize(blocks, Block::default());
        }
        let argon = Argon2::new(algorithm, version, params.clone());
        argon.hash_password_into_with_memory(password, salt, &mut output, &mut memory[..blocks])
    })?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher, PasswordVerifier};

    #[test]
    fn hashes_are_those_of_the_library() {
        let ours = hash(b"correct horse").unwrap();
        assert!(ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ours}");
        let parsed = PasswordHash::new(&ours).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        let theirs = Argon2::default().hash_password(b"correct horse").unwrap().to_string();
        for stored in [&ours, &theirs] {
            assert!(matches(b"correct horse", stored));
            assert!(!matches(b"correct horsf", stored));
        }
        assert!(!matches(b"", "not a hash"));
        assert!(!matches(b"", "$argon2id$v=19$m=19456,t=2,p=1"));
    }

    #[test]
    fn other_costs_are_read_from_the_hash() {
        let params = Params::new(64, 3, 1, Some(16)).unwrap();
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let stored = argon.hash_password(b"password").unwrap().to_string();
        assert!(matches(b"password", &stored));
    }
}
