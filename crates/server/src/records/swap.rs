//! `swapRecord` of an input: absent (whatever is there), `null` (nothing may be there), or a CID.

use cairn_model::Cid;
use serde::{Deserialize, Deserializer};

/// Tells `null` from absence; use with `#[serde(default)]`.
pub fn swap_record<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Cid>>, D::Error> {
    Option::<Cid>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Input {
        #[serde(default, deserialize_with = "swap_record")]
        swap: Option<Option<Cid>>,
    }

    #[test]
    fn null_is_not_absence() {
        let parse = |text| serde_json::from_str::<Input>(text).unwrap().swap;
        assert_eq!(parse("{}"), None);
        assert_eq!(parse(r#"{"swap":null}"#), Some(None));
        let cid = Cid::cbor_of(b"x");
        assert_eq!(parse(&format!(r#"{{"swap":"{cid}"}}"#)), Some(Some(cid)));
    }
}
