//! The limits by name: how many points in which time, counted per what.

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
    /// `getRepo`, per IP address.
    GetRepo,
    /// Writes to a repository, per account; charged by the handlers that know how many.
    RepoWrite,
    /// Per IP address.
    CreateAccount,
    /// Per identifier and IP address; charged by the handler.
    CreateSession,
    /// Sign-in codes, per account; charged by the handler once the password was right.
    SignInMail,
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
    UpdateHandle,
    /// Per account. Each call asks hosts that the caller names.
    RefreshIdentity,
    /// Per IP address.
    UploadBlob,
    /// Per IP address.
    ResolveLexicon,
    /// Lexicons that an account's records make the server look for, per account; charged by the handlers of writes.
    LookUpLexicon,
    /// The operator's password on a page, per IP address.
    AdminSignIn,
}

impl Bucket {
    /// Whether the table charges it by account rather than by address.
    pub(crate) fn per_account(self) -> bool {
        matches!(
            self,
            Self::RepoWrite
                | Self::RequestAccountDelete
                | Self::RequestEmailConfirmation
                | Self::RequestEmailUpdate
                | Self::UpdateHandle
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
        const GUESSING: &[Window] = &[per(50, FIVE_MINUTES)];
        const ANONYMOUS_MAIL: &[Window] = &[per(15, HOUR), per(50, DAY)];
        const ACCOUNT_MAIL: &[Window] = &[per(5, HOUR), per(15, DAY)];
        const UPDATE_HANDLE: &[Window] = &[per(10, FIVE_MINUTES), per(50, DAY)];
        const REFRESH_IDENTITY: &[Window] = &[per(30, FIVE_MINUTES), per(300, DAY)];
        const UPLOAD_BLOB: &[Window] = &[per(1_000, DAY)];
        const RESOLVE_LEXICON: &[Window] = &[per(100, FIVE_MINUTES)];
        const LOOK_UP_LEXICON: &[Window] = &[per(30, FIVE_MINUTES), per(500, DAY)];
        match self {
            Self::Global => GLOBAL,
            Self::GetRepo => GET_REPO,
            Self::RepoWrite => &[],
            Self::CreateAccount => CREATE_ACCOUNT,
            Self::CreateSession => CREATE_SESSION,
            Self::DeleteAccount | Self::ResetPassword | Self::AdminSignIn => GUESSING,
            Self::RequestPasswordReset | Self::SignInMail => ANONYMOUS_MAIL,
            Self::RequestAccountDelete
            | Self::RequestEmailConfirmation
            | Self::RequestEmailUpdate => ACCOUNT_MAIL,
            Self::UpdateHandle => UPDATE_HANDLE,
            Self::RefreshIdentity => REFRESH_IDENTITY,
            Self::UploadBlob => UPLOAD_BLOB,
            Self::ResolveLexicon => RESOLVE_LEXICON,
            Self::LookUpLexicon => LOOK_UP_LEXICON,
        }
    }
}

/// The windows of [`Bucket::RepoWrite`].
pub(crate) fn write_windows(limits: crate::config::WriteLimits) -> [Window; 2] {
    [per(limits.per_hour, HOUR), per(limits.per_day, DAY)]
}
