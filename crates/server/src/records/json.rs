//! A record inside a method's input.

use cairn_model::{Limits, Value, json};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A record as the client sent it, in the data model.
///
/// It is read straight from the request's text: no tree of another JSON library is built on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordJson(pub Value);

impl<'de> Deserialize<'de> for RecordJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        json::from_slice(text.get().as_bytes(), &Limits::RECORD).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input {
        repo: String,
        record: RecordJson,
    }

    #[test]
    fn records_are_read_wherever_they_stand() {
        let text = r#"{"repo":"r","record":{"a":[1,{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}]}}"#;
        let input: Input = serde_json::from_str(text).unwrap();
        assert_eq!(input.repo, "r");
        assert!(input.record.0.get("a").is_some());
    }

    #[test]
    fn what_is_outside_the_data_model_is_refused_with_its_place() {
        for (record, reason) in [
            (r#"{"a":1.5}"#, "integers"),
            (r#"{"a":9223372036854775808}"#, "64 bits"),
            (r#"{"a":1,"a":2}"#, "twice"),
            (&format!("{}1{}", r#"{"a":"#.repeat(33), "}".repeat(33)), "deeper"),
        ] {
            let text = format!(r#"{{"repo":"r","record":{record}}}"#);
            let mut deserializer = serde_json::Deserializer::from_str(&text);
            let err = serde_path_to_error::deserialize::<_, Input>(&mut deserializer).unwrap_err();
            assert_eq!(err.path().to_string(), "record", "{record}");
            assert!(err.inner().to_string().contains(reason), "{err}");
        }
    }
}
