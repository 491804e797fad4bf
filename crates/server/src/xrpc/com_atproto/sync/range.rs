//! The `Range` header (RFC 9110 §14): one range of bytes.

/// What is asked of a thing of known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    /// From the first to the last byte, both included.
    Part {
        first: u64,
        last: u64,
    },
    /// No byte of it exists.
    Unsatisfiable,
}

/// Reads a `Range` value. What is not understood counts for nothing, as the RFC wants; so do several ranges at once.
pub(super) fn parse(value: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = value.and_then(|value| value.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((from, to)) = spec.trim().split_once('-') else { return Wanted::Whole };
    match (number(from), number(to)) {
        (Some(_), None) if !to.trim().is_empty() => Wanted::Whole,
        (Some(first), last) => {
            let last = last.unwrap_or(u64::MAX);
            if last < first {
                return Wanted::Whole;
            }
            if first >= size {
                Wanted::Unsatisfiable
            } else {
                Wanted::Part { first, last: last.min(size - 1) }
            }
        }
        (None, Some(suffix)) if from.trim().is_empty() => {
            if suffix == 0 || size == 0 {
                return Wanted::Unsatisfiable;
            }
            Wanted::Part { first: size.saturating_sub(suffix), last: size - 1 }
        }
        _ => Wanted::Whole,
    }
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_anything_else_is_the_whole() {
        let part = |first, last| Wanted::Part { first, last };
        let cases = [
            ("bytes=0-9", part(0, 9)),
            ("bytes=90-", part(90, 99)),
            ("bytes=90-1000", part(90, 99)),
            ("bytes=-10", part(90, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=9-0", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=5-x", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("items=0-9", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
        ];
        for (value, wanted) in cases {
            assert_eq!(parse(Some(value), 100), wanted, "{value}");
        }
        assert_eq!(parse(None, 100), Wanted::Whole);
        assert_eq!(parse(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }
}
