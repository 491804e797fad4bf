//! Time-based one-time codes: <https://datatracker.ietf.org/doc/html/rfc6238>, with SHA-1, six digits and steps of 30
//! seconds, which is all that authenticator apps have in common.

use data_encoding::BASE32_NOPAD;
use ring::hmac;
use subtle::ConstantTimeEq;

/// Length of a secret: that of the hash (RFC 4226 §4, R6).
pub const SECRET_BYTES: usize = 20;
/// How long a code is shown.
pub const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;
/// Steps before and after the present one whose codes are taken: clocks differ, and people need time to type.
const TOLERANCE: i64 = 1;

/// The code of a time step, six digits.
#[must_use]
pub fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    format!("{:0DIGITS$}", truncated(tag.as_ref()) % MODULUS)
}

/// Dynamic truncation, RFC 4226 §5.3.
fn truncated(tag: &[u8]) -> u32 {
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let four = tag.iter().skip(offset).take(4);
    four.fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff
}

/// The time step of a moment, in seconds since 1970.
#[must_use]
pub fn step_at(seconds: i64) -> i64 {
    seconds.div_euclid(STEP_SECONDS)
}

/// The time step near `now` (seconds since 1970) whose code somebody has typed, with or without spaces. `None` if it is the
/// code of none.
#[must_use]
pub fn step_of(secret: &[u8], typed: &str, now: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).take(DIGITS + 1).collect();
    let present = step_at(now);
    let mut found = None;
    // All of them each time: how long it takes says nothing.
    for step in present - TOLERANCE..=present + TOLERANCE {
        if bool::from(code(secret, step).as_bytes().ct_eq(typed.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

/// The secret as people type it into an app: base32 in groups of four.
#[must_use]
pub fn readable(secret: &[u8]) -> String {
    let text = BASE32_NOPAD.encode(secret);
    let groups: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    groups.join(" ")
}

/// What the QR code says (<https://github.com/google/google-authenticator/wiki/Key-Uri-Format>). `issuer` is the server's
/// name, `account` the handle.
#[must_use]
pub fn url(secret: &[u8], issuer: &str, account: &str) -> String {
    let (issuer, account) = (escaped(issuer), escaped(account));
    let secret = BASE32_NOPAD.encode(secret);
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}")
}

/// Percent-encoding of everything but RFC 3986's unreserved characters: some apps take a plus for a plus.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_specification() {
        // RFC 6238 appendix B, the last six of its eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, step_at(seconds)), expected);
        }
        // RFC 4226 appendix D.
        for (step, expected) in
            (0..).zip(["755224", "287082", "359152", "969429", "338314", "254676"])
        {
            assert_eq!(code(SECRET, step), expected);
        }
    }

    #[test]
    fn codes_are_taken_one_step_early_and_late() {
        let now = 1_234_567_890;
        let present = step_at(now);
        for (step, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let step = present + step;
            let found = step_of(SECRET, &code(SECRET, step), now);
            assert_eq!(found, taken.then_some(step), "{step}");
        }
        let typed = code(SECRET, present);
        assert_eq!(
            step_of(SECRET, &format!(" {} {} ", &typed[..3], &typed[3..]), now),
            Some(present)
        );
        for wrong in ["", "0", "12345", &format!("{typed}0"), "abcdef", "１２３４５６"] {
            assert_eq!(step_of(SECRET, wrong, now), None, "{wrong}");
        }
        assert_eq!(step_of(b"another secret of 20", &typed, now), None);
    }

    #[test]
    fn apps_read_the_address() {
        assert_eq!(
            url(SECRET, "My Server: 1", "alice.test"),
            "otpauth://totp/My%20Server%3A%201:alice.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=My%20Server%3A%201"
        );
        assert_eq!(readable(SECRET), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }
}
