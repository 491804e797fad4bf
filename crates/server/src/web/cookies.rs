//! The pages' cookies.
//!
//! On https all names begin with `__Host-`: such a cookie belongs to this host alone, and no page of a handle's subdomain
//! can plant one. Spec: RFC 6265bis §4.1.3.2.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, header};

/// Longest time that browsers keep a cookie: 400 days.
pub const LONGEST_SECONDS: u32 = 400 * 86_400;

/// What we keep in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The secret that names this browser.
    Device,
    /// Is there as long as the browser is open.
    Visit,
    /// The operator is signed in.
    Admin,
    /// What the next page says once.
    Flash,
    /// The language that was chosen.
    Language,
    /// The theme that was chosen.
    Theme,
}

impl Cookie {
    fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Visit => "visit",
            Self::Admin => "admin",
            Self::Flash => "flash",
            Self::Language => "language",
            Self::Theme => "theme",
        }
    }
}

/// How long the browser keeps a cookie.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// Until it is closed.
    Visit,
    Seconds(u32),
}

/// The cookies of one request, and those that its answer sets.
pub struct Cookies {
    is_https: bool,
    sent: Vec<(String, String)>,
    set: Mutex<Vec<(Cookie, HeaderValue)>>,
}

const PREFIX: &str = "__Host-";
/// Browsers send a few; ours are short.
const MAX_COOKIES: usize = 64;

impl Cookies {
    pub fn read(headers: &HeaderMap, is_https: bool) -> Self {
        let prefix = if is_https { PREFIX } else { "" };
        let sent = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .take(MAX_COOKIES)
            .collect();
        Self { is_https, sent, set: Mutex::default() }
    }

    /// The value that the browser sent.
    pub fn get(&self, cookie: Cookie) -> Option<&str> {
        let found = self.sent.iter().find(|(name, _)| name == cookie.name());
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Has the answer set a cookie. `value` is of letters, digits and `-_.`.
    pub fn set(&self, cookie: Cookie, value: &str, keep: Keep) {
        let prefix = if self.is_https { PREFIX } else { "" };
        let secure = if self.is_https { "; Secure" } else { "" };
        let age = match keep {
            Keep::Visit => String::new(),
            Keep::Seconds(seconds) => format!("; Max-Age={seconds}"),
        };
        let name = cookie.name();
        let line = format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        let Ok(line) = HeaderValue::try_from(line) else { return };
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.retain(|(known, _)| *known != cookie);
        set.push((cookie, line));
    }

    /// Has the browser forget a cookie.
    pub fn remove(&self, cookie: Cookie) {
        self.set(cookie, "", Keep::Seconds(0));
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, line) in set.iter() {
            headers.append(header::SET_COOKIE, line.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_https_only_cookies_of_this_very_host_count() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "theme=dark; __Host-theme=light".parse().unwrap());
        assert_eq!(Cookies::read(&headers, true).get(Cookie::Theme), Some("light"));
        assert_eq!(Cookies::read(&headers, false).get(Cookie::Theme), Some("dark"));
        assert_eq!(Cookies::read(&headers, true).get(Cookie::Device), None);
    }

    #[test]
    fn the_last_word_on_a_cookie_counts() {
        let cookies = Cookies::read(&HeaderMap::new(), true);
        cookies.set(Cookie::Device, "a", Keep::Visit);
        cookies.set(Cookie::Device, "b", Keep::Seconds(60));
        let mut headers = HeaderMap::new();
        cookies.write(&mut headers);
        let lines: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(lines, ["__Host-device=b; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"]);
    }
}
