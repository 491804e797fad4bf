//! Mails that prove that someone reads an account's mailbox.

use cairn_store::{Account, MailPurpose, MailTokenError};

use crate::App;
use crate::error::XrpcError;
use crate::mail::{Mail, MailError};

/// Makes a token and mails it to the account's address.
///
/// # Errors
/// 400 for an account without an address or a server that cannot send mail.
pub async fn send_token(
    app: &App,
    account: &Account,
    purpose: MailPurpose,
) -> Result<(), XrpcError> {
    let Some(to) = account.email.clone() else {
        return Err(XrpcError::invalid_request("Account does not have an email address"));
    };
    let token = app.store.create_mail_token(account.id, purpose).await?;
    let text = format!(
        "{}\n\n    {token}\n\nIt is valid for 15 minutes. If you did not ask for it, you need not do anything.\n\n{}\n",
        opening(purpose, account),
        app.config.public_url,
    );
    let mail = Mail { to, subject: subject(purpose).to_owned(), text, sent_at: app.clock.now() };
    app.mailer.send(mail).await.map_err(|err| match err {
        MailError::NotConfigured => {
            XrpcError::invalid_request("This server cannot send mail: ask its operator")
                .because(err)
        }
        MailError::Transport(_) => {
            XrpcError::upstream_failure("The mail could not be sent").because(err)
        }
    })
}

/// What a client is told about a token that is not accepted.
pub fn refused(err: MailTokenError) -> XrpcError {
    match err {
        MailTokenError::Invalid => XrpcError::invalid_token("Token is invalid"),
        MailTokenError::Expired => XrpcError::expired_token("Token is expired"),
        MailTokenError::Store(err) => err.into(),
    }
}

fn subject(purpose: MailPurpose) -> &'static str {
    match purpose {
        MailPurpose::ConfirmEmail => "Email Confirmation",
        MailPurpose::UpdateEmail => "Email Update Requested",
        MailPurpose::ResetPassword => "Password Reset Requested",
        MailPurpose::DeleteAccount => "Account Deletion Requested",
        MailPurpose::PlcOperation => "PLC Update Operation Requested",
    }
}

fn opening(purpose: MailPurpose, account: &Account) -> String {
    let who = super::identity::shown_handle(account);
    match purpose {
        MailPurpose::ConfirmEmail => {
            format!("This code confirms that this is the e-mail address of {who}:")
        }
        MailPurpose::UpdateEmail => {
            format!("This code allows {who} to change to another e-mail address:")
        }
        MailPurpose::ResetPassword => format!("This code allows to set a new password for {who}:"),
        MailPurpose::DeleteAccount => {
            format!("This code deletes the account {who} with everything in it, for good:")
        }
        MailPurpose::PlcOperation => format!(
            "This code allows to change the identity of {who}, as for moving to another server:"
        ),
    }
}
