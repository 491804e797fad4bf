//! Query parameters: from the raw query string into a method's typed struct.
//!
//! Names may repeat (`uris=a&uris=b`) and may be written `uris[]=a` or `uris[0]=a`, as widely used clients do. Empty values count as absent, unknown names are
//! ignored, numbers and booleans are read from their text. Of a repeated name that is not a list, the first counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use url::form_urlencoded;

/// The method's parameters.
#[derive(Debug)]
pub struct Params<P>(pub P);

/// A method takes at most this many parameters; lists of 100 values are in use, more than 1,000 are not.
const MAX_PAIRS: usize = 1_000;

/// A page size: out of range is an error, absent is the default (with `#[serde(default)]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<const MIN: u32, const MAX: u32, const DEFAULT: u32>(u32);

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> Limit<MIN, MAX, DEFAULT> {
    pub fn as_u32(self) -> u32 {
        self.0
    }

    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<const MIN: u32, const MAX: u32, const DEFAULT: u32> Default for Limit<MIN, MAX, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const MIN: u32, const MAX: u32, const DEFAULT: u32> Deserialize<'de>
    for Limit<MIN, MAX, DEFAULT>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(deserializer)?;
        match u32::try_from(value) {
            Ok(value) if (MIN..=MAX).contains(&value) => Ok(Self(value)),
            _ => Err(de::Error::custom(format_args!("must be between {MIN} and {MAX}"))),
        }
    }
}

/// Why parameters were not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    #[error("{name}: {reason}")]
    At { name: String, reason: String },
    #[error("{0}")]
    Other(String),
    #[error("too many parameters (at most {MAX_PAIRS})")]
    TooMany,
    #[error("not UTF-8")]
    Encoding,
}

impl de::Error for ParamsError {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        Self::Other(msg.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::At { name: field.into(), reason: "missing".into() }
    }
}

/// Parses a query string.
///
/// # Errors
/// Names the parameter and what is wrong with it.
pub(crate) fn parse<P: DeserializeOwned>(query: &str) -> Result<P, ParamsError> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (n, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        if n >= MAX_PAIRS {
            return Err(ParamsError::TooMany);
        }
        // The parser puts U+FFFD where the bytes are no UTF-8; no identifier or cursor holds it.
        if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
            return Err(ParamsError::Encoding);
        }
        if value.is_empty() {
            continue;
        }
        let name = without_brackets(name);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.values.push(value),
            None => groups.push(Group { name, values: vec![value] }),
        }
    }
    P::deserialize(Groups { rest: groups.into_iter(), current: None })
}

/// `foo[]` and `foo[3]` are `foo`.
fn without_brackets(name: Cow<'_, str>) -> Cow<'_, str> {
    let Some((bare, index)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) else {
        return name;
    };
    if bare.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
        return name;
    }
    Cow::Owned(bare.to_owned())
}

struct Group<'a> {
    name: Cow<'a, str>,
    values: Vec<Cow<'a, str>>,
}

struct Groups<'a> {
    rest: std::vec::IntoIter<Group<'a>>,
    current: Option<Group<'a>>,
}

impl<'de> Deserializer<'de> for Groups<'_> {
    type Error = ParamsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Groups<'_> {
    type Error = ParamsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ParamsError> {
        self.current = self.rest.next();
        let Some(group) = &self.current else { return Ok(None) };
        seed.deserialize(group.name.as_ref().into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ParamsError> {
        let Some(group) = self.current.take() else { return Err(de::Error::custom("no value")) };
        let Group { name, values } = group;
        seed.deserialize(Values(values)).map_err(|err| match err {
            ParamsError::Other(reason) => ParamsError::At { name: name.into_owned(), reason },
            err => err,
        })
    }
}

/// All values of one name; never empty.
struct Values<'a>(Vec<Cow<'a, str>>);

impl<'a> Values<'a> {
    fn first(self) -> Text<'a> {
        Text(self.0.into_iter().next().unwrap_or_default())
    }
}

