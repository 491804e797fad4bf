//! Times in tokens: RFC 7519 §2, seconds since 1970, a fraction allowed.

use serde::{Deserialize, Deserializer, de};

/// A Unix time in whole seconds, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NumericDate(pub(crate) i64);

/// Years beyond the comprehension of this code: sums with it stay far from the ends of an `i64`.
const MAX_SECONDS: f64 = 1e15;

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..=MAX_SECONDS).contains(&seconds) {
            return Err(de::Error::custom("a time is out of range"));
        }
        // Exact: whole numbers of that size have a place in both types.
        Ok(Self(seconds.floor() as i64))
    }
}
