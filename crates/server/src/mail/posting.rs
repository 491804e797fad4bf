//! Handing a message over, and keeping it when that fails.

use std::sync::Arc;

use crate::App;

use super::{Mail, MailError};

/// Sends a message, or lets it wait in the outbox. On a server that cannot send mail at all, waiting is as good as it
/// gets: the operator hands the message over.
///
/// # Errors
/// Those of the mail server; the message waits in the outbox then too.
pub(crate) async fn post(app: &App, mail: Mail) -> Result<(), Arc<MailError>> {
    let Err(err) = app.mailer.send(mail.clone()).await else { return Ok(()) };
    let err = Arc::new(err);
    tracing::warn!(subject = mail.subject, reason = %err, "a mail waits at /admin/outbox");
    app.outbox.keep(mail, err.clone());
    match *err {
        MailError::NotConfigured => Ok(()),
        _ => Err(err),
    }
}
