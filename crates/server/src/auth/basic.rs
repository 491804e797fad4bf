//! The operator's password, by HTTP Basic (RFC 7617).

use data_encoding::BASE64;
use subtle::ConstantTimeEq;

use crate::config::Secret;

const ADMIN_USER: &[u8] = b"admin";

/// Whether the token is `admin:PASSWORD`. Takes as long for a wrong password as for the right one.
pub(super) fn is_admin(token: &str, password: Option<&Secret>) -> bool {
    let Some(password) = password else { return false };
    let Ok(decoded) = BASE64.decode(token.as_bytes()) else { return false };
    let Some(colon) = decoded.iter().position(|byte| *byte == b':') else { return false };
    let (user, rest) = decoded.split_at(colon);
    let Some((_, sent)) = rest.split_first() else { return false };
    bool::from(user.ct_eq(ADMIN_USER) & sent.ct_eq(password.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_admin_with_the_password_passes() {
        let password = Secret::new("p:w");
        let check = |text: &str| is_admin(&BASE64.encode(text.as_bytes()), Some(&password));
        assert!(check("admin:p:w"));
        for wrong in ["admin:", "admin", "Admin:p:w", "admin:p:w ", ":p:w", ""] {
            assert!(!check(wrong), "{wrong}");
        }
        assert!(!is_admin("!!!", Some(&password)));
        assert!(!is_admin(&BASE64.encode(b"admin:"), None));
    }
}
