//! Gathers raw values from the file and the environment.
//!
//! `CAIRN_*` and `PDS_*` variables come before the file, the file before the defaults. A name that
//! nobody knows is an error where it can only be a mistake (the file, `CAIRN_*`) and a warning
//! where it belongs to another program's vocabulary (`PDS_*`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cairn_server::config::{Setting, SettingSource, SettingValue};

use super::options::{self, Kind, Opt};

/// Why there is no configuration. Messages name the key, and never a secret's value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("the configuration file {path} cannot be read")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the configuration file {path} is not valid TOML")]
    Syntax { path: PathBuf, source: Box<toml::de::Error> },
    #[error("unknown key `{key}` in the configuration file{hint}")]
    UnknownKey { key: String, hint: Hint },
    #[error("unknown variable {name}{hint}")]
    UnknownVariable { name: String, hint: Hint },
    #[error("the variable {name} is not UTF-8")]
    NotUtf8 { name: String },
    #[error("`{origin}` must be {wanted}")]
    Malformed { origin: String, wanted: &'static str },
    #[error("{first} and {second} are set to different values")]
    Contradiction { first: String, second: String },
    #[error("`{key}` needs `{needs}`")]
    Needs { key: &'static str, needs: &'static str },
    #[error("`hostname` is {hostname}: plain http is only served on localhost with `dev_mode`")]
    PlainHttp { hostname: String },
}

/// The nearest known name, as a help against slips.
#[derive(Debug)]
pub(crate) struct Hint(Option<String>);

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// Values as they were written, with where each was found.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    values: BTreeMap<&'static str, Found>,
    /// Sentences for the log, once there is one.
    pub(crate) warnings: Vec<String>,
}

struct Found {
    origin: String,
    value: String,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Raw {
    /// Reads the file, if one is named, and then the variables.
    pub(crate) fn gather(
        file: Option<&Path>,
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Raw, ConfigError> {
        let mut raw = Raw::default();
        if let Some(path) = file {
            raw.read_file(path)?;
        }
        raw.read_variables(variables)?;
        Ok(raw)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let table: toml::Table = toml::from_str(&text).map_err(|source| ConfigError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        for (key, value) in table {
            let Some(opt) = options::by_key(&key) else {
                let hint = nearest(&key, options::OPTIONS.iter().map(|opt| opt.key.to_owned()));
                return Err(ConfigError::UnknownKey { key, hint });
            };
            let value = text_of(&key, value)?;
            self.values.insert(opt.key, Found { origin: key, value });
        }
        Ok(())
    }

    fn read_variables(
        &mut self,
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<(), ConfigError> {
        let mut from_env: BTreeMap<&'static str, Found> = BTreeMap::new();
        let mut sorted: Vec<_> = variables.collect();
        sorted.sort();
        for (name, value) in sorted {
            let Some(name) = name.to_str().map(str::to_owned) else { continue };
            let Some(opt) = self.option_of(&name)? else { continue };
            let Ok(value) = value.into_string() else {
                return Err(ConfigError::NotUtf8 { name });
            };
            // As in the reference server, an empty variable is an unset one.
            if value.is_empty() {
                continue;
            }
            if let Some(before) = from_env.get(opt.key)
                && before.value != value
            {
                return Err(ConfigError::Contradiction {
                    first: before.origin.clone(),
                    second: name,
                });
            }
            from_env.insert(opt.key, Found { origin: name, value });
        }
        self.values.extend(from_env);
        Ok(())
    }

    fn option_of(&mut self, name: &str) -> Result<Option<&'static Opt>, ConfigError> {
        // Variables of the program's tests and its command line, which are no options.
        const NOT_OPTIONS: [&str; 2] = ["CAIRN_VECTORS", "CAIRN_CONFIG"];
        if NOT_OPTIONS.contains(&name) {
            return Ok(None);
        }
        if name.starts_with("CAIRN_") {
            let known = options::OPTIONS.iter().map(Opt::variable);
            return match options::by_variable(name) {
                Some(opt) => Ok(Some(opt)),
                None => Err(ConfigError::UnknownVariable {
                    name: name.to_owned(),
                    hint: nearest(name, known),
                }),
            };
        }
        if name.starts_with("PDS_") {
            let opt = options::by_reference(name);
            if opt.is_none() {
                self.warnings.push(format!("{name} is set, and Cairn has no use for it"));
            }
            return Ok(opt);
        }
        Ok(None)
    }

    /// Every option of the table, with where its value comes from.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        options::OPTIONS.iter().map(|opt| self.setting(opt)).collect()
    }

    fn setting(&self, opt: &Opt) -> Setting {
        let found = self.values.get(opt.key);
        let value = match (opt.kind, found) {
            (Kind::Secret, found) => SettingValue::Secret { is_set: found.is_some() },
            (_, Some(found)) => SettingValue::Plain(found.value.clone()),
            (_, None) => SettingValue::Plain(opt.default.to_owned()),
        };
        let source = match found {
            None => SettingSource::Default,
            // In the file, an option stands under its own name.
            Some(found) if found.origin == opt.key => SettingSource::File,
            Some(found) => SettingSource::Variable(found.origin.clone()),
        };
        Setting { key: opt.key, value, source }
    }

    /// The text of an option, if it is set.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        debug_assert!(options::by_key(key).is_some(), "{key} is not in the table of options");
        self.values.get(key).map(|found| found.value.clone())
    }

    /// The error for two options that are set and do not go together.
    pub(crate) fn contradiction(&self, first: &'static str, second: &'static str) -> ConfigError {
        let origin = |key: &'static str| match self.values.get(key) {
            Some(found) => found.origin.clone(),
            None => key.to_owned(),
        };
        ConfigError::Contradiction { first: origin(first), second: origin(second) }
    }

