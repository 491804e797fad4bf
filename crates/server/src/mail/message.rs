//! From a [`Mail`] to the bytes that mail servers exchange (RFC 5322, MIME).

use std::time::SystemTime;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use super::Mail;
use crate::i18n::Text;

/// Who mail comes from.
#[derive(Clone, Debug)]
pub struct Sender {
    mailbox: Mailbox,
    /// The server's host name, for message ids and `EHLO`.
    pub(super) hostname: String,
}

/// Why something cannot be written in a mail.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("{}", Text::default().mail_trouble_recipient())]
    Recipient(#[source] lettre::address::AddressError),
    #[error("{}", Text::default().mail_trouble_sender())]
    Sender(#[source] lettre::address::AddressError),
    #[error("{}", Text::default().mail_trouble_content())]
    Content(#[from] lettre::error::Error),
}

impl Sender {
    /// `from` is an address or `Name <address>`; `name` is used where it brings none.
    ///
    /// # Errors
    /// [`MessageError::Sender`].
    pub fn new(from: &str, name: &str, hostname: &str) -> Result<Self, MessageError> {
        let mut mailbox: Mailbox = from.trim().parse().map_err(MessageError::Sender)?;
        mailbox.name.get_or_insert_with(|| name.to_owned());
        Ok(Self { mailbox, hostname: hostname.to_owned() })
    }

    pub(super) fn address(&self) -> &Address {
        &self.mailbox.email
    }

    /// Writes a message.
    pub(super) fn message(&self, mail: &Mail) -> Result<Message, MessageError> {
        let to: Address = mail.to.parse().map_err(MessageError::Recipient)?;
        let builder = Message::builder()
            .from(self.mailbox.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&mail.subject))
            .date(SystemTime::from(mail.sent_at))
            .message_id(Some(format!("<{}@{}>", mail.id, self.hostname)))
            // RFC 3834: no out-of-office notes, please.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        Ok(match &mail.html {
            Some(html) => builder
                .multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
            None => builder.singlepart(SinglePart::plain(mail.text.clone())),
        }?)
    }
}

/// Header text on one line: whoever words the subject does not write further headers.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn written(mail: &Mail) -> String {
        let sender = Sender::new("pds@example.com", "A server", "pds.example.com").unwrap();
        String::from_utf8(sender.message(mail).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_message_has_the_headers_that_mail_servers_look_for() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let mail = Mail::new("alice@mail.test", "Hello\r\nBcc: eve@mail.test", "text", now);
        let written = written(&mail);
        let (headers, body) = written.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: \"A server\" <pds@example.com>",
            "To: alice@mail.test",
            "Subject: Hello  Bcc: eve@mail.test",
            "Date: Mon, 23 Nov 2026 10:00:00 +0000",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(headers.lines().any(|header| header == line), "{line}\n{headers}");
        }
        assert!(
            headers.contains(&format!("Message-ID: <{}@pds.example.com>", mail.id)),
            "{headers}"
        );
        assert!(!headers.lines().any(|header| header.starts_with("Bcc")), "{headers}");
        assert_eq!(body, "text\r\n");
    }

    #[test]
    fn both_forms_travel_in_one_message() {
        let mail =
            Mail::new("a@mail.test", "s", "plain ü", Timestamp::UNIX_EPOCH).with_html("<p>ü</p>");
        let written = written(&mail);
        assert!(written.contains("multipart/alternative"), "{written}");
        assert!(written.contains("text/plain") && written.contains("text/html"), "{written}");
        assert!(written.is_ascii(), "{written}");
    }

    #[test]
    fn addresses_that_are_none_are_told_apart() {
        assert!(matches!(Sender::new("nobody", "n", "h"), Err(MessageError::Sender(_))));
        let named = Sender::new("Operators <ops@example.com>", "n", "h").unwrap();
        assert_eq!(named.mailbox.name.as_deref(), Some("Operators"));
        let mail = Mail::new("a b@mail.test", "s", "t", Timestamp::UNIX_EPOCH);
        assert!(matches!(named.message(&mail), Err(MessageError::Recipient(_))));
    }
}
