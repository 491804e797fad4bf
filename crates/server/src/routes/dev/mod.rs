//! What the pages of development servers load: the firehose for the live view, and mails as they look.
//!
//! Nothing of this exists outside dev mode. The pages themselves are in [`crate::web`].

mod mailbox;

use axum::response::Response;

use crate::error::XrpcError;
use crate::firehose::live;

use super::{Call, Route, Who, get};

pub(super) fn routes() -> Vec<Route> {
    vec![get("/dev/events", Who::Dev, events), get("/dev/mail/{id}", Who::Dev, mailbox::message)]
}

async fn events(call: Call) -> Result<Response, XrpcError> {
    live(&call.app, &call.parts.headers).await
}
