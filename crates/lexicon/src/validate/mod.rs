//! Walking a value along its schema. Nothing is allocated until a rule is broken.
//!
//! The walk recurses, bounded by the depth of the value: a reference never leads to another reference. Its work is
//! bounded by a [`Budget`], because a record with very many parts may meet a lexicon with very many rules.

mod text;

use std::cell::Cell;

use cairn_model::{Map, Nsid, Value};

use crate::Reason;
use crate::lexicons::{Definition, Lexicons};
use crate::schema::{IntegerSchema, ObjectSchema, Range, Schema, Target, without_main};

/// A broken rule and where.
pub(crate) struct Failure {
    pub(crate) path: String,
    pub(crate) reason: Reason,
}

/// Where the walk stands: a list through the frames of the call stack.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn fail(&self, reason: Reason) -> Box<Failure> {
        let mut path = String::new();
        self.render(&mut path);
        Box::new(Failure { path, reason })
    }

    fn render(&self, out: &mut String) {
        let (parent, segment) = match self {
            Self::Root => return,
            Self::Key(parent, key) => (parent, (*key).to_owned()),
            Self::Index(parent, index) => (parent, index.to_string()),
        };
        parent.render(out);
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(&segment);
    }
}

type Checked = Result<(), Box<Failure>>;

/// Comparisons with rules that validation may still cost. Records that are checked in one go share one, so that many of
/// them cost no more than a single one may.
#[derive(Debug)]
pub struct Budget(Cell<usize>);

impl Budget {
    /// For lexicons that can be trusted not to waste time: some ten milliseconds. The largest record that follows the
    /// lexicons in use costs a tenth of this.
    #[must_use]
    pub const fn trusted() -> Self {
        Self(Cell::new(4_000_000))
    }

    /// For lexicons that anybody may have written: some milliseconds at most, and still enough for as many records of the
    /// usual kind as a request holds.
    #[must_use]
    pub const fn foreign() -> Self {
        Self(Cell::new(500_000))
    }

    /// Takes steps off; what is too much spends the rest, so that no later record finds any.
    fn spend(&self, steps: usize, path: &Path<'_>) -> Checked {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| path.fail(Reason::TooManyParts))
    }
}

/// What the walk goes by, and how much more it may cost.
struct Walk<'a> {
    lexicons: &'a Lexicons,
    budget: &'a Budget,
}

/// Checks a record against the definition that has its collection's name. Records must have a `$type`.
pub(crate) fn validate_record(
    lexicons: &Lexicons,
    definition: &Definition,
    record: &Value,
    budget: &Budget,
) -> Checked {
    let root = Path::Root;
    if let Value::Object(map) = record {
        let path = Path::Key(&root, "$type");
        match map.get("$type").map(Value::as_str) {
            None => return Err(path.fail(Reason::Required)),
            Some(name) if name != Some(&definition.name) => {
                return Err(path.fail(Reason::TypeName(definition.name.to_string())));
            }
            Some(_) => {}
        }
    }
    let walk = Walk { lexicons, budget };
    validate(&walk, &definition.schema, record, &root)
}

