//! A record as JSON that people read: indented, with links to what it names.

use std::fmt::Write as _;

use cairn_model::{Cid, Did, RepoPath, Value, json};
use url::Url;

use super::super::super::format::{beginning, plain};
use super::super::super::local::Local;

/// A stretch of the text.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub href: Option<String>,
    /// Whether the link leads to another site.
    pub leaves: bool,
}

/// The text of a record of `did`.
pub fn pretty(value: &Value, did: &Did, is_indented: bool) -> Vec<Piece> {
    let mut writer = Writer { did, is_indented, plain: String::new(), pieces: Vec::new() };
    writer.value(value, 0);
    writer.flush();
    writer.pieces
}

/// The beginning of a text of more bytes than `most`; `false` if it was all of it.
pub fn cut(pieces: &mut Vec<Piece>, most: usize) -> bool {
    let mut room = most;
    for at in 0..pieces.len() {
        let text = &mut pieces[at].text;
        if text.len() > room {
            text.truncate(beginning(text, room).len());
            pieces.truncate(at + 1);
            return true;
        }
        room -= text.len();
    }
    false
}

struct Writer<'a> {
    did: &'a Did,
    is_indented: bool,
    plain: String,
    pieces: Vec<Piece>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(map) if map.iter().next().is_some() => {
                let is_blob = map.get("$type").and_then(Value::as_str) == Some("blob");
                self.plain.push('{');
                for (n, (key, value)) in map.iter().enumerate() {
                    self.line(n, depth + 1);
                    self.plain.push_str(&text(&Value::from(key)));
                    self.plain.push_str(": ");
                    match value {
                        Value::Link(cid) if is_blob && key == "ref" => self.blob(cid),
                        value => self.value(value, depth + 1),
                    }
                }
                self.line(0, depth);
                self.plain.push('}');
            }
            Value::Array(items) if !items.is_empty() => {
                self.plain.push('[');
                for (n, item) in items.iter().enumerate() {
                    self.line(n, depth + 1);
                    self.value(item, depth + 1);
                }
                self.line(0, depth);
                self.plain.push(']');
            }
            Value::String(said) => {
                let shown = text(value);
                match target(said, self.did) {
                    Some((href, leaves)) => self.link(shown, href, leaves),
                    None => self.plain.push_str(&shown),
                }
            }
            value => self.plain.push_str(&text(value)),
        }
    }

    fn blob(&mut self, cid: &Cid) {
        self.plain.push_str("{ \"$link\": ");
        let href = Local::of_account(self.did, &format!("/data/blobs/{cid}"));
        self.link(format!("\"{cid}\""), href.to_string(), false);
        self.plain.push_str(" }");
    }

    fn link(&mut self, text: String, href: String, leaves: bool) {
        self.flush();
        self.pieces.push(Piece { text, href: Some(href), leaves });
    }

    /// Begins a line; before the second item and those that follow, a comma ends the line before.
    fn line(&mut self, n: usize, depth: usize) {
        let comma = if n > 0 { "," } else { "" };
        self.plain.push_str(comma);
        if self.is_indented {
            let _ = write!(self.plain, "\n{:width$}", "", width = depth * 2);
        }
    }

    fn flush(&mut self) {
        if !self.plain.is_empty() {
            let text = std::mem::take(&mut self.plain);
            self.pieces.push(Piece { text, href: None, leaves: false });
        }
    }
}

/// The JSON text of a value on one line. What would have a browser show it in another order is written as an escape.
fn text(value: &Value) -> String {
    plain(&String::from_utf8_lossy(&json::to_vec(value)))
}

/// Where a text leads, and whether that is another site: to a record of this repository, or to the web.
fn target(said: &str, did: &Did) -> Option<(String, bool)> {
    let own = said.strip_prefix("at://").and_then(|rest| rest.strip_prefix(did.as_str()));
    if let Some(path) = own.and_then(|rest| rest.strip_prefix('/')) {
        let path = RepoPath::parse(path).ok()?;
        let page = Local::of_account(did, &format!("/records/{}", path.as_str()));
        return Some((page.to_string(), false));
    }
    let url = Url::parse(said).ok().filter(|url| url.scheme() == "https" && url.has_host())?;
    Some((url.into(), true))
}

