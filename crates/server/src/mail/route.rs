//! The way that mail takes, from the URL that the operator writes.
//!
//! | URL | way |
//! |---|---|
//! | `smtps://USER:PASSWORD@HOST[:465]` | TLS from the first byte |
//! | `smtp://USER:PASSWORD@HOST[:587]` | STARTTLS; a password is never sent in the clear unless `?tls=` says so |
//! | `smtp://HOST[:587]` | STARTTLS where the server offers it |
//! | `sendmail:[/PATH]` | a program on this machine |
//!
//! `?tls=` is `required`, `opportunistic` or `none`. The query parameters that operators of the reference
//! implementation know (`requireTLS`, `ignoreTLS`, `secure`, `name`) mean what they mean there.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

use crate::config::Secret;

const SUBMISSION_PORT: u16 = 587;
const SUBMISSIONS_PORT: u16 = 465;
const SENDMAIL: &str = "/usr/sbin/sendmail";

/// How mail leaves the machine.
#[derive(Clone, Debug)]
pub enum Route {
    Smtp(SmtpServer),
    /// A program that takes a message on its standard input.
    Sendmail(PathBuf),
}

/// A mail server and how to speak to it.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub credentials: Option<Credentials>,
    /// The name to say in `EHLO`, if the operator wants another than the server's host name.
    pub hello: Option<String>,
    /// Parameters of the URL that mean nothing here.
    pub ignored: Vec<String>,
}

/// A name and a password for `AUTH`.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    pub password: Secret,
}

/// Without either: a name may be a secret too, as with providers that give out keys.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte.
    Tls,
    /// By STARTTLS, or not at all.
    StartTls,
    /// By STARTTLS if the server offers it.
    StartTlsIfOffered,
    None,
}

/// Why a URL names no way. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("it is not a URL")]
    Syntax,
    #[error("its scheme is not smtp, smtps or sendmail")]
    Scheme,
    #[error("it names no host")]
    NoHost,
    #[error("its user or password is not UTF-8 behind the percent signs")]
    Encoding,
    #[error("its `tls` is not required, opportunistic or none")]
    Tls,
}

impl Route {
    /// Reads a URL.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        let url = Url::parse(text.trim()).map_err(|_| RouteError::Syntax)?;
        match url.scheme() {
            "smtp" | "smtps" => smtp(&url).map(Self::Smtp),
            "sendmail" => Ok(Self::Sendmail(match url.path() {
                "" | "/" => PathBuf::from(SENDMAIL),
                path => PathBuf::from(path),
            })),
            _ => Err(RouteError::Scheme),
        }
    }

    /// What to call it in messages for people: no credentials.
    pub fn name(&self) -> String {
        match self {
            Self::Smtp(server) => server.name(),
            Self::Sendmail(program) => program.display().to_string(),
        }
    }

    /// Parameters of the URL that mean nothing here.
    pub fn ignored(&self) -> &[String] {
        match self {
            Self::Smtp(server) => &server.ignored,
            Self::Sendmail(_) => &[],
        }
    }
}

impl SmtpServer {
    /// `HOST:PORT`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[derive(Default)]
struct Parameters {
    security: Option<Security>,
    hello: Option<String>,
    ignored: Vec<String>,
}

fn smtp(url: &Url) -> Result<SmtpServer, RouteError> {
    let host = match url.host() {
        // The URL standard leaves hosts of unknown schemes as they are written.
        Some(Host::Domain(domain)) if !domain.is_empty() => decoded(domain)?,
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err(RouteError::NoHost),
    };
    let credentials = match (decoded(url.username())?, url.password()) {
        (user, _) if user.is_empty() => None,
        (user, password) => Some(Credentials {
            user,
            password: Secret::new(decoded(password.unwrap_or_default())?),
        }),
    };
    let from_start = url.scheme() == "smtps";
    let parameters = parameters(url)?;
    let security = match parameters.security {
        _ if from_start => Security::Tls,
        Some(security) => security,
        None if credentials.is_some() && !is_local(&host) => Security::StartTls,
        None => Security::StartTlsIfOffered,
    };
    let port = if security == Security::Tls { SUBMISSIONS_PORT } else { SUBMISSION_PORT };
    Ok(SmtpServer {
        host,
        port: url.port().unwrap_or(port),
        security,
        credentials,
        hello: parameters.hello,
        ignored: parameters.ignored,
    })
}

fn parameters(url: &Url) -> Result<Parameters, RouteError> {
    let mut found = Parameters::default();
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("tls", "required") | ("requireTLS", "true") => {
                found.security = Some(Security::StartTls);
            }
            ("tls", "opportunistic") => found.security = Some(Security::StartTlsIfOffered),
            ("tls", "none") | ("ignoreTLS", "true") => found.security = Some(Security::None),
            ("tls", _) => return Err(RouteError::Tls),
            ("secure", "true") => found.security = Some(Security::Tls),
            ("secure" | "requireTLS" | "ignoreTLS", "false") => {}
            ("name", hello) => found.hello = Some(hello.to_owned()),
            _ => found.ignored.push(name.into_owned()),
        }
    }
    Ok(found)
}

