//! From a document as it is written to schemas, with the rules of the language checked on the way.

use cairn_model::Nsid;

use super::json::{
    Array, Body, Document, Method, NamedError, Node, Object, Subscription, Text, Union,
};
use super::{LexiconDoc, LexiconError, Permission, PermissionSet, Primary, json};
use crate::lexicons::Definition;
use crate::schema::{
    Format, IntegerSchema, ObjectSchema, Property, Range, RecordKeyType, Schema, StringSchema,
    Target,
};

const MAIN: &str = "main";

pub(super) fn document(document: Document) -> Result<LexiconDoc, LexiconError> {
    if document.lexicon != 1 {
        return Err(LexiconError::Version(document.lexicon));
    }
    let id = Nsid::parse(&document.id)?;
    if document.defs.is_empty() {
        return Err(LexiconError::Empty);
    }
    let mut compiled = LexiconDoc { id: id.clone(), primary: None, definitions: Vec::new() };
    for (name, node) in document.defs {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_name {
            return Err(LexiconError::Name { name });
        }
        let at = At { id: &id, path: format!("#{name}") };
        let is_main = name == MAIN;
        let name: Box<str> =
            if is_main { id.as_str().into() } else { format!("{id}#{name}").into() };
        match definition(&at, &name, is_main, node)? {
            Compiled::Schema(schema) => {
                compiled.definitions.push(Definition { name, schema });
            }
            Compiled::Record { key, object } => {
                compiled.primary = Some(Primary::Record { key });
                let schema = Schema::Object(object);
                compiled.definitions.push(Definition { name, schema });
            }
            Compiled::Primary(primary) => compiled.primary = Some(primary),
        }
    }
    Ok(compiled)
}

enum Compiled {
    Schema(Schema),
    Record { key: RecordKeyType, object: ObjectSchema },
    Primary(Primary),
}

/// The place inside the document, for messages and for references that start with `#`.
struct At<'a> {
    id: &'a Nsid,
    path: String,
}

impl At<'_> {
    fn inside(&self, name: &str) -> At<'_> {
        At { id: self.id, path: format!("{}/{name}", self.path) }
    }

    fn misplaced(&self, kind: &'static str) -> LexiconError {
        LexiconError::Misplaced { at: self.path.clone(), kind }
    }

    fn field(&self, field: &'static str) -> LexiconError {
        LexiconError::Field { at: self.path.clone(), field }
    }
}

/// Compiles one definition, whose full name is `name`.
fn definition(
    at: &At<'_>,
    name: &str,
    is_main: bool,
    node: Node,
) -> Result<Compiled, LexiconError> {
    let kind = node.kind();
    let compiled = match node {
        Node::Record(record) => {
            let key = RecordKeyType::parse(&record.key).ok_or_else(|| at.field("key"))?;
            let Node::Object(fields) = *record.record else {
                return Err(at.misplaced(record.record.kind()));
            };
            Compiled::Record { key, object: object(at, fields)? }
        }
        Node::Query(query) => {
            if query.input.is_some() {
                return Err(at.field("input"));
            }
            method(at, query)?;
            Compiled::Primary(Primary::Query)
        }
        Node::Procedure(procedure) => {
            method(at, procedure)?;
            Compiled::Primary(Primary::Procedure)
        }
        Node::Subscription(stream) => {
            subscription(at, stream)?;
            Compiled::Primary(Primary::Subscription)
        }
        Node::PermissionSet(set) => {
            Compiled::Primary(Primary::PermissionSet(permission_set(at, set)?))
        }
        Node::Ref(_) | Node::Union(_) | Node::Unknown {} => return Err(at.misplaced(kind)),
        Node::Token {} => return Ok(Compiled::Schema(Schema::Token(name.into()))),
        node => return schema(at, node).map(Compiled::Schema),
    };
    if is_main { Ok(compiled) } else { Err(at.misplaced(kind)) }
}

fn permission_set(at: &At<'_>, set: json::PermissionSet) -> Result<PermissionSet, LexiconError> {
    let permissions = set.permissions.into_iter().map(|node| permission(at, node));
    Ok(PermissionSet {
        permissions: permissions.collect::<Result<_, _>>()?,
        title: set.title,
        title_lang: set.title_lang,
        detail: set.detail,
        detail_lang: set.detail_lang,
    })
}

fn permission(at: &At<'_>, node: Node) -> Result<Permission, LexiconError> {
    let Node::Permission(mut fields) = node else {
        return Err(at.misplaced(node.kind()));
    };
    match fields.remove("resource") {
        Some(serde_json::Value::String(resource)) => Ok(Permission { resource, fields }),
        _ => Err(at.field("resource")),
    }
}

fn method(at: &At<'_>, method: Method) -> Result<(), LexiconError> {
    parameters(at, method.parameters)?;
    body(&at.inside("input"), method.input)?;
    body(&at.inside("output"), method.output)?;
    errors(at, &method.errors)
}

fn subscription(at: &At<'_>, stream: Subscription) -> Result<(), LexiconError> {
    parameters(at, stream.parameters)?;
    if let Some(node) = stream.message.and_then(|message| message.schema) {
        let at = at.inside("message");
        if !matches!(*node, Node::Union(_)) {
            return Err(at.misplaced(node.kind()));
        }
        schema(&at, *node)?;
    }
    errors(at, &stream.errors)
}

