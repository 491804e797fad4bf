//! The front page for programs: what this is, in plain text.

use axum::response::Response;

use crate::app::App;

use super::text;

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
