//! What the pages of development servers load: the firehose for the live view, and mails as they look.
//!
//! Nothing of this exists outside dev mode. The pages themselves are in [`crate::web`].

mod live;
mod mailbox;

use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode};

use crate::app::App;

use super::not_found;

/// Everything under `/dev/` that is no page.
pub(super) async fn answer(app: &App, request: Request<Body>) -> Response {
    match request.uri().path() {
        "/dev/events" => live::events(app, request.headers()).await,
        path => match path.strip_prefix("/dev/mail/") {
            Some(id) => mailbox::message(app, id),
            None => not_found(StatusCode::NOT_FOUND),
        },
    }
}
