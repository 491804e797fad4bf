//! JSON input: a typed struct per method.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::error::XrpcError;

/// The method's input, parsed from the JSON body.
#[derive(Debug)]
pub struct Input<T>(pub T);

/// Why an input was not understood: where, and what.
struct Refused {
    path: String,
    reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() || self.path == "." {
            return write!(f, "Invalid input: {}", self.reason);
        }
        write!(f, "Invalid input: {}: {}", self.path, self.reason)
    }
}

/// Parses a JSON body.
///
/// # Errors
/// 400 `InvalidRequest` with the path of the field.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, XrpcError> {
    serde_json::from_slice(bytes)
        .map_err(|_| XrpcError::invalid_request(explain::<T>(bytes).to_string()))
}

/// Parses again, slower, to find out where the input went wrong.
fn explain<T: DeserializeOwned>(bytes: &[u8]) -> Refused {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(err) => Refused { path: err.path().to_string(), reason: err.inner().to_string() },
        Ok(_) => {
            Refused { path: String::new(), reason: "there is text after the JSON value".into() }
        }
    }
}
