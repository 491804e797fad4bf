//! How the server presents itself to people: in mail, and on its pages.

use std::fmt;

use url::Url;

/// Name, links, pictures and colours.
#[derive(Clone, Debug)]
pub struct Branding {
    /// What people call this server.
    pub service_name: String,
    /// Where the name leads; the server's own front page if none is set.
    pub home_url: Option<Url>,
    pub support_url: Option<Url>,
    pub logo_url: Option<Url>,
    pub primary_color: Color,
    /// Of what went wrong; a red if none is set.
    pub error_color: Option<Color>,
    /// Of what wants care; an amber if none is set.
    pub warning_color: Option<Color>,
    /// Of what is good to know; a blue if none is set.
    pub info_color: Option<Color>,
    /// Of what went well; a green if none is set.
    pub success_color: Option<Color>,
    /// A picture behind the pages of signing in.
    pub background_light: Option<Url>,
    /// The same for the dark theme; the light one if none is set.
    pub background_dark: Option<Url>,
}

impl Branding {
    /// A name in the default colour.
    pub fn named(service_name: impl Into<String>) -> Self {
        Self {
            service_name: service_name.into(),
            home_url: None,
            support_url: None,
            logo_url: None,
            primary_color: Color::DEFAULT,
            error_color: None,
            warning_color: None,
            info_color: None,
            success_color: None,
            background_light: None,
            background_dark: None,
        }
    }
}

/// An RGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

impl Color {
    /// The green of a mossy stone.
    pub const DEFAULT: Self = Self { red: 0x2f, green: 0x6b, blue: 0x54 };
    pub const BLACK: Self = Self::rgb(0, 0, 0);
    pub const WHITE: Self = Self::rgb(0xff, 0xff, 0xff);

    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Reads `#rgb`, `#rrggbb` or `rgb(r, g, b)`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if let Some(hex) = text.strip_prefix('#') {
            return Self::from_hex(hex);
        }
        let inside = text.strip_prefix("rgb(")?.strip_suffix(')')?;
        let mut parts = inside.split(',').map(|part| part.trim().parse::<u8>().ok());
        let color = Self { red: parts.next()??, green: parts.next()??, blue: parts.next()?? };
        parts.next().is_none().then_some(color)
    }

    fn from_hex(hex: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> =
            hex.chars().map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
        Some(match digits?.as_slice() {
            [r, g, b] => Self { red: r * 17, green: g * 17, blue: b * 17 },
            [r, r2, g, g2, b, b2] => {
                Self { red: r * 16 + r2, green: g * 16 + g2, blue: b * 16 + b2 }
            }
            _ => return None,
        })
    }

    /// Black or white, whichever is easier to read on this colour.
    #[must_use]
    pub fn foreground(self) -> Self {
        // WCAG contrast is (a + 0.05) / (b + 0.05); black and white are equally far at this luminance.
        if self.luminance() > 0.179 { Self::BLACK } else { Self::WHITE }
    }

    /// How well one colour is seen on the other, from 1 to 21: <https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio>.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// This colour with `percent` of another in it.
    #[must_use]
    pub fn mixed(self, other: Self, percent: u16) -> Self {
        let percent = percent.min(100);
        let mix = |a: u8, b: u8| {
            let sum = u16::from(a) * (100 - percent) + u16::from(b) * percent + 50;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self::rgb(
            mix(self.red, other.red),
            mix(self.green, other.green),
            mix(self.blue, other.blue),
        )
    }

    /// This colour, made lighter or darker until it has this contrast on `ground`; black or white if no tint of it has.
    #[must_use]
    pub fn visible_on(self, ground: Self, contrast: f64) -> Self {
        let ground_is_dark = ground.luminance() < 0.18;
        let tints = (0..=50).map(|step| {
            let share = f64::from(step) / 50.0;
            let lightness = self.lightness();
            let end = if ground_is_dark { 1.0 } else { 0.0 };
            self.with_lightness(lightness + (end - lightness) * share)
        });
        let far = if ground_is_dark { Self::WHITE } else { Self::BLACK };
        let mut tints = std::iter::once(self).chain(tints);
        tints.find(|tint| tint.contrast(ground) >= contrast).unwrap_or(far)
    }

    fn channels(self) -> [f64; 3] {
        [self.red, self.green, self.blue].map(|channel| f64::from(channel) / 255.0)
    }

    /// The middle between the strongest and the weakest channel (HSL).
    fn lightness(self) -> f64 {
        let channels = self.channels();
        (channels.into_iter().fold(0.0, f64::max) + channels.into_iter().fold(1.0, f64::min)) / 2.0
    }

    /// The same hue and saturation with another lightness (HSL).
    fn with_lightness(self, lightness: f64) -> Self {
        let old = self.lightness();
        // How far channels may lie from the lightness, before and now.
        let (room, new_room) = (old.min(1.0 - old), lightness.min(1.0 - lightness));
        let scale = if room > 0.0 { new_room / room } else { 0.0 };
        let byte = |channel: f64| {
            let value = ((lightness + (channel - old) * scale) * 255.0).round().clamp(0.0, 255.0);
            // Within a byte by the line above.
            value as u8
        };
        let [red, green, blue] = self.channels().map(byte);
        Self { red, green, blue }
    }

    /// Relative luminance: <https://www.w3.org/TR/WCAG21/#dfn-relative-luminance>.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

/// `#rrggbb`, good for style sheets.
impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::Color;

    #[test]
    fn colours_are_read_and_written() {
        for (text, hex) in [
            ("#2f6b54", "#2f6b54"),
            (" #ABC ", "#aabbcc"),
            ("rgb(0, 133, 255)", "#0085ff"),
            ("rgb(255,255,255)", "#ffffff"),
        ] {
            assert_eq!(Color::parse(text).unwrap().to_string(), hex);
        }
        for text in
            ["", "#", "#12", "#1234567", "red", "rgb(1,2)", "rgb(1,2,3,4)", "rgb(256,0,0)", "#ü23"]
        {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }

    #[test]
    fn colours_move_only_as_far_as_they_must() {
        let (black, white) = (Color::BLACK, Color::WHITE);
        assert_eq!(black.contrast(white).round(), 21.0);
        assert_eq!(black.mixed(white, 50).to_string(), "#808080");
        assert_eq!(Color::DEFAULT.visible_on(white, 4.5), Color::DEFAULT);
        let yellow = Color::parse("#ff0").unwrap().visible_on(white, 4.5);
        assert!((4.5..5.5).contains(&yellow.contrast(white)), "{yellow}");
        assert_eq!(Color::parse("#00f").unwrap().visible_on(black, 4.5).to_string(), "#6161ff");
        assert_eq!(white.visible_on(white, 22.0), black);
    }

    #[test]
    fn text_can_be_read_on_every_colour() {
        for (background, foreground) in
            [("#000", "#ffffff"), ("#fff", "#000000"), ("#ff0", "#000000"), ("#00f", "#ffffff")]
        {
            assert_eq!(Color::parse(background).unwrap().foreground().to_string(), foreground);
        }
        assert_eq!(Color::DEFAULT.foreground().to_string(), "#ffffff");
    }
}
