//! Makes the typed catalogue of what pages say out of `locales/*.toml`.
//!
//! Every key of `en.toml` becomes a method of `Text`: `sign_in.title` is `t.sign_in_title()`, its placeholders are the
//! method's parameters. A key that another language lacks, or has with other placeholders, stops the build; a key that
//! no page uses is a warning about unused code, which the linter refuses. How to write a catalogue: `docs/pages.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

/// The catalogue that the others are compared with, and the language of people whose own we do not speak.
const FIRST: &str = "en";

/// Sections whose keys belong to somebody else, here to the table of options: each is one method that takes the key.
const LOOKED_UP: [&str; 2] = ["option", "option_default"];

#[derive(Deserialize)]
struct Catalogue {
    language: About,
    #[serde(flatten)]
    sections: BTreeMap<String, BTreeMap<String, Message>>,
}

#[derive(Deserialize)]
struct About {
    /// What its speakers call it.
    name: String,
    /// `ltr` or `rtl`.
    dir: String,
    /// How it counts; a variant of `Plurals` in lower case.
    plurals: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Plain(String),
    /// By plural category (`one`, `few`, `many`, `other`).
    Counted(BTreeMap<String, String>),
}

struct Language {
    tag: String,
    catalogue: Catalogue,
}

fn main() {
    let folder =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("locales");
    println!("cargo::rerun-if-changed={}", folder.display());
    let languages = read_all(&folder);
    let mut problems = Vec::new();
    for other in &languages[1..] {
        compare(&languages[0], other, &mut problems);
    }
    if !problems.is_empty() {
        for problem in &problems {
            println!("cargo::error={problem}");
        }
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("catalogue.rs");
    // A file of its own: target folders that are copied by links must not write into each other.
    let _ = fs::remove_file(&out);
    fs::write(out, generate(&languages)).expect("the build's folder takes files");
}

/// All catalogues, [`FIRST`] first. A panic here stops the build and nothing else: what it reads is of the project.
fn read_all(folder: &Path) -> Vec<Language> {
    let mut languages: Vec<Language> = fs::read_dir(folder)
        .expect("the folder of catalogues")
        .map(|entry| entry.expect("a file of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            println!("cargo::rerun-if-changed={}", path.display());
            let text = fs::read_to_string(&path).expect("a catalogue is text");
            let catalogue = basic_toml::from_str(&text)
                .unwrap_or_else(|err| panic!("{}: {err}", path.display()));
            let tag = path.file_stem().and_then(|stem| stem.to_str()).expect("a tag").to_owned();
            Language { tag, catalogue }
        })
        .collect();
    languages.sort_by_key(|language| (language.tag != FIRST, language.tag.clone()));
    assert!(languages.first().is_some_and(|first| first.tag == FIRST), "no {FIRST}.toml");
    languages
}

fn compare(first: &Language, other: &Language, problems: &mut Vec<String>) {
    let (ours, theirs) = (keys(first), keys(other));
    for (key, message) in &ours {
        match theirs.get(key) {
            None => problems.push(format!("locales/{}.toml lacks {key}", other.tag)),
            Some(translated) if placeholders(message) != placeholders(translated) => {
                problems.push(format!("locales/{}.toml: {key} has other placeholders", other.tag))
            }
            Some(translated) if is_counted(message) != is_counted(translated) => {
                problems.push(format!(
                    "locales/{}.toml: {key} is counted in one language only",
                    other.tag
                ));
            }
            Some(_) => {}
        }
    }
    for key in theirs.keys().filter(|key| !ours.contains_key(*key)) {
        problems.push(format!("locales/{}.toml has {key}, which {FIRST}.toml has not", other.tag));
    }
}

fn is_counted(message: &Message) -> bool {
    matches!(message, Message::Counted(_))
}

/// `section.key` → message.
fn keys(language: &Language) -> BTreeMap<String, &Message> {
    let sections = language.catalogue.sections.iter();
    sections
        .flat_map(|(section, messages)| {
            messages.iter().map(move |(key, message)| (format!("{section}.{key}"), message))
        })
        .collect()
}

/// The names in braces. A plural form may leave its number out ("one session").
fn placeholders(message: &Message) -> BTreeSet<String> {
    match message {
        Message::Plain(text) => names(text),
        Message::Counted(forms) => {
            let mut all: BTreeSet<String> = forms.values().flat_map(|text| names(text)).collect();
            all.insert("n".to_owned());
            all
        }
    }
}

fn names(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { panic!("a brace is open: {text}") };
        assert!(
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{{{name}}} is no placeholder: {text}"
        );
        found.insert(name.to_owned());
        rest = after;
    }
    found
}

