//! What the pages of development servers load: the firehose for the live view, and mails as they look.
//!
//! Nothing of this exists outside dev mode. The pages themselves are in [`crate::web`].

mod live;
mod mailbox;

use super::{Route, Who, get};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/dev/events", Who::Dev, live::events),
        get("/dev/mail/{id}", Who::Dev, mailbox::message),
    ]
}
