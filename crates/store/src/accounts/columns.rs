//! Instants and typed text in rows.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Row, RowIndex};

/// The stored form of an instant.
pub(crate) fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// The instant behind a stored number.
pub(crate) fn instant(micros: i64) -> Timestamp {
    let bound = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(bound)
}

/// An instant that may be absent.
pub(crate) fn opt_instant(row: &Row<'_>, index: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(instant))
}

/// A number of bytes that may be absent. Ones that this crate did not write count as zero.
pub(crate) fn opt_bytes(row: &Row<'_>, index: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(|bytes| u64::try_from(bytes).unwrap_or(0)))
}

/// Text that this crate wrote in the form of `T`.
pub(crate) fn parsed<T>(row: &Row<'_>, index: impl RowIndex) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    parse(&row.get::<_, String>(index)?)
}

/// The same where the column may be null.
pub(crate) fn opt_parsed<T>(row: &Row<'_>, index: impl RowIndex) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get::<_, Option<String>>(index)?.map(|text| parse(&text)).transpose()
}

fn parse<T>(text: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error: T::Err| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
    })
}
