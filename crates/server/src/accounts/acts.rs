//! The kinds of administrative acts, and of what is noted with them. The log keeps their names; pages have words for each.

use serde_json::{Map, Value};

/// Makes an enum of which each variant has a name.
macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($(#[$note:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind {
            $($(#[$note])* $variant,)*
        }

        impl $kind {
            #[cfg(test)]
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// In the log.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// None for one of another version of the server.
            pub fn by_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

named! {
    /// What was done.
    Action {
        Create = "create",
        Takedown = "takedown",
        TakedownPart = "takedown_part",
        Restore = "restore",
        RestorePart = "restore_part",
        Deactivate = "deactivate",
        Activate = "activate",
        SetPassword = "set_password",
        MailReset = "mail_reset",
        SignOut = "sign_out",
        RemoveFactors = "remove_factors",
        Delete = "delete",
        SetQuotas = "set_quotas",
        DisableInvites = "disable_invites",
        EnableInvites = "enable_invites",
        MakeInvites = "make_invites",
        DisableCodes = "disable_codes",
        UpdateHandle = "update_handle",
        UpdateEmail = "update_email",
        UpdateSigningKey = "update_signing_key",
        SendEmail = "send_email",
        Approve = "approve",
        Reject = "reject",
        RequestCrawl = "request_crawl",
        HangUp = "hang_up",
        TestMail = "test_mail",
    }
}

named! {
    /// What is noted with it; nothing secret.
    Note {
        Reason = "reason",
        /// The moderator's name for the case.
        Reference = "reference",
        /// A path in the repository.
        Record = "record",
        /// A CID.
        Blob = "blob",
        /// The new one.
        Handle = "handle",
        /// Whether they went, too.
        AppPasswords = "appPasswords",
        BlobBytes = "blobBytes",
        RepoBytes = "repoBytes",
        /// How many were made.
        Codes = "codes",
        /// How often each is good.
        Uses = "uses",
        /// Whether the relay did.
        Accepted = "accepted",
        UserAgent = "userAgent",
        /// Whether the mail server took it.
        Sent = "sent",
    }
}

/// Notes as the log keeps them.
pub(super) fn detail<const N: usize>(notes: [(Note, Value); N]) -> String {
    let fields = notes.into_iter().map(|(note, value)| (note.name().to_owned(), value));
    Value::Object(fields.collect::<Map<_, _>>()).to_string()
}
