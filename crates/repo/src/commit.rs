//! Commits: the signed statement that a tree is an account's repository at a revision.
//!
//! `{ "did", "rev", "sig", "data", "prev", "version" }`, in this order. The signature covers the
//! same map without `sig`. Spec: <https://atproto.com/specs/repository#commit-objects>.

use cairn_model::cbor::{CborError, Reader, write};
use cairn_model::{Cid, Codec, Did, SyntaxError, Tid};

use crate::limits::MAX_COMMIT_BYTES;

/// The version that is written.
pub const COMMIT_VERSION: u64 = 3;

/// What a commit says before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedCommit {
    pub did: Did,
    /// CID of the tree's root.
    pub data: Cid,
    pub rev: Tid,
}

/// A commit as it was signed by somebody. Its signature has not been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub did: Did,
    /// 3, or 2 for commits from before the revision became the order of commits.
    pub version: u64,
    /// CID of the tree's root.
    pub data: Cid,
    pub rev: Tid,
    /// The commit before, in version 2. Present and null in practice since.
    pub prev: Option<Cid>,
    /// 64 bytes from honest signers.
    pub sig: Vec<u8>,
}

/// Why a block is not a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    #[error("commit is not valid DAG-CBOR")]
    Cbor(#[from] CborError),
    #[error("commit is larger than {MAX_COMMIT_BYTES} bytes")]
    TooLarge,
    #[error("commit does not have exactly the fields did, rev, sig, data, prev and version")]
    Fields,
    #[error("commit has version {version}")]
    Version { version: u64 },
    #[error("did or rev of the commit is not valid")]
    Syntax(#[from] SyntaxError),
    #[error("commit links to something that is not DAG-CBOR")]
    LinkCodec,
    #[error("commit is not signed")]
    Unsigned,
}

impl UnsignedCommit {
    /// The bytes whose SHA-256 the account's key signs.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let fields = Fields {
            did: &self.did,
            rev: self.rev,
            sig: None,
            data: self.data,
            prev: None,
            version: COMMIT_VERSION,
        };
        fields.encode()
    }

    pub fn sign_with(self, sig: [u8; 64]) -> Commit {
        let Self { did, data, rev } = self;
        Commit { did, version: COMMIT_VERSION, data, rev, prev: None, sig: sig.to_vec() }
    }
}

impl Commit {
    /// Decodes a commit block: canonical form, exactly the fields of its version, a signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, CommitError> {
        if bytes.len() > MAX_COMMIT_BYTES {
            return Err(CommitError::TooLarge);
        }
        let mut reader = Reader::new(bytes);
        if reader.map()? != 6 {
            return Err(CommitError::Fields);
        }
        reader.expect_key("did")?;
        let did = Did::parse(reader.text()?)?;
        reader.expect_key("rev")?;
        let rev = Tid::parse(reader.text()?)?;
        reader.expect_key("sig")?;
        let sig = reader.bytes()?.to_vec();
        reader.expect_key("data")?;
        let data = reader.cid()?;
        reader.expect_key("prev")?;
        let prev = reader.opt_cid()?;
        reader.expect_key("version")?;
        let version = reader.uint()?;
        reader.end()?;
        if !matches!(version, 2 | 3) {
            return Err(CommitError::Version { version });
        }
        if [Some(data), prev].into_iter().flatten().any(|cid| cid.codec() != Codec::DagCbor) {
            return Err(CommitError::LinkCodec);
        }
        if sig.is_empty() {
            return Err(CommitError::Unsigned);
        }
        Ok(Self { did, version, data, rev, prev, sig })
    }

    /// The bytes that [`Commit::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        self.fields(Some(&self.sig)).encode()
    }

    /// The bytes that the signature covers.
    pub fn signing_bytes(&self) -> Vec<u8> {
        self.fields(None).encode()
    }

    /// CID of the signed commit.
    pub fn cid(&self) -> Cid {
        Cid::cbor_of(&self.encode())
    }

    fn fields<'a>(&'a self, sig: Option<&'a [u8]>) -> Fields<'a> {
        Fields {
            did: &self.did,
            rev: self.rev,
            sig,
            data: self.data,
            prev: self.prev,
            version: self.version,
        }
    }
}

struct Fields<'a> {
    did: &'a Did,
    rev: Tid,
    sig: Option<&'a [u8]>,
    data: Cid,
    prev: Option<Cid>,
    version: u64,
}

impl Fields<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        write::map(&mut out, if self.sig.is_some() { 6 } else { 5 });
        write::text(&mut out, "did");
        write::text(&mut out, self.did.as_str());
        write::text(&mut out, "rev");
        write::text(&mut out, &self.rev.to_string());
        if let Some(sig) = self.sig {
            write::text(&mut out, "sig");
            write::bytes(&mut out, sig);
        }
        write::text(&mut out, "data");
        write::cid(&mut out, &self.data);
        write::text(&mut out, "prev");
        write::opt_cid(&mut out, self.prev.as_ref());
        write::text(&mut out, "version");
        write::uint(&mut out, self.version);
        out
    }
}
