//! Values of the data model: <https://atproto.com/specs/data-model>.

use std::cmp::Ordering;

use crate::Cid;

/// A value of the data model. There are no floats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer; beyond 53 bits other implementations lose digits.
    Int(i64),
    /// Text, of any Unicode characters, NUL too.
    String(String),
    /// Bytes: `{"$bytes": …}` in JSON.
    Bytes(Vec<u8>),
    /// A link: `{"$link": …}` in JSON.
    Link(Cid),
    /// A list.
    Array(Vec<Value>),
    /// An object.
    Object(Map),
}

/// How large a value may be. The bytes as a whole are bounded by whoever has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Containers inside containers; the outermost counts. Never more than [`Limits::MAX_DEPTH`] in effect.
    pub depth: usize,
    /// Elements of one list or object.
    pub container: usize,
    /// Bytes of one object key.
    pub key_bytes: usize,
}

impl Limits {
    /// The protocol's advice for records: <https://atproto.com/guides/data-validation>.
    pub const RECORD: Self = Self { depth: 32, container: 131_072, key_bytes: 8_192 };
    /// Readers recurse, so that no limits allow more than this.
    pub const MAX_DEPTH: usize = 120;
}

impl Default for Limits {
    fn default() -> Self {
        Self::RECORD
    }
}

impl Value {
    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The link.
    #[must_use]
    pub fn as_link(&self) -> Option<&Cid> {
        match self {
            Self::Link(cid) => Some(cid),
            _ => None,
        }
    }

    /// The list.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The object, to change it.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// A field of an object; none if this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}
impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}
impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}
impl From<Cid> for Value {
    fn from(cid: Cid) -> Self {
        Self::Link(cid)
    }
}
impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Object(map)
    }
}
impl From<Vec<Value>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::Array(items)
    }
}

/// The order of keys in DAG-CBOR: shorter keys first, then bytewise.
pub(crate) fn key_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

/// An object, kept in the order of keys that DAG-CBOR demands, so that encoding is one pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map(Vec<(String, Value)>);

impl Map {
    /// An empty object.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// An object of fields in any order; none if a key occurs twice.
    pub(crate) fn from_unsorted(mut fields: Vec<(String, Value)>) -> Option<Self> {
        fields.sort_unstable_by(|(a, _), (b, _)| key_order(a, b));
        let unique = fields.windows(2).all(|pair| !matches!(pair, [(a, _), (b, _)] if a == b));
        unique.then_some(Self(fields))
    }

    /// An object of fields that a decoder has seen in ascending order.
    pub(crate) fn from_sorted(fields: Vec<(String, Value)>) -> Self {
        debug_assert!(
            fields.windows(2).all(|p| matches!(p, [(a, _), (b, _)] if key_order(a, b).is_lt()))
        );
        Self(fields)
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(probe, _)| key_order(probe, key))
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position(key).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.position(key).ok().and_then(|at| self.0.get_mut(at)).map(|(_, value)| value)
    }

    /// The text of a key, if it is a string.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Whether the key is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_ok()
    }

    /// Sets a key and returns what it held.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.position(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes a key out and returns what it held.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.position(key).ok().map(|at| self.0.remove(at).1)
    }

    /// The fields in the order of DAG-CBOR.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The values, to change them, in the order of DAG-CBOR.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Value)> {
        self.0.iter_mut().map(|(key, value)| (key.as_str(), value))
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Of fields with the same key the last one stays.
impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        let mut map = Self::new();
        for (key, value) in fields {
            map.insert(key, value);
        }
        map
    }
}