/// A password that does not leave the machine needs no TLS.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Text with its percent signs resolved.
fn decoded(text: &str) -> Result<String, RouteError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(RouteError::Encoding);
        };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| RouteError::Encoding)?);
    }
    String::from_utf8(bytes).map_err(|_| RouteError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(url: &str) -> SmtpServer {
        match Route::parse(url) {
            Ok(Route::Smtp(server)) => server,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn urls_say_where_and_how() {
        for (url, host, port, security) in [
            ("smtps://u:p@smtp.example.com", "smtp.example.com", 465, Security::Tls),
            ("smtps://u:p@smtp.example.com:465/", "smtp.example.com", 465, Security::Tls),
            ("smtp://u:p@smtp.example.com", "smtp.example.com", 587, Security::StartTls),
            ("smtp://u:p@smtp.example.com:2525", "smtp.example.com", 2525, Security::StartTls),
            ("smtp://smtp.example.com:25", "smtp.example.com", 25, Security::StartTlsIfOffered),
            ("smtp://u:p@localhost:1025", "localhost", 1025, Security::StartTlsIfOffered),
            ("smtp://u:p@127.0.0.1", "127.0.0.1", 587, Security::StartTlsIfOffered),
            ("smtp://u:p@[::1]:25", "::1", 25, Security::StartTlsIfOffered),
            ("smtp://u:p@mail.test?tls=none", "mail.test", 587, Security::None),
            ("smtp://mail.test?tls=required", "mail.test", 587, Security::StartTls),
            (
                "smtp://u:p@mail.test?tls=opportunistic",
                "mail.test",
                587,
                Security::StartTlsIfOffered,
            ),
            ("smtp://u:p@mail.test?secure=true", "mail.test", 465, Security::Tls),
            ("smtp://u:p@mail.test?ignoreTLS=true", "mail.test", 587, Security::None),
            ("smtp://mail.test?requireTLS=true", "mail.test", 587, Security::StartTls),
        ] {
            let server = smtp(url);
            assert_eq!(
                (&*server.host, server.port, server.security),
                (host, port, security),
                "{url}"
            );
        }
    }

    #[test]
    fn credentials_are_decoded_and_not_shown() {
        let server = smtp(
            "smtps://me%40example.com:p%3Aw%2F%C3%BC@smtp.example.com?name=pds.test&pool=true",
        );
        let credentials = server.credentials.clone().unwrap();
        assert_eq!(credentials.user, "me@example.com");
        assert_eq!(credentials.password.expose(), "p:w/ü".as_bytes());
        assert_eq!(server.hello.as_deref(), Some("pds.test"));
        assert_eq!(server.ignored, ["pool"]);
        let shown = format!("{server:?}");
        assert!(!shown.contains("me@example.com") && !shown.contains("p:w"), "{shown}");
        assert!(smtp("smtp://mail.test").credentials.is_none());
    }

    #[test]
    fn sendmail_has_a_usual_place() {
        for (url, path) in
            [("sendmail:", SENDMAIL), ("sendmail:///opt/bin/sendmail", "/opt/bin/sendmail")]
        {
            assert!(
                matches!(Route::parse(url), Ok(Route::Sendmail(found)) if found == *path),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_way_is_refused() {
        for (url, why) in [
            ("smtp.example.com", RouteError::Syntax),
            ("https://smtp.example.com", RouteError::Scheme),
            ("smtp://", RouteError::NoHost),
            ("smtp://u:%zz@mail.test", RouteError::Encoding),
            ("smtp://u:%ff@mail.test", RouteError::Encoding),
            ("smtp://mail.test?tls=maybe", RouteError::Tls),
        ] {
            assert_eq!(Route::parse(url).err(), Some(why), "{url}");
        }
    }
}
