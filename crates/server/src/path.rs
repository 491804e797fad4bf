//! Patterns of paths, as the tables of routes and of pages have them.

/// What a path says where the pattern has `{name}` for a segment, decoded; `None` if it is another path.
pub(crate) fn captures(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => found.push((name, decoded(segment)?)),
            None if expected == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(found)
}

/// What was found for `{name}`; empty if the pattern has no such name.
pub(crate) fn captured<'a>(captures: &'a [(&'static str, String)], name: &str) -> &'a str {
    let found = captures.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, value)| value)
}

/// A segment without percent-encoding; `None` if it is empty or not UTF-8.
fn decoded(segment: &str) -> Option<String> {
    // A plus is a plus in a path.
    let query = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let (text, _) = url::form_urlencoded::parse(query.as_bytes()).next()?;
    (!text.is_empty() && !text.contains('\u{fffd}')).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::captures;

    #[test]
    fn patterns_match_whole_paths() {
        let account = |path| captures("/account/u/{account}/apps", path);
        assert_eq!(
            account("/account/u/did%3Aplc%3Aab+c/apps"),
            Some(vec![("account", "did:plc:ab+c".to_owned())])
        );
        for path in
            ["/account/u//apps", "/account/u/a/b/apps", "/account/u/a", "/account/u/%ff/apps"]
        {
            assert_eq!(account(path), None, "{path}");
        }
        assert_eq!(captures("/account", "/account"), Some(vec![]));
        assert_eq!(captures("/account", "/account/"), None);
    }
}
