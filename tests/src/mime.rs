//! Mail as a reader of mail sees it.

use std::collections::HashMap;

/// A message that a mail server took.
#[derive(Clone, Debug)]
pub struct MailMessage {
    /// The sender and recipients of the envelope.
    pub from: String,
    pub to: Vec<String>,
    /// Who was signed in to the mail server.
    pub user: Option<String>,
    pub encrypted: bool,
    /// The whole message as it came.
    pub data: String,
}

struct Part {
    headers: HashMap<String, String>,
    body: String,
}

impl MailMessage {
    /// A header, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        parse(&self.data).headers.get(&name.to_ascii_lowercase()).cloned()
    }

    /// The plain text.
    pub fn text(&self) -> String {
        self.part("text/plain").expect("the message has a text")
    }

    /// The HTML form.
    pub fn html(&self) -> String {
        self.part("text/html").expect("the message has an HTML form")
    }

    /// The code that the server mailed: `XXXXX-XXXXX`.
    pub fn code(&self) -> String {
        code_in(&self.text()).expect("the mail has a code")
    }

    fn part(&self, content_type: &str) -> Option<String> {
        let whole = parse(&self.data);
        let kind = whole.headers.get("content-type").cloned().unwrap_or_default();
        let Some((_, boundary)) = kind.split_once("boundary=\"") else {
            return kind.starts_with(content_type).then(|| whole.decoded());
        };
        // The line break before a boundary belongs to it.
        let boundary = format!("\r\n--{}", boundary.split('"').next().unwrap());
        let body = format!("\r\n{}", whole.body);
        let parts = body.split(&boundary).map(|part| parse(part.trim_start()));
        let mut fitting = parts.filter(|part| {
            part.headers.get("content-type").is_some_and(|kind| kind.starts_with(content_type))
        });
        fitting.next().map(|part| part.decoded())
    }
}

/// The first code in a text.
pub fn code_in(text: &str) -> Option<String> {
    let is_code = |word: &&str| {
        let bytes = word.as_bytes();
        bytes.len() == 11
            && bytes[5] == b'-'
            && word.chars().all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    text.split_whitespace().find(is_code).map(str::to_owned)
}

fn parse(text: &str) -> Part {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers = unfolded.lines().filter_map(|line| line.split_once(": "));
    Part {
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

impl Part {
    fn decoded(&self) -> String {
        let bytes = match self.headers.get("content-transfer-encoding").map(String::as_str) {
            Some("base64") => {
                let letters: String = self.body.split_whitespace().collect();
                data_encoding::BASE64.decode(letters.as_bytes()).unwrap()
            }
            Some("quoted-printable") => quoted_printable(&self.body),
            _ => self.body.clone().into_bytes(),
        };
        String::from_utf8(bytes).unwrap()
    }
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let joined = text.replace("=\r\n", "");
    let mut bytes = joined.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'=' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    out
}
