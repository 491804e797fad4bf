//! What browsers say of themselves, in words. It is a claim, and good for recognising one's own browser only.

use super::super::i18n::Text;

/// What stands in the line, and what people call it. The first that fits counts: each browser also claims to be those below it.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];
/// Others are shown as they are, up to this.
const MAX_CHARS: usize = 60;

/// `Firefox on Linux`; what is not known is shown as it is.
pub fn named(t: Text, user_agent: Option<&str>) -> String {
    let Some(line) = user_agent.filter(|line| !line.is_empty()) else {
        return t.sessions_unknown_browser().to_owned();
    };
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| line.contains(mark)).map(|(_, name)| *name)
    };
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => t.sessions_browser_on(browser, system),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => line.chars().take(MAX_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    #[test]
    fn people_recognise_their_browsers() {
        let t = Text::new(Language::En);
        for (line, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "A browser that did not give its name"),
        ] {
            assert_eq!(named(t, Some(line)), name);
        }
        assert_eq!(named(t, Some(&"x".repeat(500))).len(), MAX_CHARS);
        assert_eq!(named(t, None), "A browser that did not give its name");
    }
}
