//! Lexicon documents as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) lexicon: u64,
    pub(super) id: String,
    pub(super) defs: BTreeMap<String, Node>,
}

/// A definition, or the schema of a property.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Node {
    Record(Record),
    Query(Method),
    Procedure(Method),
    Subscription(Subscription),
    PermissionSet(PermissionSet),
    Permission(serde_json::Map<String, serde_json::Value>),
    Params(Object),
    Boolean(Boolean),
    Integer(Integer),
    String(Text),
    Bytes(Bytes),
    CidLink {},
    Blob(Blob),
    Array(Array),
    Object(Object),
    Token {},
    Ref(Ref),
    Union(Union),
    Unknown {},
}

impl Node {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Query(_) => "query",
            Self::Procedure(_) => "procedure",
            Self::Subscription(_) => "subscription",
            Self::PermissionSet(_) => "permission-set",
            Self::Permission(_) => "permission",
            Self::Params(_) => "params",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::CidLink {} => "cid-link",
            Self::Blob(_) => "blob",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Token {} => "token",
            Self::Ref(_) => "ref",
            Self::Union(_) => "union",
            Self::Unknown {} => "unknown",
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) key: String,
    pub(super) record: Box<Node>,
}

#[derive(Deserialize)]
pub(super) struct Method {
    pub(super) parameters: Option<Box<Node>>,
    pub(super) input: Option<Body>,
    pub(super) output: Option<Body>,
    #[serde(default)]
    pub(super) errors: Vec<NamedError>,
}

#[derive(Deserialize)]
pub(super) struct Subscription {
    pub(super) parameters: Option<Box<Node>>,
    pub(super) message: Option<Message>,
    #[serde(default)]
    pub(super) errors: Vec<NamedError>,
}

#[derive(Deserialize)]
pub(super) struct Body {
    pub(super) encoding: String,
    pub(super) schema: Option<Box<Node>>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) schema: Option<Box<Node>>,
}

#[derive(Deserialize)]
pub(super) struct NamedError {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct PermissionSet {
    pub(super) title: Option<String>,
    #[serde(rename = "title:lang", default)]
    pub(super) title_lang: BTreeMap<String, String>,
    pub(super) detail: Option<String>,
    #[serde(rename = "detail:lang", default)]
    pub(super) detail_lang: BTreeMap<String, String>,
    pub(super) permissions: Vec<Node>,
}

#[derive(Deserialize)]
pub(super) struct Boolean {
    pub(super) r#const: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Integer {
    pub(super) minimum: Option<i64>,
    pub(super) maximum: Option<i64>,
    pub(super) r#const: Option<i64>,
    pub(super) r#enum: Option<Vec<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Text {
    pub(super) format: Option<String>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) min_graphemes: Option<usize>,
    pub(super) max_graphemes: Option<usize>,
    pub(super) r#const: Option<Box<str>>,
    pub(super) r#enum: Option<Vec<Box<str>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bytes {
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    #[serde(default)]
    pub(super) accept: Vec<Box<str>>,
    pub(super) max_size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Array {
    pub(super) items: Box<Node>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
}

#[derive(Deserialize)]
pub(super) struct Object {
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Node>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    #[serde(default)]
    pub(super) nullable: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Ref {
    pub(super) r#ref: String,
}

#[derive(Deserialize)]
pub(super) struct Union {
    pub(super) refs: Vec<String>,
    #[serde(default)]
    pub(super) closed: bool,
}
