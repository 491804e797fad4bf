//! What people type to say who they are: a handle, a DID, or an e-mail address.

use std::sync::Arc;

use cairn_model::{Did, Handle};
use cairn_store::{Account, AccountRef, StoreError};

use crate::App;

/// The form in which attempts are counted: handles and addresses are told apart without regard to case, DIDs are not.
pub fn canonical(identifier: &str) -> String {
    let identifier = identifier.trim();
    if identifier.starts_with("did:") { identifier.to_owned() } else { identifier.to_lowercase() }
}

/// What was typed into a form: the same, and the name alone is enough where the server has a domain for it.
pub fn typed(text: &str, handle_domains: &[String]) -> String {
    let name = canonical(text.trim().trim_start_matches('@'));
    let is_name = !name.is_empty() && !name.contains(['.', '@', ':']);
    match handle_domains.first().filter(|_| is_name) {
        Some(domain) => name + domain,
        None => name,
    }
}

/// What a [`canonical`] identifier names: a handle, a DID, or, if it contains an `@`, an e-mail address; none if it can be
/// none of them.
pub fn name(identifier: &str) -> Option<AccountRef> {
    if identifier.contains('@') {
        Some(AccountRef::Email(identifier.to_owned()))
    } else if identifier.starts_with("did:") {
        Did::parse(identifier).ok().map(AccountRef::Did)
    } else {
        Handle::parse(identifier).ok().map(AccountRef::Handle)
    }
}

/// The account that a [`canonical`] identifier names.
///
/// # Errors
/// When the store cannot be read.
pub async fn find(app: &App, identifier: &str) -> Result<Option<Arc<Account>>, StoreError> {
    match name(identifier) {
        Some(name) => app.store.account(name).await,
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn people_type_as_little_as_they_can() {
        let domains = [".pds.test".to_owned()];
        for (text, name) in [
            (" @Alice ", "alice.pds.test"),
            ("alice.example.com", "alice.example.com"),
            ("Alice@Mail.test", "alice@mail.test"),
            ("did:web:Alice.test", "did:web:Alice.test"),
            ("", ""),
        ] {
            assert_eq!(typed(text, &domains), name);
        }
        assert_eq!(typed("alice", &[]), "alice");
    }
}
