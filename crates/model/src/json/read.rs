//! Reading JSON straight into a [`Value`].

use std::cell::Cell;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{JsonError, object::Fields};
use crate::{Limits, Value};

/// The integers that a double holds exactly; floats beyond them are not integers that anyone meant.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a JSON text; nothing but white space may follow the value.
///
/// # Errors
/// If the text is not JSON, breaks the data model or a limit.
pub fn from_slice(text: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    let reading = Reading { limits: clamp(limits), error: Cell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let seed = Seed { reading: &reading, depth: 0 };
    let value =
        seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| reading.error.take().unwrap_or(JsonError::Syntax(error)))
}

/// Reads JSON that has been parsed already. Keys that stood twice in the text are lost, the last one stays.
///
/// # Errors
/// If it breaks the data model or a limit.
pub fn from_serde(json: serde_json::Value, limits: &Limits) -> Result<Value, JsonError> {
    convert(json, &clamp(limits), 0)
}

fn clamp(limits: &Limits) -> Limits {
    Limits { depth: limits.depth.min(Limits::MAX_DEPTH), ..*limits }
}

/// Refuses a container that is too deep, unless it may still turn out to be a link or bytes.
fn enter(depth: usize, limits: &Limits) -> Result<usize, JsonError> {
    if depth > limits.depth {
        return Err(JsonError::TooDeep { max: limits.depth });
    }
    Ok(depth + 1)
}

/// Refuses what stands one level too deep and is a container after all.
fn leave(value: Value, depth: usize, limits: &Limits) -> Result<Value, JsonError> {
    if depth > limits.depth && matches!(value, Value::Object(_) | Value::Array(_)) {
        return Err(JsonError::TooDeep { max: limits.depth });
    }
    Ok(value)
}

fn integer(float: f64) -> Result<Value, JsonError> {
    if float.fract() != 0.0 {
        return Err(JsonError::Float);
    }
    if float.abs() > MAX_EXACT {
        return Err(JsonError::IntegerRange);
    }
    // Exact: whole, and within the integers that a double holds.
    #[allow(clippy::cast_possible_truncation)]
    let int = float as i64;
    Ok(Value::Int(int))
}

fn convert(json: serde_json::Value, limits: &Limits, depth: usize) -> Result<Value, JsonError> {
    match json {
        serde_json::Value::Null => Ok(Value::Null),
        serde_json::Value::Bool(bool) => Ok(Value::Bool(bool)),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Ok(Value::Int(int)),
            (None, Some(float)) if number.is_f64() => integer(float),
            _ => Err(JsonError::IntegerRange),
        },
        serde_json::Value::String(text) => Ok(Value::String(text)),
        serde_json::Value::Array(items) => {
            let depth = enter(depth, limits)?;
            if items.len() > limits.container {
                return Err(JsonError::ContainerTooLarge { max: limits.container });
            }
            let items: Result<_, _> =
                items.into_iter().map(|item| convert(item, limits, depth)).collect();
            leave(Value::Array(items?), depth, limits)
        }
        serde_json::Value::Object(object) => {
            let depth = enter(depth, limits)?;
            let mut fields = Fields::with_capacity(object.len());
            for (key, json) in object {
                Fields::check_key(&key, limits)?;
                fields.push(key, convert(json, limits, depth)?, limits)?;
            }
            leave(fields.finish()?, depth, limits)
        }
    }
}

/// What all levels of one text share.
struct Reading {
    limits: Limits,
    /// The typed error behind the one that goes through `serde`.
    error: Cell<Option<JsonError>>,
}

impl Reading {
    fn lift<T, E: serde::de::Error>(&self, result: Result<T, JsonError>) -> Result<T, E> {
        result.map_err(|error| {
            let message = E::custom(&error);
            self.error.set(Some(error));
            message
        })
    }
}

#[derive(Clone, Copy)]
struct Seed<'r> {
    reading: &'r Reading,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value of the data model")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::Int(int))
    }

    fn visit_u64<E: serde::de::Error>(self, int: u64) -> Result<Value, E> {
        let int = i64::try_from(int).map(Value::Int).map_err(|_| JsonError::IntegerRange);
        self.reading.lift(int)
    }

    fn visit_f64<E: serde::de::Error>(self, float: f64) -> Result<Value, E> {
        self.reading.lift(integer(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Self { reading, depth } = self;
        let limits = &reading.limits;
        let depth = reading.lift(enter(depth, limits))?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Seed { reading, depth })? {
            if items.len() >= limits.container {
                return reading.lift(Err(JsonError::ContainerTooLarge { max: limits.container }));
            }
            items.push(item);
        }
        reading.lift(leave(Value::Array(items), depth, limits))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Self { reading, depth } = self;
        let limits = &reading.limits;
        let depth = reading.lift(enter(depth, limits))?;
        let mut fields = Fields::with_capacity(4);
        while let Some(key) = access.next_key_seed(KeySeed { reading })? {
            let value = access.next_value_seed(Seed { reading, depth })?;
            reading.lift(fields.push(key, value, limits))?;
        }
        reading.lift(fields.finish().and_then(|value| leave(value, depth, limits)))
    }
}

/// Reads a key and checks its length before it is copied.
struct KeySeed<'r> {
    reading: &'r Reading,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = String;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = String;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object key")
    }
    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        self.reading.lift(Fields::check_key(key, &self.reading.limits))?;
        Ok(key.to_owned())
    }
}
