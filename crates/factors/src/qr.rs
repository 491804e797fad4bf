//! QR codes as SVG. Dark on light whatever the page's theme is, since many cameras read nothing else, with the quiet zone
//! that the standard asks for (ISO/IEC 18004 §5.3.8).

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code.
const QUIET: usize = 4;
/// Width on the screen, in CSS pixels: what a camera reads at arm's length and a small phone shows whole.
const WIDTH: usize = 216;

/// More text than a code can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text does not fit into a QR code")]
pub struct TooLong;

/// The code as markup, without a name for those who do not see it. Presentation is in attributes: a policy without inline
/// styles lets it through.
///
/// # Errors
/// For more than about 2,300 bytes.
pub fn svg(text: &str) -> Result<String, TooLong> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| TooLong)?;
    let width = code.width();
    let whole = width + 2 * QUIET;
    let mut path = String::new();
    for (row, colors) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        while column < width {
            let dark =
                colors.iter().skip(column).take_while(|color| **color == Color::Dark).count();
            if dark > 0 {
                let (x, y) = (column + QUIET, row + QUIET);
                // Writing into a string does not fail.
                let _ = write!(path, "M{x} {y}h{dark}v1h-{dark}z");
            }
            column += dark.max(1);
        }
    }
    Ok(format!(
        "<svg viewBox=\"0 0 {whole} {whole}\" width=\"{WIDTH}\" height=\"{WIDTH}\" shape-rendering=\"crispEdges\" focusable=\"false\">\
         <path fill=\"#fff\" d=\"M0 0h{whole}v{whole}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finder_in_the_corner_and_a_quiet_zone() {
        let code =
            svg("otpauth://totp/x:alice.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=x")
                .unwrap();
        assert!(code.starts_with("<svg viewBox=\"0 0 45 45\""), "{code}");
        // The upper edge of the two upper finder patterns, seven modules wide.
        assert!(code.contains("M4 4h7v1h-7z") && code.contains("M34 4h7v1h-7z"), "{code}");
        assert!(!code.contains("style"));
        assert_eq!(svg(&"x".repeat(3_000)), Err(TooLong));
    }
}
