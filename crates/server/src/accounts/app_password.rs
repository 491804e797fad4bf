//! What app passwords may be called, and what they may be held to.

use cairn_oauth::scope::{
    AccountAction, AccountAttr, AccountScope, IdentityAttr, IdentityScope, Scope, Scopes,
};
use cairn_store::AppPasswordRights;

use crate::error::XrpcError;

/// The longest name.
pub const MAX_NAME_BYTES: usize = 256;
/// All scopes in normal form. Access tokens carry them, and must fit into a header.
const MAX_SCOPES_BYTES: usize = 2_000;
/// As much of a scope as an error tells.
const MAX_SHOWN_CHARS: usize = 100;

/// The rights that `createAppPassword` asks for.
///
/// # Errors
/// `InvalidRequest` naming the first scope that is not taken.
pub fn rights(privileged: bool, scopes: Option<&[String]>) -> Result<AppPasswordRights, XrpcError> {
    match (scopes, privileged) {
        (None, false) => Ok(AppPasswordRights::Standard),
        (None, true) => Ok(AppPasswordRights::Privileged),
        (Some(scopes), false) => scoped(scopes),
        (Some(_), true) => Err(XrpcError::invalid_request(
            "an app password is privileged or has scopes, not both: scopes say all that it may do",
        )),
    }
}

/// Rights held to scopes.
///
/// # Errors
/// As [`rights`].
pub fn scoped(texts: &[String]) -> Result<AppPasswordRights, XrpcError> {
    let given = texts.iter().map(|text| one(text));
    let scopes: Scopes = given.chain([Ok(Scope::Atproto)]).collect::<Result<_, XrpcError>>()?;
    let text = scopes.to_string();
    if text.len() > MAX_SCOPES_BYTES {
        return Err(XrpcError::invalid_request(format!(
            "scopes must have at most {MAX_SCOPES_BYTES} bytes together"
        )));
    }
    Ok(AppPasswordRights::Scoped(text))
}

/// One scope that an app password can have. Unlike in OAuth, what is not understood is an error: nobody is asked again.
fn one(text: &str) -> Result<Scope, XrpcError> {
    let refused = |reason: &str| {
        let shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
        XrpcError::invalid_request(format!("scope \"{shown}\" is not taken: {reason}"))
    };
    let scope = Scope::parse(text).map_err(|err| refused(&err.to_string()))?;
    match scope {
        // What a permission set stands for changes with its publisher, and must be looked up.
        Scope::Include(_) => Err(refused("name the permissions of the set instead")),
        Scope::TransitionGeneric | Scope::TransitionEmail | Scope::TransitionChat => {
            Err(refused("transition scopes are for OAuth clients"))
        }
        Scope::Identity(IdentityScope { attr: IdentityAttr::Any, .. })
        | Scope::Account(AccountScope {
            attr: AccountAttr::Repo | AccountAttr::Status,
            action: AccountAction::Manage,
        }) => Err(refused("this takes the account's own password")),
        scope => Ok(scope),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights_of(scopes: &[&str]) -> Result<String, String> {
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        match rights(false, Some(&scopes)) {
            Ok(AppPasswordRights::Scoped(text)) => Ok(text),
            Ok(other) => panic!("{other:?}"),
            Err(err) => Err(err.to_string()),
        }
    }

    #[test]
    fn scopes_are_kept_in_normal_form_with_atproto_in_front() {
        assert_eq!(rights_of(&[]), Ok("atproto".to_owned()));
        assert_eq!(
            rights_of(&["repo?collection=com.example.note&action=create", "atproto", "atproto"]),
            Ok("atproto repo:com.example.note?action=create".to_owned())
        );
    }

    #[test]
    fn what_an_app_password_cannot_have_is_refused_by_name() {
        for scope in [
            "",
            "nonsense",
            "repo:*?x=y",
            "repo:com.example.note blob:*/*",
            "include:com.example.set",
            "transition:generic",
            "transition:email",
            "transition:chat.bsky",
            "identity:*",
            "account:status?action=manage",
            "account:repo?action=manage",
            "rpc:*?aud=*",
        ] {
            let message = rights_of(&["atproto", scope]).unwrap_err();
            assert!(message.contains(&format!("scope \"{scope}\" is not taken: ")), "{message}");
        }
        let long = format!("repo:{}", "a".repeat(100_000));
        assert!(rights_of(&[&long]).unwrap_err().len() < 300);
    }

    #[test]
    fn scopes_fit_into_a_token() {
        let scopes: Vec<String> = (0..200).map(|at| format!("repo:com.example.n{at}")).collect();
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        assert!(rights_of(&scopes).unwrap_err().contains("2000 bytes"));
        assert!(rights_of(&scopes[..80]).is_ok());
    }
}
