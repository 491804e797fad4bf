//! Who may have an account, and what it may hold.

use std::path::PathBuf;

use cairn_server::accounts::blocked_words::BlockedWords;
use cairn_server::config::SignUp;
use cairn_store::{InviteInterval, Quotas};

use super::load::Raw;
use super::{Accounts, ConfigError};

pub(super) fn accounts(raw: &Raw) -> Result<Accounts, ConfigError> {
    Ok(Accounts {
        sign_up: sign_up(raw)?,
        invite_interval: invite_interval(raw)?,
        blocked_handle_words: raw
            .parsed("blocked_handle_words", "words of letters a to z", |text| {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                BlockedWords::from_list(words).ok()
            })?
            .unwrap_or_default(),
        disposable_domains_file: raw.text("disposable_domains_file").map(PathBuf::from),
        accepting_repo_imports: raw.flag("accepting_repo_imports")?.unwrap_or(true),
        max_repo_import_size: raw
            .number("max_repo_import_size")?
            .map_or(Some(1 << 30), |bytes| (bytes > 0).then_some(bytes)),
        blob_upload_limit: raw.number("blob_upload_limit")?.unwrap_or(300 * 1024 * 1024),
        oauth_trusted_clients: raw.list("oauth_trusted_clients").unwrap_or_default(),
        quotas: Quotas {
            blob_bytes: raw.number("blob_quota")?,
            repo_bytes: raw.number("repo_quota")?,
        },
    })
}

/// Two options say it: ours, and the reference server's flag, which knows two answers only.
fn sign_up(raw: &Raw) -> Result<SignUp, ConfigError> {
    let own = raw
        .parsed("sign_up", "open, invite, approval or closed", |text| SignUp::parse(text.trim()))?;
    let flag = raw.flag("invite_required")?;
    let by_flag = flag.map(|required| if required { SignUp::Invite } else { SignUp::Open });
    match (own, by_flag) {
        (Some(own), Some(by_flag)) if own != by_flag => {
            Err(raw.contradiction("sign_up", "invite_required"))
        }
        (own, by_flag) => Ok(own.or(by_flag).unwrap_or(SignUp::Invite)),
    }
}

fn invite_interval(raw: &Raw) -> Result<Option<InviteInterval>, ConfigError> {
    let epoch_ms = raw.number("invite_epoch_ms")?.unwrap_or(0);
    raw.parsed(
        "invite_interval_ms",
        "above 0, and `invite_epoch_ms` before the year 9999",
        |text| InviteInterval::from_millis(text.trim().parse().ok()?, epoch_ms),
    )
}
