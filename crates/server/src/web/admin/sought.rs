//! What somebody pastes who looks for a record, a blob or an account: an at-uri, a DID or handle, the address of a post, of a
//! picture, of a blob.

use cairn_model::{AtIdentifier, AtUri, Cid, Did, Handle, RecordKey};

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    Account(AtIdentifier),
    Record(AtUri),
    Blob(AtIdentifier, Cid),
}

impl Sought {
    /// `None` for what names nothing that could be here.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('@');
        if let Ok(uri) = AtUri::parse(text) {
            return Some(match uri.rkey() {
                Some(_) => Self::Record(uri),
                None => Self::Account(uri.identifier().ok()?),
            });
        }
        let text = decoded(text);
        let words: Vec<&str> =
            text.split(|c: char| c.is_whitespace() || "/?&=@#,".contains(c)).collect();
        let account = account(&text, &words)?;
        if let Some(cid) = words.iter().find_map(|word| Cid::parse(word).ok()) {
            return Some(Self::Blob(account, cid));
        }
        match after(&words, "post").and_then(|rkey| RecordKey::parse(rkey).ok()) {
            Some(rkey) => {
                let uri = format!("at://{account}/app.bsky.feed.post/{rkey}");
                Some(Self::Record(AtUri::parse(&uri).ok()?))
            }
            None => Some(Self::Account(account)),
        }
    }
}

/// A DID wherever it stands; a handle where an address has one, or alone: the host of an address looks like one too.
fn account(text: &str, words: &[&str]) -> Option<AtIdentifier> {
    if let Some(did) = words.iter().find_map(|word| Did::parse(word).ok()) {
        return Some(AtIdentifier::Did(did));
    }
    let name = match text.contains("://") {
        true => after(words, "profile")?,
        false => words.first()?,
    };
    Handle::parse(name).ok().map(AtIdentifier::Handle)
}

fn after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    let at = words.iter().position(|it| *it == word)?;
    words.get(at + 1).copied()
}

/// Without percent-encoding; did:web has some of its own, which stays where nothing else is encoded.
fn decoded(text: &str) -> String {
    if !text.contains("%3A") || text.contains("did:") {
        return text.to_owned();
    }
    let query = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(query.as_bytes()).next();
    decoded.map_or_else(String::new, |(text, _)| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DID: &str = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    const CID: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

    #[test]
    fn whatever_names_a_record_finds_it() {
        let record = |uri: &str| Some(Sought::Record(AtUri::parse(uri).unwrap()));
        let uri = format!("at://{DID}/app.bsky.feed.post/3k");
        assert_eq!(Sought::read(&format!(" {uri} ")), record(&uri));
        let address = format!("https://bsky.app/profile/{DID}/post/3k?x=1");
        assert_eq!(Sought::read(&address), record(&uri));
        let address = "https://bsky.app/profile/alice.test/post/3k";
        assert_eq!(Sought::read(address), record("at://alice.test/app.bsky.feed.post/3k"));
    }

    #[test]
    fn whatever_names_a_blob_or_an_account_finds_it() {
        let did = AtIdentifier::Did(Did::parse(DID).unwrap());
        let blob = Some(Sought::Blob(did.clone(), Cid::parse(CID).unwrap()));
        let encoded = DID.replace(':', "%3A");
        for text in [
            format!("{DID} {CID}"),
            format!("https://pds.test/xrpc/com.atproto.sync.getBlob?did={DID}&cid={CID}"),
            format!("https://pds.test/xrpc/com.atproto.sync.getBlob?did={encoded}&cid={CID}"),
            format!("https://cdn.bsky.app/img/feed_thumbnail/plain/{DID}/{CID}@jpeg"),
        ] {
            assert_eq!(Sought::read(&text), blob, "{text}");
        }
        for text in [DID.to_owned(), format!("at://{DID}"), format!("https://x.test/{DID}")] {
            assert_eq!(Sought::read(&text), Some(Sought::Account(did.clone())), "{text}");
        }
        let alice = AtIdentifier::Handle(Handle::parse("alice.test").unwrap());
        for text in ["alice.test", "@alice.test", "https://bsky.app/profile/alice.test"] {
            assert_eq!(Sought::read(text), Some(Sought::Account(alice.clone())), "{text}");
        }
    }

    #[test]
    fn nothing_is_found_in_what_names_nothing() {
        for text in ["", "alice", CID, "https://bsky.app/", "at://", "did:plc", "%3A%ff"] {
            assert_eq!(Sought::read(text), None, "{text}");
        }
    }
}
