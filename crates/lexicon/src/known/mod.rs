//! The records that every server of the network knows: 27 types and the definitions that they refer to, as of autumn
//! 2026. Only what validation needs is here: `knownValues`, defaults and descriptions bind nobody.
//!
//! The notation: `req` and `opt` are properties, a number after a string is bytes, then graphemes.

mod actor;
mod embed;
mod feed;
mod graph;
mod others;

use crate::lexicons::{Definition, Lexicons};
use crate::schema::{
    Format, IntegerSchema, ObjectSchema, Property, Range, RecordKeyType, Schema, StringSchema,
    Target,
};

const STRONG_REF: &str = "com.atproto.repo.strongRef";
const SELF_LABELS: &str = "com.atproto.label.defs#selfLabels";
const FACET: &str = "app.bsky.richtext.facet";

pub(crate) fn lexicons() -> Lexicons {
    let mut table = Table::default();
    actor::define(&mut table);
    embed::define(&mut table);
    feed::define(&mut table);
    graph::define(&mut table);
    others::define(&mut table);
    Lexicons::link(table.definitions, table.keys)
}

#[derive(Default)]
struct Table {
    definitions: Vec<Definition>,
    keys: Vec<(Box<str>, RecordKeyType)>,
}

impl Table {
    /// A record type with keys of type `tid`.
    fn record<const N: usize>(&mut self, name: &str, properties: [Property; N]) {
        self.keyed_record(name, RecordKeyType::Tid, properties);
    }

    /// A record type whose only key is `self`.
    fn singleton<const N: usize>(&mut self, name: &str, properties: [Property; N]) {
        self.keyed_record(name, RecordKeyType::Literal("self".into()), properties);
    }

    fn keyed_record<const N: usize>(
        &mut self,
        name: &str,
        key: RecordKeyType,
        properties: [Property; N],
    ) {
        self.keys.push((name.into(), key));
        self.object(name, properties);
    }

    fn object<const N: usize>(&mut self, name: &str, properties: [Property; N]) {
        self.define(name, Schema::Object(ObjectSchema { properties: properties.into() }));
    }

    fn define(&mut self, name: &str, schema: Schema) {
        self.definitions.push(Definition { name: name.into(), schema });
    }
}

fn req(name: &str, schema: Schema) -> Property {
    Property { name: name.into(), required: true, nullable: false, schema }
}

fn opt(name: &str, schema: Schema) -> Property {
    Property { name: name.into(), required: false, nullable: false, schema }
}

fn string() -> Schema {
    Schema::String(StringSchema::default())
}

/// At most so many bytes.
fn text(max_bytes: usize) -> Schema {
    sized(0, max_bytes)
}

fn sized(min_bytes: usize, max_bytes: usize) -> Schema {
    Schema::String(StringSchema { bytes: between(min_bytes, max_bytes), ..StringSchema::default() })
}

/// At most so many bytes and graphemes.
fn prose(max_bytes: usize, max_graphemes: usize) -> Schema {
    titled(0, max_bytes, max_graphemes)
}

fn titled(min_bytes: usize, max_bytes: usize, max_graphemes: usize) -> Schema {
    Schema::String(StringSchema {
        bytes: between(min_bytes, max_bytes),
        graphemes: between(0, max_graphemes),
        ..StringSchema::default()
    })
}

fn format(format: Format) -> Schema {
    Schema::String(StringSchema { format: Some(format), ..StringSchema::default() })
}

fn at_uri() -> Schema {
    format(Format::AtUri)
}

fn datetime() -> Schema {
    format(Format::Datetime)
}

fn did() -> Schema {
    format(Format::Did)
}

fn uri() -> Schema {
    format(Format::Uri)
}

fn boolean() -> Schema {
    Schema::Boolean { constant: None }
}

fn at_least(min: i64) -> Schema {
    Schema::Integer(IntegerSchema { min: Some(min), ..IntegerSchema::default() })
}

fn bytes() -> Schema {
    Schema::Bytes { length: Range::default() }
}

fn list(items: Schema) -> Schema {
    Schema::Array { items: Box::new(items), length: Range::default() }
}

fn list_of_at_most(max: usize, items: Schema) -> Schema {
    Schema::Array { items: Box::new(items), length: between(0, max) }
}

fn blob<const N: usize>(accept: [&str; N], max_size: u64) -> Schema {
    Schema::Blob { accept: accept.map(Into::into).into(), max_size: Some(max_size) }
}

/// The picture of an account, a list or a feed.
fn avatar() -> Schema {
    blob(["image/png", "image/jpeg"], 1_000_000)
}

fn to(name: &str) -> Schema {
    Schema::Ref(Target::new(name))
}

fn strong_ref() -> Schema {
    to(STRONG_REF)
}

/// An open union.
fn union<const N: usize>(names: [&str; N]) -> Schema {
    Schema::Union { targets: names.map(Target::new).into(), closed: false }
}

fn self_labels() -> Schema {
    union([SELF_LABELS])
}

fn between(min: usize, max: usize) -> Range {
    Range { min: Some(min).filter(|min| *min > 0), max: Some(max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_in_itself() {
        let mut lexicons = lexicons();
        assert_eq!(lexicons.dangling(), Vec::<String>::new());
        assert_eq!(lexicons.collections().count(), 27);
    }
}
