//! What follows, blocks, likes and reposts point at: an account has at most one of each per
//! subject.

use cairn_model::{Limits, RepoPath, Value, cbor};
use rusqlite::Connection;

use crate::error::StoreError;
use crate::ids::RepoId;

/// Most duplicates that one create replaces; a repository that came from elsewhere may have any
/// number.
const MAX_DUPLICATES: u32 = 64;

/// A record that counts as a duplicate of every other with the same collection and target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) path: RepoPath,
    pub(crate) target: String,
}

/// The link that a record makes, if it is of a kind that does.
pub(crate) fn link_of(path: &RepoPath, record: &[u8]) -> Option<Link> {
    if !makes_links(path) {
        return None;
    }
    let Ok(Value::Object(record)) = cbor::decode(record, &Limits::RECORD) else { return None };
    let target = match record.get("subject")? {
        Value::String(did) => did,
        Value::Object(subject) => subject.get_str("uri")?,
        _ => return None,
    };
    Some(Link { path: path.clone(), target: target.to_owned() })
}

/// Whether records of this collection make links.
pub(crate) fn makes_links(path: &RepoPath) -> bool {
    matches!(
        path.collection(),
        "app.bsky.graph.follow"
            | "app.bsky.graph.block"
            | "app.bsky.feed.like"
            | "app.bsky.feed.repost"
    )
}

/// Paths of the stored records that make the same link.
pub(crate) fn same_links(
    conn: &Connection,
    repo: RepoId,
    link: &Link,
) -> Result<Vec<RepoPath>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT path FROM backlink WHERE repo = ?1 AND collection = ?2 AND target = ?3 LIMIT ?4",
    )?;
    let mut rows =
        statement.query((repo.0, link.path.collection(), &link.target, MAX_DUPLICATES))?;
    let mut paths = Vec::new();
    while let Some(row) = rows.next()? {
        let path = row.get_ref(0)?.as_str().map_err(|_| DAMAGED)?;
        paths.push(RepoPath::parse(path).map_err(|_| DAMAGED)?);
    }
    Ok(paths)
}

/// Remembers a link.
pub(crate) fn insert(conn: &Connection, repo: RepoId, link: &Link) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT OR IGNORE INTO backlink (repo, collection, target, path) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((repo.0, link.path.collection(), &link.target, link.path.as_str()))?;
    Ok(())
}

/// Forgets the link of the record that is stored at `path`. Call it before the record changes.
pub(crate) fn remove(conn: &Connection, repo: RepoId, path: &RepoPath) -> Result<(), StoreError> {
    if !makes_links(path) {
        return Ok(());
    }
    let mut statement =
        conn.prepare_cached("SELECT bytes FROM record WHERE repo = ?1 AND path = ?2")?;
    let mut rows = statement.query((repo.0, path.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let record = row.get_ref(0)?.as_blob().map_err(|_| StoreError::Damaged { what: "record" })?;
    let Some(link) = link_of(path, record) else { return Ok(()) };
    conn.prepare_cached(
        "DELETE FROM backlink WHERE repo = ?1 AND collection = ?2 AND target = ?3 AND path = ?4",
    )?
    .execute((repo.0, path.collection(), &link.target, path.as_str()))?;
    Ok(())
}

const DAMAGED: StoreError = StoreError::Damaged { what: "path" };

/// Whether a link is remembered.
pub(crate) fn is_stored(conn: &Connection, repo: RepoId, link: &Link) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM backlink WHERE repo = ?1 AND collection = ?2 AND target = ?3 AND path = ?4",
        )?
        .exists((repo.0, link.path.collection(), &link.target, link.path.as_str()))?)
}
