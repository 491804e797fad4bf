//! One conversion per domain error: which name and status a client sees for it.

use axum::http::{HeaderValue, StatusCode};
use cairn_identity::service_auth::ServiceAuthError;
use cairn_identity::{PlcClientError, ResolveError};
use cairn_oauth::OAuthError;
use cairn_store::{
    AccountError, ActivateError, NoAccount, SetEmailError, StoreError, UpdateHandleError,
    UploadError, WriteError,
};

use super::XrpcError;

/// When to come back to a directory that does not say when.
const DIRECTORY_PAUSE_SECONDS: u64 = 60;
/// The directory's longest window is a week, but its limits are looked at again each day.
const MAX_DIRECTORY_PAUSE_SECONDS: u64 = 24 * 3600;

impl From<StoreError> for XrpcError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::Full(_) => Self::unavailable("the server has no room left").because(err),
            StoreError::LowSpace { .. } => {
                Self::unavailable("the server's disk is nearly full, it takes nothing new")
                    .because(err)
            }
            StoreError::Closed => Self::unavailable("the server is shutting down").because(err),
            StoreError::Contended => {
                Self::unavailable("the repository is busy, try again").because(err)
            }
            // The rest are faults of the machine or of this program.
            err => Self::internal(err),
        }
    }
}

impl From<NoAccount> for XrpcError {
    fn from(_: NoAccount) -> Self {
        Self::named("AccountNotFound", "Account not found")
    }
}

impl From<AccountError> for XrpcError {
    fn from(err: AccountError) -> Self {
        match err {
            AccountError::NoAccount(err) => err.into(),
            AccountError::Store(err) => err.into(),
        }
    }
}

impl From<ActivateError> for XrpcError {
    fn from(err: ActivateError) -> Self {
        match err {
            ActivateError::Moderated(_) => {
                Self::invalid_request("Cannot activate an account that has been taken down")
            }
            ActivateError::NoAccount(err) => err.into(),
            ActivateError::Store(err) => err.into(),
        }
    }
}

impl From<UpdateHandleError> for XrpcError {
    fn from(err: UpdateHandleError) -> Self {
        match err {
            UpdateHandleError::Taken => Self::named("HandleNotAvailable", "Handle already taken"),
            UpdateHandleError::NoAccount(err) => err.into(),
            UpdateHandleError::Store(err) => err.into(),
        }
    }
}

impl From<SetEmailError> for XrpcError {
    fn from(err: SetEmailError) -> Self {
        match err {
            SetEmailError::Taken => Self::invalid_request(
                "This email address is already in use, please use a different email.",
            ),
            SetEmailError::NoAccount(err) => err.into(),
            SetEmailError::Store(err) => err.into(),
        }
    }
}

impl From<UploadError> for XrpcError {
    fn from(err: UploadError) -> Self {
        match err {
            UploadError::TooLarge { .. } => Self::too_large(),
            UploadError::QuotaExceeded { .. } => Self::quota_exceeded(err.to_string()),
            UploadError::TakenDown => {
                Self::invalid_request("Blob has been takendown, cannot re-upload")
            }
            UploadError::NoAccount(err) => err.into(),
            UploadError::Store(err) => err.into(),
        }
    }
}

impl From<WriteError> for XrpcError {
    fn from(err: WriteError) -> Self {
        let message = err.to_string();
        match err {
            WriteError::NoAccount => Self::named("AccountNotFound", "Account not found"),
            WriteError::Inactive(status) => match status.as_str() {
                Some("deactivated") => {
                    Self::unauthorized("AccountDeactivated", "Account is deactivated")
                }
                _ => Self::unauthorized("AccountTakedown", "Account has been taken down"),
            },
            WriteError::InvalidSwapCommit { .. } | WriteError::InvalidSwapRecord { .. } => {
                Self::named("InvalidSwap", message)
            }
            WriteError::BlobNotFound { .. } => Self::named("BlobNotFound", message),
            WriteError::InvalidMimeType { .. } => Self::named("InvalidMimeType", message),
            WriteError::InvalidSize { .. } => Self::named("InvalidSize", message),
            WriteError::RecordExists { .. }
            | WriteError::RecordMissing { .. }
            | WriteError::RecordTooLarge { .. }
            | WriteError::TooLarge { .. }
            | WriteError::TooMany { .. }
            | WriteError::TreeFull => Self::invalid_request(message),
            WriteError::QuotaExceeded { .. } => Self::quota_exceeded(message),
            WriteError::Store(err) => err.into(),
        }
    }
}

impl From<OAuthError> for XrpcError {
    /// What a protected resource says of a token or a proof (RFC 9449 §7.1).
    fn from(err: OAuthError) -> Self {
        let status = StatusCode::from_u16(err.code.resource_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let challenge = HeaderValue::try_from(err.www_authenticate()).ok();
        let refused = Self::new(status, err.code.as_str(), err.description().to_owned());
        refused.challenge(challenge).because(err)
    }
}

impl From<ServiceAuthError> for XrpcError {
    fn from(err: ServiceAuthError) -> Self {
        match err {
            // Nobody's fault that the caller could mend: a later try with the same token may pass.
            ServiceAuthError::Unresolved(err) if err.is_upstream() => err.into(),
            err => Self::unauthorized(err.name(), err.to_string()),
        }
    }
}

impl From<ResolveError> for XrpcError {
    fn from(err: ResolveError) -> Self {
        if let ResolveError::Directory(directory) = &err {
            return of_directory(directory).because(err);
        }
        if err.is_upstream() {
            return Self::upstream_failure("an identity could not be looked up").because(err);
        }
        Self::invalid_request(format!("could not resolve identity: {err}"))
    }
}

impl From<PlcClientError> for XrpcError {
    fn from(err: PlcClientError) -> Self {
        of_directory(&err).because(err)
    }
}

/// The directory's refusals are the client's to read; its failures are not the client's fault, and its limits pass.
///
/// Interop: the reference implementation answers 400 when the directory limits it, which clients take for final.
fn of_directory(err: &PlcClientError) -> XrpcError {
    let PlcClientError::Directory { status, message, retry_after_seconds } = err else {
        return XrpcError::upstream_failure("the did:plc directory cannot be used");
    };
    let answer = match *status {
        429 => {
            let answer = XrpcError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "RateLimitExceeded",
                format!("the did:plc directory limits this server: {message}"),
            );
            answer.retry_after(DIRECTORY_PAUSE_SECONDS)
        }
        _ if err.is_upstream() => XrpcError::upstream_failure(message.clone()),
        _ => XrpcError::invalid_request(message.clone()),
    };
    match retry_after_seconds {
        Some(seconds) => answer.retry_after((*seconds).min(MAX_DIRECTORY_PAUSE_SECONDS)),
        None => answer,
    }
}