#[cfg(test)]
mod tests {
    use cairn_model::Limits;

    use super::super::super::super::format::is_indented;
    use super::*;

    fn shown(record: &str) -> Vec<Piece> {
        let value = json::from_slice(record.as_bytes(), &Limits::RECORD).unwrap();
        pretty(&value, &Did::parse("did:plc:abc").unwrap(), true)
    }

    fn links(record: &str) -> Vec<String> {
        shown(record).into_iter().filter_map(|piece| piece.href).collect()
    }

    #[test]
    fn the_text_is_the_same_json() {
        let record = r#"{"a":[1,{"b":null}],"c":{},"d":[],"e":"\u0000\"é","f":{"$bytes":"AQ"}}"#;
        let text: String = shown(record).into_iter().map(|piece| piece.text).collect();
        assert!(
            text.contains("\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ]"),
            "{text}"
        );
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(record).unwrap(), serde_json::from_str(&text).unwrap());
        assert_eq!(before, after);
    }

    /// In thirty lists around them, each of these numbers would bring sixty spaces along.
    #[test]
    fn what_is_large_is_not_indented() {
        let numbers = vec!["1"; 100_000].join(",");
        let record = format!("{{\"a\":{}{numbers}{}}}", "[".repeat(30), "]".repeat(30));
        let value = json::from_slice(record.as_bytes(), &Limits::RECORD).unwrap();
        let size = cairn_model::cbor::encode(&value).len();
        let pieces = pretty(&value, &Did::parse("did:plc:abc").unwrap(), is_indented(size));
        let shown: usize = pieces.iter().map(|piece| piece.text.len()).sum();
        assert_eq!(shown, record.len() + " ".len());
    }

    #[test]
    fn the_beginning_of_a_text_ends_between_characters() {
        let record = r#"{"a":"https://example.com/","b":"éé"}"#;
        let whole = shown(record);
        let len: usize = whole.iter().map(|piece| piece.text.len()).sum();
        for most in 0..=len {
            let mut pieces = shown(record);
            assert_eq!(cut(&mut pieces, most), most < len);
            let text: String = pieces.into_iter().map(|piece| piece.text).collect();
            assert!(text.len() <= most && most - text.len() < "é".len() + 1, "{most}: {text}");
        }
    }

    #[test]
    fn what_turns_text_round_is_written_out() {
        let said = "back \u{202e}desrever\u{202c}\u{2028}";
        let record = serde_json::json!({ "a": said }).to_string();
        let text: String = shown(&record).into_iter().map(|piece| piece.text).collect();
        assert!(text.contains(r"back \u202edesrever\u202c\u2028"), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["a"], said);
    }

    #[test]
    fn links_lead_to_own_records_own_files_and_the_web_only() {
        assert_eq!(
            links(r#"{"a":"at://did:plc:abc/app.bsky.feed.post/3k","b":"https://example.com/x"}"#),
            ["/account/u/did:plc:abc/records/app.bsky.feed.post/3k", "https://example.com/x"]
        );
        let blob = r#"{"f":{"$type":"blob","ref":{"$link":"bafkreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"},"mimeType":"a/b","size":1}}"#;
        assert_eq!(links(blob).len(), 1);
        for nowhere in [
            "javascript:alert(1)",
            "http://example.com/",
            "at://did:plc:other/app.bsky.feed.post/3k",
            "at://did:plc:abc/../x",
            "at://did:plc:abcd/app.bsky.feed.post/3k",
            "data:text/html,x",
            "https://",
        ] {
            assert!(links(&format!(r#"{{"a":"{nowhere}"}}"#)).is_empty(), "{nowhere}");
        }
    }
}