/// Parameters travel in a query string: scalars and lists of them.
fn parameters(at: &At<'_>, node: Option<Box<Node>>) -> Result<(), LexiconError> {
    let at = at.inside("parameters");
    let Some(node) = node else {
        return Ok(());
    };
    let Node::Params(params) = *node else {
        return Err(at.misplaced(node.kind()));
    };
    let is_scalar = |node: &Node| {
        matches!(node, Node::Boolean(_) | Node::Integer(_) | Node::String(_) | Node::Unknown {})
    };
    for (name, node) in &params.properties {
        let fits = match node {
            Node::Array(Array { items, .. }) => is_scalar(items),
            node => is_scalar(node),
        };
        if !fits {
            return Err(at.inside(name).misplaced(node.kind()));
        }
    }
    object(&at, params).map(drop)
}

fn body(at: &At<'_>, body: Option<Body>) -> Result<(), LexiconError> {
    let Some(Body { encoding, schema: node }) = body else {
        return Ok(());
    };
    if !encoding.contains('/') {
        return Err(at.field("encoding"));
    }
    match node.map(|node| *node) {
        None => Ok(()),
        Some(node @ (Node::Object(_) | Node::Ref(_) | Node::Union(_))) => {
            schema(at, node).map(drop)
        }
        Some(node) => Err(at.misplaced(node.kind())),
    }
}

fn errors(at: &At<'_>, errors: &[NamedError]) -> Result<(), LexiconError> {
    let is_name =
        |error: &NamedError| !error.name.is_empty() && !error.name.contains(char::is_whitespace);
    if errors.iter().all(is_name) { Ok(()) } else { Err(at.field("errors")) }
}

fn schema(at: &At<'_>, node: Node) -> Result<Schema, LexiconError> {
    Ok(match node {
        Node::Boolean(boolean) => Schema::Boolean { constant: boolean.r#const },
        Node::Integer(integer) => Schema::Integer(IntegerSchema {
            min: integer.minimum,
            max: integer.maximum,
            constant: integer.r#const,
            one_of: integer.r#enum,
        }),
        Node::String(string) => Schema::String(text(at, string)?),
        Node::Bytes(bytes) => {
            Schema::Bytes { length: range(at, bytes.min_length, bytes.max_length)? }
        }
        Node::CidLink {} => Schema::CidLink,
        Node::Blob(blob) => {
            if blob.accept.iter().any(|pattern| !pattern.contains('/')) {
                return Err(at.field("accept"));
            }
            Schema::Blob { accept: blob.accept, max_size: blob.max_size }
        }
        Node::Array(array) => Schema::Array {
            length: range(at, array.min_length, array.max_length)?,
            items: Box::new(schema(&at.inside("items"), *array.items)?),
        },
        Node::Object(fields) => Schema::Object(object(at, fields)?),
        Node::Ref(reference) => Schema::Ref(target(at, "ref", &reference.r#ref)?),
        Node::Union(Union { refs, closed }) => {
            if closed && refs.is_empty() {
                return Err(at.field("refs"));
            }
            let targets =
                refs.iter().map(|name| target(at, "refs", name)).collect::<Result<_, _>>()?;
            Schema::Union { targets, closed }
        }
        Node::Unknown {} => Schema::Unknown,
        node => return Err(at.misplaced(node.kind())),
    })
}

fn text(at: &At<'_>, text: Text) -> Result<StringSchema, LexiconError> {
    let format = match text.format.as_deref().map(Format::parse) {
        Some(None) => return Err(at.field("format")),
        Some(format) => format,
        None => None,
    };
    Ok(StringSchema {
        format,
        bytes: range(at, text.min_length, text.max_length)?,
        graphemes: range(at, text.min_graphemes, text.max_graphemes)?,
        constant: text.r#const,
        one_of: text.r#enum,
    })
}

fn range(at: &At<'_>, min: Option<usize>, max: Option<usize>) -> Result<Range, LexiconError> {
    match (min, max) {
        (Some(min), Some(max)) if min > max => Err(at.field("minLength")),
        _ => Ok(Range { min, max }),
    }
}

fn object(at: &At<'_>, fields: Object) -> Result<ObjectSchema, LexiconError> {
    let Object { properties, required, nullable } = fields;
    if !required.iter().all(|name| properties.contains_key(name)) {
        return Err(at.field("required"));
    }
    if !nullable.iter().all(|name| properties.contains_key(name)) {
        return Err(at.field("nullable"));
    }
    let properties = properties.into_iter().map(|(name, node)| {
        Ok(Property {
            required: required.contains(&name),
            nullable: nullable.contains(&name),
            schema: schema(&at.inside(&name), node)?,
            name: name.into(),
        })
    });
    Ok(ObjectSchema { properties: properties.collect::<Result<_, LexiconError>>()? })
}

/// A reference: `nsid`, `nsid#name`, or `#name` within the document.
fn target(at: &At<'_>, field: &'static str, name: &str) -> Result<Target, LexiconError> {
    let (id, fragment) = name.split_once('#').map_or((name, None), |(id, f)| (id, Some(f)));
    let fragment_fits = fragment.is_none_or(|fragment| {
        !fragment.is_empty() && fragment.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    let id_fits = (id.is_empty() && fragment.is_some()) || Nsid::check(id).is_ok();
    if !fragment_fits || !id_fits {
        return Err(at.field(field));
    }
    if id.is_empty() {
        return Ok(Target::new(&format!("{}{name}", at.id)));
    }
    Ok(Target::new(name))
}
