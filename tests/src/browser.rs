//! Somebody with a browser: cookies, forms, and redirects that they follow when they want to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, REFRESH, SET_COOKIE, USER_AGENT};
use reqwest::{Body, Method, RequestBuilder};

use crate::TestPds;

/// Between the fields of a form with a file.
const BOUNDARY: &str = "----a boundary that stands nowhere else";

/// A browser without scripts.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    base: String,
    /// By name.
    pub cookies: BTreeMap<String, String>,
    /// The token of the page that was looked at last.
    csrf: String,
}

/// What a browser shows.
pub struct View {
    pub status: u16,
    /// Where it is told to go.
    pub location: String,
    pub html: String,
}

impl Browser {
    /// A new browser at a server.
    pub fn new(pds: &TestPds) -> Self {
        cairn_identity::install_crypto_provider();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let base = pds.anyone.base.clone();
        Self { http, base, cookies: BTreeMap::new(), csrf: String::new() }
    }

    /// Looks at a page, a second time where the server looks first whether cookies are kept.
    pub async fn get(&mut self, path: &str) -> View {
        let view = self.send(self.request(Method::GET, path)).await;
        if !view.location.ends_with("&cookie_sent=1") {
            return view;
        }
        self.send(self.request(Method::GET, &view.location)).await
    }

    /// Fills in the form of the page that was looked at last, and sends it to `path`.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> View {
        let mut body = vec![("csrf", self.csrf.as_str())];
        body.extend_from_slice(fields);
        let body = encoded(&body);
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.send(request).await
    }

    /// Sends forms without their token from now on.
    pub fn forget_form(&mut self) {
        self.csrf.clear();
    }

    /// Sends the form of the page that was looked at last, with a file.
    pub async fn send_file(&mut self, path: &str, name: &str, content: &[u8]) -> View {
        let (head, tail) = self.around_file(name);
        self.send_form(path, [&head[..], content, &tail].concat().into()).await
    }

    /// The same with a file that comes in pieces.
    pub async fn send_pieces<S>(&mut self, path: &str, name: &str, pieces: S) -> View
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        let (head, tail) = self.around_file(name);
        let body = stream::iter([head]).chain(pieces).chain(stream::iter([tail]));
        self.send_form(path, Body::wrap_stream(body.map(Ok::<_, Infallible>))).await
    }

    fn around_file(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let part =
            |about: &str| format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {about}\r\n");
        let about = part(&format!("name=\"file\"; filename=\"{name}\""));
        let kind = "content-type: application/octet-stream";
        let head = format!("{}\r\n{}\r\n{about}{kind}\r\n\r\n", part("name=\"csrf\""), self.csrf);
        (head.into_bytes(), format!("\r\n--{BOUNDARY}--\r\n").into_bytes())
    }

    async fn send_form(&mut self, path: &str, body: Body) -> View {
        let request = self
            .request(Method::POST, path)
            .header("content-type", format!("multipart/form-data; boundary=\"{BOUNDARY}\""))
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.send(request).await
    }

    /// Looks at a page and sends its form.
    pub async fn fill(&mut self, page: &str, fields: &[(&str, &str)]) -> View {
        let view = self.get(page).await;
        assert_eq!(view.status, 200, "{page}: {view:?}");
        self.submit(page, fields).await
    }

    /// Goes where a view says.
    pub async fn follow(&mut self, view: &View) -> View {
        assert_eq!(view.status, 303, "{view:?}");
        let to = view.location.clone();
        self.get(&to).await
    }

    /// A request with the cookies.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.http
            .request(method, format!("{}{path}", self.base))
            .header(ACCEPT, "text/html,application/xhtml+xml")
            .header(USER_AGENT, "Mozilla/5.0 (test)")
            .header(COOKIE, cookies.join("; "))
    }

    async fn send(&mut self, request: RequestBuilder) -> View {
        let response = request.send().await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"));
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        // A page that goes on by itself leads somewhere too.
        let location =
            text(LOCATION).or(text(REFRESH).map(|it| it.strip_prefix("0; url=").unwrap()));
        let location = location.unwrap_or_default().to_owned();
        let status = response.status().as_u16();
        let html = response.text().await.unwrap();
        if let Some(token) = value_of(&html, "csrf") {
            self.csrf = token;
        }
        View { status, location, html }
    }
}

/// Without the style sheet.
impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.html.split_once("<body").map_or(self.html.as_str(), |(_, body)| body);
        write!(f, "{} to {:?}: {body}", self.status, self.location)
    }
}

impl View {
    /// What a field of the page holds.
    pub fn field(&self, name: &str) -> String {
        value_of(&self.html, name).unwrap_or_else(|| panic!("no field {name}: {}", self.html))
    }

    /// What an attribute of the page says to its scripts.
    pub fn data(&self, name: &str) -> String {
        let found = self.html.split_once(&format!(" data-{name}=\""));
        let (_, after) = found.unwrap_or_else(|| panic!("no data-{name}: {self:?}"));
        after.split('"').next().unwrap().replace("&#34;", "\"").replace("&#38;", "&")
    }

    /// What is said below a field that was refused.
    pub fn error(&self, name: &str) -> String {
        assert_eq!(self.status, 422, "{self:?}");
        let mark = format!("id=\"{name}-error\">");
        let (_, after) = self
            .html
            .split_once(&mark)
            .unwrap_or_else(|| panic!("no error of {name}: {}", self.html));
        let (_, after) = after.split_once("<span>").unwrap();
        after.split("</span>").next().unwrap().replace("&#39;", "'")
    }

    pub fn has(&self, text: &str) -> bool {
        self.html.contains(text)
    }
}

/// The value of the first field with this name.
fn value_of(html: &str, name: &str) -> Option<String> {
    let (_, after) = html.split_once(&format!(" name=\"{name}\""))?;
    let tag = after.split('>').next()?;
    let (_, value) = tag.split_once(" value=\"")?;
    Some(value.split('"').next()?.replace("&#38;", "&"))
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("x:/", fields).unwrap();
    url.query().unwrap_or_default().to_owned()
}
