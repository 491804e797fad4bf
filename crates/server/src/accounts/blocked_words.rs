//! Words that handles may not contain.
//!
//! Names are compared in a form in which the usual disguises are gone: separators (`s-l-u-r`), digits that look like
//! letters (`sl0r`), repeated letters (`sluuur`). The built-in list is short, and operators extend or replace it.

/// One word in a line, `#` begins a comment.
const BUILT_IN: &str = include_str!("blocked_words.txt");
/// Stands for the built-in words in an operator's list.
const DEFAULT: &str = "default";
/// An operator's list of this alone is empty.
const NONE: &str = "none";
/// More words than this are no list of slurs; every name is compared with each.
const MAX_WORDS: usize = 10_000;

/// Why a list of words is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockedWordsError {
    #[error("`{0}` is no word: letters a to z, with = in front if it only counts as a whole")]
    NotAWord(String),
    #[error("there are more than {MAX_WORDS} words")]
    TooMany,
}

/// A set of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedWords(Vec<Word>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    runs: Vec<Run>,
    /// Counts only as a whole name or a whole part of one.
    is_whole: bool,
}

/// The same letter so many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    letter: u8,
    times: usize,
}

impl Default for BlockedWords {
    fn default() -> Self {
        Self::built_in()
    }
}

impl BlockedWords {
    /// The words that come with the server.
    pub fn built_in() -> Self {
        let lines = BUILT_IN.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(Word::parse).collect())
    }

    /// The words of an operator. `default` stands for the built-in ones, and `none` alone for no words at all.
    ///
    /// # Errors
    /// Names the first entry that is no word.
    pub fn from_list<'a>(
        list: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BlockedWordsError> {
        let mut words = Vec::new();
        for item in list {
            match item {
                DEFAULT => words.extend(Self::built_in().0),
                NONE => {}
                item => words.push(
                    Word::parse(item)
                        .ok_or_else(|| BlockedWordsError::NotAWord(item.to_owned()))?,
                ),
            }
            if words.len() > MAX_WORDS {
                return Err(BlockedWordsError::TooMany);
            }
        }
        Ok(Self(words))
    }

    /// Whether one of the words is in `name`, a handle or a part of one.
    pub fn is_in(&self, name: &str) -> bool {
        // A 1 stands for either of two letters.
        [b'i', b'l'].into_iter().any(|one| {
            let joined = runs(name, one);
            let trimmed = runs(name.trim_matches(is_digit), one);
            let parts: Vec<Vec<Run>> = name
                .split(is_separator)
                .map(|part| runs(part.trim_matches(is_digit), one))
                .collect();
            self.0.iter().any(|word| {
                if !word.is_whole {
                    return word.is_within(&joined);
                }
                word.is_all_of(&trimmed) || parts.iter().any(|part| word.is_all_of(part))
            })
        })
    }
}

impl Word {
    fn parse(text: &str) -> Option<Self> {
        let (is_whole, letters) = match text.strip_prefix('=') {
            Some(letters) => (true, letters),
            None => (false, text),
        };
        let is_word = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphabetic());
        is_word.then(|| Self { runs: runs(letters, b'i'), is_whole })
    }

    fn is_within(&self, name: &[Run]) -> bool {
        name.windows(self.runs.len()).any(|part| self.is_all_of(part))
    }

    /// Whether the name has the word's letters, each at least as often in a row.
    fn is_all_of(&self, name: &[Run]) -> bool {
        name.len() == self.runs.len()
            && name
                .iter()
                .zip(&self.runs)
                .all(|(seen, wanted)| seen.letter == wanted.letter && seen.times >= wanted.times)
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '-' | '_')
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The letters of a text, without separators. `one` is what a 1 is read as.
fn runs(text: &str, one: u8) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(text.len());
    for byte in text.bytes().filter(|byte| !is_separator(char::from(*byte))) {
        let letter = match byte.to_ascii_lowercase() {
            b'0' => b'o',
            b'1' => one,
            b'3' => b'e',
            b'4' => b'a',
            b'5' => b's',
            b'6' | b'9' => b'g',
            b'7' => b't',
            b'8' => b'b',
            other => other,
        };
        match runs.last_mut() {
            Some(last) if last.letter == letter => last.times += 1,
            _ => runs.push(Run { letter, times: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_do_not_help() {
        let words = BlockedWords::from_list(["slurry", "=slur"]).unwrap();
        for name in [
            "slurry",
            "my-slurry",
            "s-l-u-r-r-y",
            "5lurry9",
            "s1urry",
            "xslurrrryx",
            "SLUR",
            "slur42",
            "a-slur.example.com",
            "s.l.u.r",
        ] {
            assert!(words.is_in(name), "{name}");
        }
        for name in ["slury", "slurs", "aslur", "sulrry", "alice", ""] {
            assert!(!words.is_in(name), "{name}");
        }
    }

    #[test]
    fn innocent_names_pass_the_built_in_list() {
        let words = BlockedWords::built_in();
        assert!(words.0.len() > 15);
        for name in [
            "niger",
            "nigeria",
            "raccoon",
            "tycoon",
            "spicy",
            "conspicuous",
            "chinkara",
            "pakistan",
            "fagus",
            "kiken",
            "suspicious",
            "bob-1988",
            "spi-cegirl",
        ] {
            assert!(!words.is_in(name), "{name}");
        }
        for name in ["f4ggot", "xx-fag-xx", "n1gg3r"] {
            assert!(words.is_in(name), "{name}");
        }
    }

    #[test]
    fn operators_extend_replace_and_empty_the_list() {
        let extended = BlockedWords::from_list(["default", "spam"]).unwrap();
        assert!(extended.is_in("spam") && extended.is_in("faggot"));
        let replaced = BlockedWords::from_list(["spam"]).unwrap();
        assert!(replaced.is_in("spam") && !replaced.is_in("faggot"));
        assert_eq!(BlockedWords::from_list(["none"]).unwrap(), BlockedWords(Vec::new()));
        assert!(!BlockedWords(Vec::new()).is_in("faggot"));
        for wrong in ["two words", "h4x", "=", ""] {
            assert_eq!(
                BlockedWords::from_list([wrong]),
                Err(BlockedWordsError::NotAWord(wrong.to_owned()))
            );
        }
    }
}
