//! The languages of pages and letters: which one a person gets, and what is said in it.
//!
//! [`Text`] is made by the build script out of `locales/*.toml`: one method per message, with its placeholders as
//! parameters. Messages of keys that end in `_html` hold markup; what is put into them is escaped.

use std::fmt;

use askama::filters::HtmlSafe;
use http::{HeaderMap, header};

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// What pages and letters say, in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(Language);

impl Text {
    pub fn new(language: Language) -> Self {
        Self(language)
    }

    /// In the language that a client's `Accept-Language` likes best.
    pub fn for_headers(headers: &HeaderMap) -> Self {
        Self(Language::by_headers(headers).unwrap_or_default())
    }

    pub fn language(self) -> Language {
        self.0
    }
}

/// For people of whom nothing is known.
impl Default for Text {
    fn default() -> Self {
        Self(Language::default())
    }
}

/// Markup out of a catalogue.
#[derive(Clone, Debug)]
pub struct Html(std::borrow::Cow<'static, str>);

impl Html {
    fn fixed(text: &'static str) -> Self {
        Self(text.into())
    }

    fn made(text: String) -> Self {
        Self(text.into())
    }

    /// Plain text as markup.
    pub fn escaping(text: impl fmt::Display) -> Self {
        Self(escaped(text).into())
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

fn escaped(value: impl fmt::Display) -> String {
    match askama::filters::escape(value, askama::filters::Html) {
        Ok(safe) => safe.to_string(),
        Err(never) => match never {},
    }
}

/// How a language counts: <https://cldr.unicode.org/index/cldr-spec/plural-rules>.
#[derive(Clone, Copy, Debug)]
pub enum Plurals {
    /// One is singular.
    English,
    /// Zero and one are singular.
    French,
}

/// Which form of a message goes with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    One,
    Other,
}

impl Plurals {
    pub fn category(self, n: usize) -> Category {
        let is_one = match self {
            Self::English => n == 1,
            Self::French => n <= 1,
        };
        if is_one { Category::One } else { Category::Other }
    }
}

impl Language {
    /// The language of a tag (`fr`, `fr-CA`), if the pages speak it.
    pub fn by_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.iter().copied().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The first that the pages speak of tags separated by spaces, as in OpenID Connect's `ui_locales`.
    pub fn by_ui_locales(tags: &str) -> Option<Self> {
        tags.split_ascii_whitespace().take(MAX_TAGS).find_map(Self::by_tag)
    }

    /// What a request says about its sender's language.
    pub fn by_headers(headers: &HeaderMap) -> Option<Self> {
        Self::by_accept_language(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
    }

    /// The one that `Accept-Language` likes best (RFC 9110 §12.5.4).
    pub fn by_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for part in header.split(',').take(MAX_TAGS) {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(text) => text.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            let Some(language) = Self::by_tag(tag) else { continue };
            if weight > 0.0 && best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// The language of people who speak none of ours.
impl Default for Language {
    fn default() -> Self {
        Self::En
    }
}

/// Nobody speaks more.
const MAX_TAGS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_the_language_that_it_likes_best() {
        for (header, language) in [
            ("fr-CH, fr;q=0.9, en;q=0.8", Some(Language::Fr)),
            ("en;q=0.3, fr;q=0.7", Some(Language::Fr)),
            ("de, en-GB;q=0.5", Some(Language::En)),
            ("FR", Some(Language::Fr)),
            ("de, nl", None),
            ("fr;q=0, en;q=x", None),
            ("", None),
            ("frisian", None),
        ] {
            assert_eq!(Language::by_accept_language(header), language, "{header}");
        }
        assert_eq!(Language::by_ui_locales("de fr-FR en"), Some(Language::Fr));
        assert_eq!(Language::by_ui_locales("  "), None);
    }

    #[test]
    fn what_is_put_into_markup_is_escaped() {
        assert_eq!(escaped("<b a=\"'\">&"), "&#60;b a=&#34;&#39;&#34;&#62;&#38;");
    }

    #[test]
    fn french_counts_zero_as_one() {
        assert_eq!(Plurals::English.category(0), Category::Other);
        assert_eq!(Plurals::French.category(0), Category::One);
        assert_eq!(Plurals::French.category(1), Plurals::English.category(1));
        assert_eq!(Plurals::French.category(2), Category::Other);
    }
}