    /// A whole number.
    pub(crate) fn number(&self, key: &'static str) -> Result<Option<u64>, ConfigError> {
        self.parsed(key, "a whole number", |text| text.trim().parse().ok())
    }

    /// A flag in the reference server's spelling.
    pub(crate) fn flag(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        self.parsed(key, "true, false, 1 or 0", |text| match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        })
    }

    /// A list; blanks around the commas do not count.
    pub(crate) fn list(&self, key: &'static str) -> Option<Vec<String>> {
        let text = self.text(key)?;
        Some(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// A value in a form of its own; `wanted` completes «must be …».
    pub(crate) fn parsed<T>(
        &self,
        key: &'static str,
        wanted: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        debug_assert!(options::by_key(key).is_some(), "{key} is not in the table of options");
        let Some(found) = self.values.get(key) else { return Ok(None) };
        match parse(&found.value) {
            Some(value) => Ok(Some(value)),
            None => Err(ConfigError::Malformed { origin: found.origin.clone(), wanted }),
        }
    }
}

fn text_of(key: &str, value: toml::Value) -> Result<String, ConfigError> {
    let kind = options::by_key(key).map_or(Kind::Text, |opt| opt.kind);
    let wanted = match kind {
        Kind::Text | Kind::Secret => "a string",
        Kind::Number => "a whole number",
        Kind::Flag => "true or false",
        Kind::List => "an array of strings",
    };
    let malformed = || ConfigError::Malformed { origin: key.to_owned(), wanted };
    match (kind, value) {
        (Kind::Text | Kind::Secret | Kind::List, toml::Value::String(text)) => Ok(text),
        (Kind::Number, toml::Value::Integer(number)) if number >= 0 => Ok(number.to_string()),
        (Kind::Flag, toml::Value::Boolean(flag)) => Ok(flag.to_string()),
        (Kind::List, toml::Value::Array(items)) => {
            let items: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            Ok(items.ok_or_else(malformed)?.join(","))
        }
        _ => Err(malformed()),
    }
}

/// The known name that is most like `name`, if any is.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Hint {
    /// Below this, two names have little more in common than their alphabet.
    const LIKENESS: f64 = 0.85;
    let rated = known.map(|other| (strsim::jaro_winkler(name, &other), other));
    let best = rated.max_by(|(a, _), (b, _)| a.total_cmp(b));
    Hint(best.filter(|(likeness, _)| *likeness >= LIKENESS).map(|(_, other)| other))
}