fn validate(walk: &Walk<'_>, schema: &Schema, value: &Value, path: &Path<'_>) -> Checked {
    walk.budget.spend(schema.rules(), path)?;
    match schema {
        Schema::Boolean { constant } => boolean(*constant, value, path),
        Schema::Integer(schema) => integer(schema, value, path),
        Schema::String(schema) => match value {
            Value::String(text) => text::check(schema, text).map_err(|reason| path.fail(reason)),
            _ => Err(path.fail(Reason::Type("a string"))),
        },
        Schema::Bytes { length } => match value {
            Value::Bytes(bytes) => byte_length(*length, bytes.len()).map_err(|r| path.fail(r)),
            _ => Err(path.fail(Reason::Type("bytes"))),
        },
        Schema::CidLink => match value {
            Value::Link(_) => Ok(()),
            _ => Err(path.fail(Reason::Type("a link"))),
        },
        Schema::Blob { accept, max_size } => {
            blob(accept, *max_size, value).map_err(|reason| path.fail(reason))
        }
        Schema::Array { items, length } => array(walk, items, *length, value, path),
        Schema::Object(schema) => match value {
            Value::Object(map) => object(walk, schema, map, path),
            _ => Err(path.fail(Reason::Type("an object"))),
        },
        Schema::Token(name) => match value {
            Value::String(text) if **text == **name => Ok(()),
            _ => Err(path.fail(Reason::OneOf(vec![name.to_string()]))),
        },
        Schema::Ref(target) => reference(walk, target, value, path),
        Schema::Union { targets, closed } => union(walk, targets, *closed, value, path),
        Schema::Unknown => match value {
            Value::Object(map) if map.get_str("$type") != Some("blob") => Ok(()),
            _ => Err(path.fail(Reason::Type("an object"))),
        },
    }
}

fn boolean(constant: Option<bool>, value: &Value, path: &Path<'_>) -> Checked {
    match (value, constant) {
        (Value::Bool(value), Some(constant)) if *value != constant => {
            Err(path.fail(Reason::OneOf(vec![constant.to_string()])))
        }
        (Value::Bool(_), _) => Ok(()),
        _ => Err(path.fail(Reason::Type("a boolean"))),
    }
}

fn integer(schema: &IntegerSchema, value: &Value, path: &Path<'_>) -> Checked {
    let Value::Int(int) = value else {
        return Err(path.fail(Reason::Type("an integer")));
    };
    if let Some(constant) = schema.constant.filter(|constant| constant != int) {
        return Err(path.fail(Reason::OneOf(vec![constant.to_string()])));
    }
    if let Some(one_of) = schema.one_of.as_ref().filter(|one_of| !one_of.contains(int)) {
        return Err(path.fail(Reason::OneOf(one_of.iter().map(i64::to_string).collect())));
    }
    if let Some(min) = schema.min.filter(|min| int < min) {
        return Err(path.fail(Reason::TooSmall(min)));
    }
    if let Some(max) = schema.max.filter(|max| int > max) {
        return Err(path.fail(Reason::TooGreat(max)));
    }
    Ok(())
}

fn byte_length(range: Range, length: usize) -> Result<(), Reason> {
    if let Some(max) = range.max.filter(|max| length > *max) {
        return Err(Reason::TooLong(max));
    }
    if let Some(min) = range.min.filter(|min| length < *min) {
        return Err(Reason::TooShort(min));
    }
    Ok(())
}

/// Looks at what the reference says; what the blob is, the store knows.
fn blob(accept: &[Box<str>], max_size: Option<u64>, value: &Value) -> Result<(), Reason> {
    const NOT_A_BLOB: Reason = Reason::Type("a blob");
    let Value::Object(map) = value else {
        return Err(NOT_A_BLOB);
    };
    let size = map.get("size").and_then(Value::as_int).and_then(|size| u64::try_from(size).ok());
    let link = map.get("ref").and_then(Value::as_link);
    let (Some("blob"), Some(_), Some(mime_type), Some(size)) =
        (map.get_str("$type"), link, map.get_str("mimeType"), size)
    else {
        return Err(NOT_A_BLOB);
    };
    if !accept.is_empty() && !accept.iter().any(|pattern| accepts_type(pattern, mime_type)) {
        return Err(Reason::BlobType(accept.iter().map(ToString::to_string).collect()));
    }
    match max_size {
        Some(max) if size > max => Err(Reason::BlobTooLarge(max)),
        _ => Ok(()),
    }
}

/// `*/*`, `image/*` or one type; case does not count.
fn accepts_type(pattern: &str, mime_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("*/") => true,
        Some(prefix) => mime_type
            .split_at_checked(prefix.len())
            .is_some_and(|(start, _)| start.eq_ignore_ascii_case(prefix)),
        None => pattern.eq_ignore_ascii_case(mime_type),
    }
}