fn generate(languages: &[Language]) -> String {
    let mut code = String::new();
    language_type(&mut code, languages);
    code.push_str("impl Text {\n");
    for (key, message) in keys(&languages[0]) {
        let section = key.split('.').next().unwrap_or_default();
        if section != "flash" && !LOOKED_UP.contains(&section) {
            method(&mut code, languages, &key, message);
        }
    }
    for section in LOOKED_UP {
        lookup(&mut code, languages, section);
    }
    code.push_str("}\n");
    flash_type(&mut code, languages);
    code
}

fn variant(name: &str) -> String {
    name.split(['_', '-']).map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

fn language_type(code: &mut String, languages: &[Language]) {
    let list = |code: &mut String, line: &dyn Fn(&Language) -> String| {
        for language in languages {
            code.push_str(&line(language));
        }
    };
    code.push_str(
        "/// A language of the pages.\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum Language {\n",
    );
    list(code, &|l| format!("    {},\n", variant(&l.tag)));
    code.push_str("}\nimpl Language {\n    pub const ALL: &[Self] = &[");
    list(code, &|l| format!("Self::{},", variant(&l.tag)));
    code.push_str("];\n");
    let mut about = |name: &str, doc: &str, kind: &str, value: &dyn Fn(&Language) -> String| {
        let _ = write!(code, "    /// {doc}\n    pub fn {name}(self) -> {kind} {{ match self {{");
        list(code, &|l| format!(" Self::{} => {},", variant(&l.tag), value(l)));
        code.push_str(" } }\n");
    };
    about("tag", "BCP 47 tag.", "&'static str", &|l| format!("{:?}", l.tag));
    about("name", "What its speakers call it.", "&'static str", &|l| {
        format!("{:?}", l.catalogue.language.name)
    });
    about("dir", "`ltr` or `rtl`.", "&'static str", &|l| {
        assert!(matches!(l.catalogue.language.dir.as_str(), "ltr" | "rtl"), "dir of {}", l.tag);
        format!("{:?}", l.catalogue.language.dir)
    });
    about("plurals", "How it counts.", "Plurals", &|l| {
        format!("Plurals::{}", variant(&l.catalogue.language.plurals))
    });
    code.push_str("}\n");
}

/// One method of `Text`.
fn method(code: &mut String, languages: &[Language], key: &str, first: &Message) {
    let name = key.replace('.', "_");
    let is_html = name.ends_with("_html");
    let params = placeholders(first);
    let counted = is_counted(first);
    let mut signature = String::new();
    for param in params.iter().filter(|param| !counted || *param != "n") {
        let _ = write!(signature, ", {param}: impl std::fmt::Display");
    }
    if counted {
        signature.push_str(", n: impl std::borrow::Borrow<usize>");
    }
    let kind = match (is_html, params.is_empty()) {
        (true, _) => "Html",
        (false, true) => "&'static str",
        (false, false) => "String",
    };
    let _ =
        writeln!(code, "    /// {}\n    pub fn {name}(self{signature}) -> {kind} {{", doc(first));
    if counted {
        code.push_str("        let n: usize = *n.borrow();\n");
    }
    if is_html {
        for param in params.iter().filter(|param| !counted || *param != "n") {
            let _ = writeln!(code, "        let {param} = escaped({param});");
        }
    }
    code.push_str("        match self.0 {\n");
    for language in languages {
        let message = keys(language)[key];
        let value = match message {
            Message::Plain(text) => expression(text, is_html),
            Message::Counted(forms) => counted_expression(&language.tag, key, forms, is_html),
        };
        let _ = writeln!(code, "            Language::{} => {value},", variant(&language.tag));
    }
    code.push_str("        }\n    }\n");
}

fn doc(message: &Message) -> String {
    let text = match message {
        Message::Plain(text) => text,
        Message::Counted(forms) => forms.get("other").expect("a counted message has `other`"),
    };
    text.replace('\n', " ").replace('[', "\\[").replace('<', "\\<")
}

fn expression(text: &str, is_html: bool) -> String {
    let inner =
        if names(text).is_empty() { format!("{text:?}") } else { format!("format!({text:?})") };
    match (is_html, names(text).is_empty()) {
        (true, true) => format!("Html::fixed({inner})"),
        (true, false) => format!("Html::made({inner})"),
        (false, _) => inner,
    }
}

fn counted_expression(
    tag: &str,
    key: &str,
    forms: &BTreeMap<String, String>,
    is_html: bool,
) -> String {
    assert!(forms.contains_key("other"), "locales/{tag}.toml: {key} has no form `other`");
    let mut arms = String::new();
    for (category, text) in forms.iter().filter(|(category, _)| *category != "other") {
        let value = owned(text, is_html);
        let _ = write!(arms, " Category::{} => {value},", variant(category));
    }
    format!(
        "match self.0.plurals().category(n) {{{arms} _ => {} }}",
        owned(&forms["other"], is_html)
    )
}

fn owned(text: &str, is_html: bool) -> String {
    let plain = names(text).is_empty();
    let value = if plain { format!("{text:?}.to_owned()") } else { format!("format!({text:?})") };
    if is_html { format!("Html::made({value})") } else { value }
}

/// A section of plain texts as a method that takes their keys.
fn lookup(code: &mut String, languages: &[Language], section: &str) {
    let _ = writeln!(
        code,
        "    /// The text of a key of `[{section}]`.\n    pub fn {section}(self, key: &str) -> Option<&'static str> {{\n        let texts: &'static [(&'static str, &'static str)] = match self.0 {{"
    );
    for language in languages {
        let _ = write!(code, "            Language::{} => &[", variant(&language.tag));
        // Sorted by their keys.
        for (key, message) in language.catalogue.sections.get(section).into_iter().flatten() {
            let Message::Plain(text) = message else { panic!("{section}.{key} is not plain") };
            assert!(names(text).is_empty(), "{section}.{key} takes no placeholders");
            let _ = write!(code, "({key:?}, {text:?}), ");
        }
        code.push_str("],\n");
    }
    code.push_str(
        "        };\n        let at = texts.binary_search_by_key(&key, |(known, _)| known).ok()?;\n        texts.get(at).map(|(_, text)| *text)\n    }\n",
    );
}

/// The section `[flash]`: what a page says once, after a form was sent.
fn flash_type(code: &mut String, languages: &[Language]) {
    let empty = BTreeMap::new();
    let section = |language: &'_ Language| -> Vec<(String, String)> {
        let messages = language.catalogue.sections.get("flash").unwrap_or(&empty);
        let messages = messages.iter().map(|(key, message)| match message {
            Message::Plain(text) if names(text).is_empty() => (key.clone(), text.clone()),
            _ => panic!("flash.{key} takes no placeholders"),
        });
        messages.collect()
    };
    let first = section(&languages[0]);
    code.push_str("/// What a page says once, after a form was sent.\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum Flash {\n");
    for (key, text) in &first {
        let _ = writeln!(code, "    /// {text}\n    {},", variant(key));
    }
    code.push_str("}\nimpl Flash {\n    /// Its name in the cookie.\n    pub fn code(self) -> &'static str { match self {");
    for (key, _) in &first {
        let _ = write!(code, " Self::{} => {key:?},", variant(key));
    }
    code.push_str(" } }\n    /// What it says.\n    pub fn text(self, t: Text) -> &'static str { match (self, t.0) {");
    for language in languages {
        for (key, text) in section(language) {
            let _ = write!(
                code,
                " (Self::{}, Language::{}) => {text:?},",
                variant(&key),
                variant(&language.tag)
            );
        }
    }
    code.push_str(
        " } }\n    pub(crate) fn by_code(code: &str) -> Option<Self> { Some(match code {",
    );
    for (key, _) in &first {
        let _ = write!(code, " {key:?} => Self::{},", variant(key));
    }
    code.push_str(" _ => return None }) }\n}\n");
}
