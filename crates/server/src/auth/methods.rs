//! Methods that take more than a session when they are called elsewhere in an account's name.

/// Methods that change the account itself: nobody else calls them in its name.
const PROTECTED: &[&str] = &[
    "com.atproto.admin.sendEmail",
    "com.atproto.identity.requestPlcOperationSignature",
    "com.atproto.identity.signPlcOperation",
    "com.atproto.identity.updateHandle",
    "com.atproto.server.activateAccount",
    "com.atproto.server.confirmEmail",
    "com.atproto.server.createAppPassword",
    "com.atproto.server.deactivateAccount",
    "com.atproto.server.getAccountInviteCodes",
    "com.atproto.server.getSession",
    "com.atproto.server.listAppPasswords",
    "com.atproto.server.requestAccountDelete",
    "com.atproto.server.requestEmailConfirmation",
    "com.atproto.server.requestEmailUpdate",
    "com.atproto.server.revokeAppPassword",
    "com.atproto.server.updateEmail",
];

/// Where an account moves to.
pub(crate) const CREATE_ACCOUNT: &str = "com.atproto.server.createAccount";
/// Direct messages, all of them: methods that come later are no less private.
const MESSAGES: &str = "chat.bsky.";

/// Whether no other service may be asked to do this. Compared without regard to case, as careless receivers compare.
pub(crate) fn is_protected(nsid: &str) -> bool {
    PROTECTED.iter().any(|method| method.eq_ignore_ascii_case(nsid))
}

/// Whether an app password needs its privilege for this.
pub(crate) fn is_privileged(nsid: &str) -> bool {
    nsid.eq_ignore_ascii_case(CREATE_ACCOUNT)
        || nsid.get(..MESSAGES.len()).is_some_and(|start| start.eq_ignore_ascii_case(MESSAGES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        assert!(is_protected("com.atproto.server.getSession"));
        assert!(is_protected("COM.atproto.Server.getsession"));
        assert!(!is_protected("com.atproto.server.getSessions"));
        assert!(is_privileged("Chat.Bsky.convo.addReaction"));
        assert!(is_privileged("com.atproto.server.createaccount"));
        assert!(!is_privileged("chat.bskyx.convo"));
        assert!(!is_privileged("chat"));
    }
}
