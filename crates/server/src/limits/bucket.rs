//! The limits by name: how many points in which time, counted per what. `docs/limits.md` shows this table; a test compares
//! the two.

/// Points in a window of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub points: u32,
    pub seconds: u32,
}

const fn per(points: u32, seconds: u32) -> Window {
    Window { points, seconds }
}

const FIVE_MINUTES: u32 = 300;
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

/// One limit. Windows are those of the reference implementation, so that clients meet what they know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// All methods together, per IP address.
    Global,
    /// `getRepo` and the same as a download of the pages, per IP address.
    GetRepo,
    /// Writes to a repository, per account; charged by the handlers that know how many.
    RepoWrite,
    /// Per IP address.
    CreateAccount,
    /// Per identifier and IP address; charged by the handler.
    CreateSession,
    /// Sign-in codes, per account; charged by the handler once the password was right.
    SignInMail,
    /// Guesses at codes of an authenticator app, recovery codes and mailed sign-in codes, per account and password: whoever
    /// had the old password cannot keep the owner out who has set a new one. Charged by the handlers before they look. It
    /// holds for everybody, whatever the operator has set: six digits are soon tried.
    SecondFactor,
    /// The same per account, whatever its password: a mailbox that somebody else reads gives no guesses without end.
    SecondFactorDay,
    /// Per IP address.
    DeleteAccount,
    /// Per IP address.
    ResetPassword,
    /// Per IP address.
    RequestPasswordReset,
    /// Per account.
    RequestAccountDelete,
    /// Per account.
    RequestEmailConfirmation,
    /// Per account.
    RequestEmailUpdate,
    /// Per account.
    RequestPlcOperation,
    /// Per account. Each call asks hosts that the caller names.
    RefreshIdentity,
    /// Per IP address.
    ReserveSigningKey,
    /// Per account.
    UpdateHandle,
    /// Looking for what an own domain says, per account. Each look asks hosts that the owner names.
    CheckHandle,
    /// Per IP address; charged by the handler.
    UploadBlob,
    /// What has an account announced, or its repository replaced, per account: a relay takes so many events of a host.
    Announce,
    /// Each call asks the did:plc directory, per account.
    CheckAccountStatus,
    /// Per IP address.
    ResolveLexicon,
    /// Lexicons that an account's records make the server look for, per account; charged by the handlers of writes.
    LookUpLexicon,
    /// Signing in at another server to bring an account from there, what follows, and files to restore one from, per IP address.
    MoveIn,
    /// The operator's password on a page, per IP address.
    AdminSignIn,
    /// Everything outside `/xrpc/` that is not [`Bucket::OAuthToken`], per IP address; charged before anything is looked at.
    Pages,
    /// The endpoints at which clients of OAuth get tokens, per IP address; charged by the router. A handler that knows the
    /// client charges it once more under a key of client and address ([`super::RateLimits::charge`]).
    OAuthToken,
}