/// Scalars are read from the first value.
macro_rules! first_value {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
            self.first().$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Values<'_> {
    type Error = ParamsError;

    first_value! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_str deserialize_string deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParamsError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor.visit_seq(ValueSeq(self.0.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParamsError> {
        visitor.visit_enum(self.first().0.into_owned().into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct map struct
    }
}

struct ValueSeq<'a>(std::vec::IntoIter<Cow<'a, str>>);

impl<'de> SeqAccess<'de> for ValueSeq<'_> {
    type Error = ParamsError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ParamsError> {
        let Some(value) = self.0.next() else { return Ok(None) };
        seed.deserialize(Values(vec![value])).map(Some)
    }
}

/// One value.
struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    fn integer(&self) -> Result<i64, ParamsError> {
        self.0.parse().map_err(|_| ParamsError::Other("must be an integer".into()))
    }

    fn unsigned(&self) -> Result<u64, ParamsError> {
        self.0.parse().map_err(|_| ParamsError::Other("must be a whole number, not below 0".into()))
    }

    fn deserialize_bool<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        match self.0.as_ref() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(ParamsError::Other("must be true or false".into())),
        }
    }

    fn deserialize_any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }
}

macro_rules! scalars {
    ($visit:ident, $read:ident: $($method:ident)*) => {
        impl Text<'_> {$(
            fn $method<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
                visitor.$visit(self.$read()?)
            }
        )*}
    };
}

scalars!(visit_i64, integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64);
scalars!(visit_u64, unsigned: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);

macro_rules! texts {
    ($($method:ident)*) => {
        impl Text<'_> {$(
            fn $method<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamsError> {
                self.deserialize_any(visitor)
            }
        )*}
    };
}

texts!(deserialize_str deserialize_string deserialize_identifier);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Page {
        did: String,
        #[serde(default)]
        limit: Limit<1, 100, 50>,
        #[serde(default)]
        reverse: bool,
        #[serde(default)]
        uris: Vec<String>,
        since: Option<String>,
        seq: Option<u64>,
    }

    fn page(query: &str) -> Result<Page, ParamsError> {
        parse(query)
    }

    #[test]
    fn lists_may_be_repeated_bracketed_or_indexed() {
        let parsed = page("did=did:x:y&uris=a&uris[]=b&uris%5B12%5D=c&uris[x]=no").unwrap();
        assert_eq!(parsed.uris, ["a", "b", "c"]);
    }

    #[test]
    fn empty_values_are_absent_and_unknown_names_are_ignored() {
        let parsed = page("did=d&since=&what=ever&limit=7&reverse=true&seq=9").unwrap();
        assert_eq!(parsed.since, None);
        assert_eq!(parsed.limit.get(), 7);
        assert_eq!(parsed.seq, Some(9));
        assert!(parsed.reverse);
        assert_eq!(page("did=").unwrap_err().to_string(), "did: missing");
    }

    #[test]
    fn the_first_of_a_repeated_scalar_counts() {
        assert_eq!(page("did=a&did=b").unwrap().did, "a");
    }

    #[test]
    fn errors_name_the_parameter() {
        assert_eq!(
            page("did=a&limit=0").unwrap_err().to_string(),
            "limit: must be between 1 and 100"
        );
        assert_eq!(page("did=a&limit=ten").unwrap_err().to_string(), "limit: must be an integer");
        assert_eq!(
            page("did=a&reverse=1").unwrap_err().to_string(),
            "reverse: must be true or false"
        );
        assert_eq!(
            page("did=a&seq=-1").unwrap_err().to_string(),
            "seq: must be a whole number, not below 0"
        );
        assert_eq!(page("did=%ff").unwrap_err(), ParamsError::Encoding);
        assert_eq!(page(&"a=1&".repeat(1_001)).unwrap_err(), ParamsError::TooMany);
    }
}
