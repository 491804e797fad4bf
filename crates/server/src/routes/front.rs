//! The front page for programs: what this is, in plain text; and the word to crawlers.

use axum::response::Response;

use crate::app::App;

use super::{Call, Route, Who, get, text};

pub(super) fn routes() -> Vec<Route> {
    vec![get("/robots.txt", Who::Anyone, robots)]
}

async fn robots(_: Call) -> Response {
    text(
        "# Crawlers are welcome: everything under /xrpc is meant to be read.\nUser-agent: *\nAllow: /\n",
    )
}

const STONES: &str = "\
          __
         /__\\
       _/____\\_
      /________\\
    _/__________\\_
   /______________\\
";

pub(crate) fn banner(app: &App) -> Response {
    let version = &app.config.version;
    text(format!(
        "{STONES}\n\
         This is a personal data server of the AT Protocol (https://atproto.com), run with Cairn {version}.\n\n\
         Most of what it serves is under /xrpc/, for instance\n  \
         /xrpc/com.atproto.server.describeServer\n  \
         /xrpc/com.atproto.sync.listRepos\n"
    ))
}