impl Bucket {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 28] = [
        Self::Global,
        Self::GetRepo,
        Self::RepoWrite,
        Self::CreateAccount,
        Self::ReserveSigningKey,
        Self::CreateSession,
        Self::SignInMail,
        Self::SecondFactor,
        Self::SecondFactorDay,
        Self::DeleteAccount,
        Self::ResetPassword,
        Self::RequestPasswordReset,
        Self::RequestAccountDelete,
        Self::RequestEmailConfirmation,
        Self::RequestEmailUpdate,
        Self::RequestPlcOperation,
        Self::UpdateHandle,
        Self::CheckHandle,
        Self::RefreshIdentity,
        Self::UploadBlob,
        Self::Announce,
        Self::CheckAccountStatus,
        Self::ResolveLexicon,
        Self::LookUpLexicon,
        Self::MoveIn,
        Self::AdminSignIn,
        Self::Pages,
        Self::OAuthToken,
    ];

    /// Whether the table charges it by account rather than by address.
    pub(crate) fn per_account(self) -> bool {
        matches!(
            self,
            Self::RepoWrite
                | Self::RequestAccountDelete
                | Self::RequestEmailConfirmation
                | Self::RequestEmailUpdate
                | Self::RequestPlcOperation
                | Self::UpdateHandle
                | Self::Announce
                | Self::CheckAccountStatus
                | Self::CheckHandle
                | Self::LookUpLexicon
                | Self::RefreshIdentity
        )
    }

    /// The windows; all of them must have room. Those of [`Bucket::RepoWrite`] are a setting.
    pub(crate) fn windows(self) -> &'static [Window] {
        const GLOBAL: &[Window] = &[per(3_000, FIVE_MINUTES)];
        const GET_REPO: &[Window] = &[per(6_000, FIVE_MINUTES)];
        const CREATE_ACCOUNT: &[Window] = &[per(100, FIVE_MINUTES)];
        const CREATE_SESSION: &[Window] = &[per(30, FIVE_MINUTES), per(300, DAY)];
        // With three codes good at any time, a year of this finds one in twenty accounts, and one in ten where the mailbox is lost, too.
        const SECOND_FACTOR: &[Window] = &[per(10, FIVE_MINUTES), per(50, DAY)];
        const SECOND_FACTOR_DAY: &[Window] = &[per(100, DAY)];
        const GUESSING: &[Window] = &[per(50, FIVE_MINUTES)];
        const ANONYMOUS_MAIL: &[Window] = &[per(15, HOUR), per(50, DAY)];
        const ACCOUNT_MAIL: &[Window] = &[per(5, HOUR), per(15, DAY)];
        const UPDATE_HANDLE: &[Window] = &[per(10, FIVE_MINUTES), per(50, DAY)];
        const CHECK_HANDLE: &[Window] = &[per(60, FIVE_MINUTES), per(600, DAY)];
        const REFRESH_IDENTITY: &[Window] = &[per(30, FIVE_MINUTES), per(300, DAY)];
        const UPLOAD_BLOB: &[Window] = &[per(1_000, DAY)];
        const ANNOUNCE: &[Window] = &[per(20, FIVE_MINUTES), per(100, DAY)];
        const CHECK_ACCOUNT_STATUS: &[Window] = &[per(60, FIVE_MINUTES)];
        const RESOLVE_LEXICON: &[Window] = &[per(100, FIVE_MINUTES)];
        const LOOK_UP_LEXICON: &[Window] = &[per(30, FIVE_MINUTES), per(500, DAY)];
        const MOVE_IN: &[Window] = &[per(50, FIVE_MINUTES), per(200, DAY)];
        // A page and what it is made of.
        const PAGES: &[Window] = &[per(3_000, FIVE_MINUTES)];
        // Web applications refresh the tokens of all their users from a few addresses.
        const OAUTH_TOKEN: &[Window] = &[per(1_500, FIVE_MINUTES)];
        match self {
            Self::Global => GLOBAL,
            Self::GetRepo => GET_REPO,
            Self::RepoWrite => &[],
            Self::CreateAccount | Self::ReserveSigningKey => CREATE_ACCOUNT,
            Self::CreateSession => CREATE_SESSION,
            Self::SecondFactor => SECOND_FACTOR,
            Self::SecondFactorDay => SECOND_FACTOR_DAY,
            Self::DeleteAccount | Self::ResetPassword | Self::AdminSignIn => GUESSING,
            Self::RequestPasswordReset | Self::SignInMail => ANONYMOUS_MAIL,
            Self::RequestAccountDelete
            | Self::RequestEmailConfirmation
            | Self::RequestEmailUpdate
            | Self::RequestPlcOperation => ACCOUNT_MAIL,
            Self::UpdateHandle => UPDATE_HANDLE,
            Self::CheckHandle => CHECK_HANDLE,
            Self::RefreshIdentity => REFRESH_IDENTITY,
            Self::UploadBlob => UPLOAD_BLOB,
            Self::Announce => ANNOUNCE,
            Self::CheckAccountStatus => CHECK_ACCOUNT_STATUS,
            Self::ResolveLexicon => RESOLVE_LEXICON,
            Self::LookUpLexicon => LOOK_UP_LEXICON,
            Self::MoveIn => MOVE_IN,
            Self::Pages => PAGES,
            Self::OAuthToken => OAUTH_TOKEN,
        }
    }
}

/// The windows of [`Bucket::RepoWrite`].
pub(crate) fn write_windows(limits: crate::config::WriteLimits) -> [Window; 2] {
    [per(limits.per_hour, HOUR), per(limits.per_day, DAY)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WriteLimits;

    fn window_text(window: &Window) -> String {
        let time = match window.seconds {
            FIVE_MINUTES => "5 minutes",
            HOUR => "hour",
            DAY => "day",
            _ => "?",
        };
        format!("{} / {time}", window.points)
    }

    #[test]
    fn the_documentation_shows_every_limit_as_it_is() {
        let docs = include_str!("../../../../docs/limits.md");
        let lines: Vec<&str> = docs.lines().filter(|line| line.starts_with("| `")).collect();
        for bucket in Bucket::ALL {
            let default = write_windows(WriteLimits::default());
            let windows = if bucket == Bucket::RepoWrite { &default[..] } else { bucket.windows() };
            let windows: Vec<String> = windows.iter().map(window_text).collect();
            let name = format!("| `{bucket:?}` |");
            let rows: Vec<&&str> = lines.iter().filter(|line| line.starts_with(&name)).collect();
            assert_eq!(rows.len(), 1, "{bucket:?} has one row");
            assert!(rows[0].ends_with(&format!("| {} |", windows.join(", "))), "{}", rows[0]);
        }
    }
}