fn array(
    walk: &Walk<'_>,
    schema: &Schema,
    length: Range,
    value: &Value,
    path: &Path<'_>,
) -> Checked {
    let Value::Array(items) = value else {
        return Err(path.fail(Reason::Type("an array")));
    };
    if let Some(max) = length.max.filter(|max| items.len() > *max) {
        return Err(path.fail(Reason::TooManyElements(max)));
    }
    if let Some(min) = length.min.filter(|min| items.len() < *min) {
        return Err(path.fail(Reason::TooFewElements(min)));
    }
    for (index, item) in items.iter().enumerate() {
        validate(walk, schema, item, &Path::Index(path, index))?;
    }
    Ok(())
}

/// Unknown properties are allowed; null only where the lexicon says so.
fn object(walk: &Walk<'_>, schema: &ObjectSchema, map: &Map, path: &Path<'_>) -> Checked {
    for property in &schema.properties {
        let path = Path::Key(path, &property.name);
        match map.get(&property.name) {
            None if property.required => return Err(path.fail(Reason::Required)),
            None => {}
            Some(Value::Null) if property.nullable => {}
            Some(value) => validate(walk, &property.schema, value, &path)?,
        }
    }
    Ok(())
}

/// `$type` may be left out of an object whose type the lexicon fixes, but it must not name another one.
fn reference(walk: &Walk<'_>, target: &Target, value: &Value, path: &Path<'_>) -> Checked {
    let Some(definition) = walk.lexicons.definition(target) else {
        return Err(path.fail(Reason::Unresolved(target.name.to_string())));
    };
    if let (Schema::Object(_), Value::Object(map)) = (&definition.schema, value)
        && let Some(name) = map.get("$type")
        && name.as_str().map(without_main) != Some(&definition.name)
    {
        return Err(Path::Key(path, "$type").fail(Reason::TypeName(definition.name.to_string())));
    }
    validate(walk, &definition.schema, value, path)
}

fn union(
    walk: &Walk<'_>,
    targets: &[Target],
    closed: bool,
    value: &Value,
    path: &Path<'_>,
) -> Checked {
    let name = value.as_object().and_then(|map| map.get_str("$type"));
    let Some(name) = name.map(without_main) else {
        return Err(path.fail(Reason::TypeMissing));
    };
    if let Some(target) = targets.iter().find(|target| *target.name == *name) {
        return reference(walk, target, value, path);
    }
    let path = Path::Key(path, "$type");
    if closed {
        let names = targets.iter().map(|target| target.name.to_string()).collect();
        return Err(path.fail(Reason::OneOf(names)));
    }
    if !is_type_name(name) {
        return Err(path.fail(Reason::TypeName("the name of a type".to_owned())));
    }
    Ok(())
}

/// An NSID, maybe with the name of a definition.
fn is_type_name(name: &str) -> bool {
    let (id, fragment) = name.split_once('#').map_or((name, None), |(id, f)| (id, Some(f)));
    let fragment_fits = fragment.is_none_or(|fragment| {
        !fragment.is_empty() && fragment.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    fragment_fits && Nsid::check(id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_match_by_pattern() {
        assert!(accepts_type("*/*", "video/mp4"));
        assert!(accepts_type("image/*", "Image/PNG"));
        assert!(!accepts_type("image/*", "imagex/png"));
        assert!(!accepts_type("image/*", "é"));
        assert!(accepts_type("text/vtt", "TEXT/vtt"));
        assert!(!accepts_type("text/vtt", "text/vttx"));
    }

    #[test]
    fn type_names_are_nsids_with_a_fragment() {
        assert!(is_type_name("com.example.thing") && is_type_name("com.example.thing#part"));
        for name in ["blob", "com.example.thing#", "com.example.thing#a#b", "#part", ""] {
            assert!(!is_type_name(name), "{name}");
        }
    }
}
