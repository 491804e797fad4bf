//! The style sheet: one for all pages, in the operator's colours, with the policy that allows it and nothing else.
//!
//! It stands in the page, under the hash that the policy names. Compressed it is smaller than the head of a second
//! request is late: the first paint needs no other file, on any page. What depends on the operator's settings is put in
//! front of it once, when the server starts.

use std::fmt::Write as _;

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::branding::{Branding, Color};

const STYLE: &str = include_str!("../../assets/style.css");

/// The grounds that text stands on.
const LIGHT_GROUND: Color = Color::rgb(0xff, 0xff, 0xff);
const DARK_GROUND: Color = Color::rgb(0x18, 0x19, 0x1d);
/// Contrast of text (WCAG 2.2 §1.4.3), with a margin for grounds that are not quite the plain one.
const TEXT_CONTRAST: f64 = 5.8;
/// Contrast of what is no text (§1.4.11).
const SHAPE_CONTRAST: f64 = 3.0;

/// What all pages look like.
pub struct Look {
    /// The style sheet.
    pub style: String,
    /// The policy without its `connect-src` and `form-action`.
    pub policy: String,
}

impl Look {
    pub(super) fn new(branding: &Branding) -> Self {
        let style = style(branding);
        let hash = BASE64.encode(&Sha256::digest(style.as_bytes()));
        // Pictures come from the operator's site and, as avatars, from anywhere.
        let pictures = [&branding.logo_url, &branding.background_light, &branding.background_dark];
        let mut hosts = String::new();
        for url in pictures.into_iter().flatten().filter(|url| url.scheme() == "http") {
            let _ = write!(hosts, " {}", url.origin().ascii_serialization());
        }
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; script-src 'self'; \
             img-src 'self' data: https:{hosts}; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        Self { style, policy }
    }
}

fn style(branding: &Branding) -> String {
    let mut style = String::with_capacity(STYLE.len() + 2_048);
    let (mut light, mut dark) = (String::new(), String::new());
    palette(&mut light, branding, LIGHT_GROUND);
    palette(&mut dark, branding, DARK_GROUND);
    if let Some(url) = &branding.background_light {
        let _ = write!(light, "--backdrop:url(\"{}\");", css_url(url));
    }
    if let Some(url) = branding.background_dark.as_ref().or(branding.background_light.as_ref()) {
        let _ = write!(dark, "--backdrop:url(\"{}\");", css_url(url));
    }
    let (before, rest) = STYLE.split_once("/*LIGHT*/").unwrap_or((STYLE, ""));
    let (middle, after) = rest.split_once("/*DARK*/").unwrap_or((rest, ""));
    let (grounds, after) = after.split_once("/*END*/").unwrap_or(("", after));
    let _ = write!(style, "{before}{light}{middle}");
    let dark = format!("{dark}{}", grounds.trim());
    // Chosen by the system, unless the person chose otherwise.
    let _ = write!(
        style,
        "@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}:root[data-theme=dark]{{{dark}}}{after}"
    );
    minified(&style)
}

/// The operator's colours, so that they can be read on `ground`.
fn palette(out: &mut String, branding: &Branding, ground: Color) {
    let is_dark = ground == DARK_GROUND;
    // Words on it say what it is, so on white the operator's own colour may be a pale one.
    let contrast = if is_dark { SHAPE_CONTRAST } else { 1.6 };
    let accent = branding.primary_color.visible_on(ground, contrast);
    let hover = accent.mixed(if is_dark { Color::WHITE } else { Color::BLACK }, 12);
    let _ = write!(
        out,
        "--accent:{accent};--accent-hover:{hover};--on-accent:{};--accent-ink:{};--accent-soft:{};",
        accent.foreground(),
        branding.primary_color.visible_on(ground, TEXT_CONTRAST),
        branding.primary_color.mixed(ground, if is_dark { 80 } else { 91 }),
    );
    let tones = [
        ("error", branding.error_color, Color::rgb(0xd1, 0x2d, 0x3a)),
        ("warning", branding.warning_color, Color::rgb(0xb4, 0x6a, 0x00)),
        ("info", branding.info_color, Color::rgb(0x22, 0x6a, 0xd4)),
        ("success", branding.success_color, Color::rgb(0x1a, 0x7f, 0x4b)),
    ];
    for (name, chosen, usual) in tones {
        let color = chosen.unwrap_or(usual);
        let fill = color.visible_on(ground, 4.5);
        let _ = write!(
            out,
            "--{name}:{fill};--{name}-ink:{};--{name}-soft:{};--{name}-line:{};--on-{name}:{};",
            color.visible_on(ground, TEXT_CONTRAST),
            color.mixed(ground, if is_dark { 84 } else { 92 }),
            color.mixed(ground, if is_dark { 62 } else { 68 }),
            fill.foreground(),
        );
    }
}

/// A URL between quotes: `url` has encoded quotes and line ends already, but not the backslash of a data URL.
fn css_url(url: &url::Url) -> String {
    url.as_str().replace('\\', "%5C").replace('"', "%22").replace('<', "%3C")
}

/// Without comments and indentation.
fn minified(style: &str) -> String {
    let mut out = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(primary: &str) -> Look {
        let mut branding = Branding::named("Test");
        branding.primary_color = Color::parse(primary).unwrap();
        Look::new(&branding)
    }

    #[test]
    fn the_policy_names_the_style_sheet_and_nothing_else_that_is_inline() {
        let look = look("#2f6b54");
        let hash = BASE64.encode(&Sha256::digest(look.style.as_bytes()));
        assert!(look.policy.contains(&format!("style-src 'sha256-{hash}';")));
        assert!(!look.policy.contains("unsafe"), "{}", look.policy);
        assert!(!look.style.contains('<'), "it must not end the element");
    }

    #[test]
    fn the_style_sheet_is_small() {
        let look = look("#2f6b54");
        assert!(look.style.len() < 32 * 1024, "{} bytes", look.style.len());
        assert!(!look.style.contains("/*"));
    }

    #[test]
    fn words_in_any_accent_can_be_read_on_both_grounds() {
        for primary in ["#000", "#fff", "#ff0", "#00f", "#2f6b54", "#0085ff", "#888", "#f0f"] {
            let primary = Color::parse(primary).unwrap();
            for ground in [LIGHT_GROUND, DARK_GROUND] {
                let ink = primary.visible_on(ground, TEXT_CONTRAST);
                assert!(ink.contrast(ground) >= TEXT_CONTRAST, "{primary} {ink} on {ground}");
                assert!(primary.foreground().contrast(primary) >= 4.5);
            }
        }
    }
}
