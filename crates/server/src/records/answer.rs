//! The JSON of records, written straight from what is stored into one buffer: the hot path of reading.

use cairn_model::{Cid, Did, cbor};

use crate::error::XrpcError;

/// A JSON text in the making.
#[derive(Default)]
pub struct Answer(Vec<u8>);

impl Answer {
    /// An empty text with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds JSON as it stands.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// Adds text of which every character stands for itself in JSON, as in identifiers: no quotes, backslashes or
    /// control characters.
    pub fn plain(&mut self, text: &str) -> &mut Self {
        debug_assert!(!text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\'));
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// The finished text.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Adds `{"uri":…,"cid":…,"value":…}`.
///
/// # Errors
/// 500 when stored bytes are not a record.
pub fn write_record(
    answer: &mut Answer,
    (did, collection, rkey): (&Did, &str, &str),
    cid: &Cid,
    record: &[u8],
) -> Result<(), XrpcError> {
    answer
        .raw(r#"{"uri":"at://"#)
        .plain(did.as_str())
        .raw("/")
        .plain(collection)
        .raw("/")
        .plain(rkey);
    answer.raw(r#"","cid":""#).plain(&cid.to_string()).raw(r#"","value":"#);
    cbor::write_json(record, &mut answer.0).map_err(XrpcError::internal)?;
    answer.raw("}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use cairn_model::{Map, Value};

    use super::*;

    #[test]
    fn a_record_becomes_json_with_its_address() {
        let bytes = cbor::encode(&Value::from(Map::from_iter([("text", "a \"quoted\" word")])));
        let mut answer = Answer::default();
        let did = Did::parse("did:plc:abc").unwrap();
        write_record(&mut answer, (&did, "app.bsky.feed.post", "1"), &Cid::cbor_of(&bytes), &bytes)
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&answer.into_bytes()).unwrap();
        assert_eq!(json["uri"], "at://did:plc:abc/app.bsky.feed.post/1");
        assert_eq!(json["cid"], Cid::cbor_of(&bytes).to_string());
        assert_eq!(json["value"]["text"], "a \"quoted\" word");
    }
}
