//! Every option that Cairn knows, once.
//!
//! A row names the key in the configuration file, the reference server's variable that means the
//! same, the kind of value and its default. The variable `CAIRN_<KEY>` follows from the key. What an
//! option does, and a default that is told in words, stand under the same key in the catalogues of
//! the pages (`[option]`, `[option_default]`). Loading, the error for an unknown key, `cairn options` and the test of
//! `config/cairn.example.toml` all read this table.

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// Text that must not reach a log or an error message.
    Secret,
    /// A whole number, zero or more.
    Number,
    /// `true`, `false`, `1` or `0`.
    Flag,
    /// Values separated by commas; in the file an array of strings serves too.
    List,
}

/// One option.
#[derive(Debug)]
pub(crate) struct Opt {
    /// The key in the file, in snake case.
    pub(crate) key: &'static str,
    /// The reference server's variable for the same thing.
    pub(crate) reference: Option<&'static str>,
    /// The kind of its value.
    pub(crate) kind: Kind,
    /// The default as it could be written, empty when there is none or it is told in words.
    pub(crate) default: &'static str,
}

const fn opt(key: &'static str, reference: &'static str, kind: Kind, default: &'static str) -> Opt {
    let reference = if reference.is_empty() { None } else { Some(reference) };
    Opt { key, reference, kind, default }
}

use Kind::{Flag, List, Number, Secret, Text};

/// All options, in the order of the example file.
#[rustfmt::skip]
pub(crate) const OPTIONS: &[Opt] = &[
    // The service.
    opt("hostname", "PDS_HOSTNAME", Text, "localhost"),
    opt("port", "PDS_PORT", Number, "2583"),
    opt("listen", "", Text, "0.0.0.0"),
    opt("dev_mode", "PDS_DEV_MODE", Flag, "false"),
    opt("service_did", "PDS_SERVICE_DID", Text, "did:web:HOSTNAME"),
    opt("privacy_policy_url", "PDS_PRIVACY_POLICY_URL", Text, ""),
    opt("terms_of_service_url", "PDS_TERMS_OF_SERVICE_URL", Text, ""),
    opt("contact_email", "PDS_CONTACT_EMAIL_ADDRESS", Text, ""),
    // How it presents itself.
    opt("service_name", "PDS_SERVICE_NAME", Text, "HOSTNAME PDS"),
    opt("home_url", "PDS_HOME_URL", Text, ""),
    opt("logo_url", "PDS_LOGO_URL", Text, ""),
    opt("support_url", "PDS_SUPPORT_URL", Text, ""),
    opt("primary_color", "PDS_PRIMARY_COLOR", Text, "#2f6b54"),
    opt("error_color", "PDS_ERROR_COLOR", Text, ""),
    opt("warning_color", "PDS_WARNING_COLOR", Text, ""),
    opt("info_color", "PDS_INFO_COLOR", Text, ""),
    opt("success_color", "PDS_SUCCESS_COLOR", Text, ""),
    opt("background_light_url", "PDS_BACKGROUND_LIGHT_URL", Text, ""),
    opt("background_dark_url", "PDS_BACKGROUND_DARK_URL", Text, "background_light_url"),
    // Storage.
    opt("data_directory", "PDS_DATA_DIRECTORY", Text, "data"),
    opt("blob_directory", "PDS_BLOBSTORE_DISK_LOCATION", Text, "DATA/blobs"),
    opt("master_key_file", "", Text, "DATA/master.key"),
    opt("min_free_disk_space", "", Number, "268435456"),
    opt("event_retention_ms", "PDS_REPO_BACKFILL_LIMIT_MS", Number, "259200000"),
    // Secrets.
    opt("admin_password", "PDS_ADMIN_PASSWORD", Secret, ""),
    opt("metrics_token", "", Secret, ""),
    opt("jwt_secret", "PDS_JWT_SECRET", Secret, ""),
    opt("plc_rotation_key", "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX", Secret, ""),
    opt("recovery_did_key", "PDS_RECOVERY_DID_KEY", Text, ""),
    // Identity.
    opt("plc_url", "PDS_DID_PLC_URL", Text, "https://plc.directory"),
    opt("handle_domains", "PDS_SERVICE_HANDLE_DOMAINS", List, ""),
    opt("handle_backup_nameservers", "PDS_HANDLE_BACKUP_NAMESERVERS", List, ""),
    opt("hosted_did_web", "", Flag, "false"),
    opt("did_doc_with_session", "PDS_ENABLE_DID_DOC_WITH_SESSION", Flag, "true"),
    opt("lexicon_authority_did", "PDS_LEXICON_AUTHORITY_DID", Text, ""),
    // Accounts.
    opt("sign_up", "", Text, "invite"),
    opt("invite_required", "PDS_INVITE_REQUIRED", Flag, ""),
    opt("invite_interval_ms", "PDS_INVITE_INTERVAL", Number, ""),
    opt("invite_epoch_ms", "PDS_INVITE_EPOCH", Number, "0"),
    opt("blocked_handle_words", "", List, "default"),
    opt("disposable_domains_file", "", Text, ""),
    opt("accepting_repo_imports", "PDS_ACCEPTING_REPO_IMPORTS", Flag, "true"),
    opt("max_repo_import_size", "PDS_MAX_REPO_IMPORT_SIZE", Number, "1073741824"),
    opt("blob_upload_limit", "PDS_BLOB_UPLOAD_LIMIT", Number, "314572800"),
    opt("blob_quota", "", Number, "0"),
    opt("repo_quota", "", Number, "0"),
    opt("oauth_trusted_clients", "PDS_OAUTH_TRUSTED_CLIENTS", List, ""),
    // Limits.
    opt("rate_limits_enabled", "PDS_RATE_LIMITS_ENABLED", Flag, "true"),
    opt("rate_limit_bypass_key", "PDS_RATE_LIMIT_BYPASS_KEY", Secret, ""),
    opt("rate_limit_bypass_ips", "PDS_RATE_LIMIT_BYPASS_IPS", List, ""),
    opt("trusted_proxies", "", List, ""),
    opt("trust_private_addresses", "", Flag, "true"),
    opt("max_connections", "", Number, "16384"),
    opt("max_connections_per_address", "", Number, "256"),
    opt("head_timeout_ms", "", Number, "30000"),
    opt("max_subscribers", "", Number, "4096"),
    opt("max_subscribers_per_address", "", Number, "64"),
    opt("write_points_per_hour", "", Number, "5000"),
    opt("write_points_per_day", "", Number, "35000"),
    // Other services.
    opt("crawlers", "PDS_CRAWLERS", List, ""),
    opt("app_view_url", "PDS_BSKY_APP_VIEW_URL", Text, ""),
    opt("app_view_did", "PDS_BSKY_APP_VIEW_DID", Text, ""),
    opt("app_view_cdn_url_pattern", "PDS_BSKY_APP_VIEW_CDN_URL_PATTERN", Text, ""),
    opt("mod_service_url", "PDS_MOD_SERVICE_URL", Text, ""),
    opt("mod_service_did", "PDS_MOD_SERVICE_DID", Text, ""),
    opt("report_service_url", "PDS_REPORT_SERVICE_URL", Text, "mod_service_url"),
    opt("report_service_did", "PDS_REPORT_SERVICE_DID", Text, "mod_service_did"),
    opt("chat_service_url", "", Text, "app_view_url"),
    opt("chat_service_did", "", Text, "app_view_did"),
    opt("video_service_url", "", Text, "app_view_url"),
    opt("video_service_did", "", Text, "app_view_did"),
    opt("proxy_headers_timeout_ms", "PDS_PROXY_HEADERS_TIMEOUT", Number, "10000"),
    opt("proxy_body_timeout_ms", "PDS_PROXY_BODY_TIMEOUT", Number, "30000"),
    opt("proxy_max_response_size", "PDS_PROXY_MAX_RESPONSE_SIZE", Number, "10485760"),
    opt("disable_ssrf_protection", "PDS_DISABLE_SSRF_PROTECTION", Flag, "dev_mode"),
    opt("fetch_max_response_size", "PDS_FETCH_MAX_RESPONSE_SIZE", Number, "524288"),
    // Mail.
    opt("email_smtp_url", "PDS_EMAIL_SMTP_URL", Secret, ""),
    opt("email_from_address", "PDS_EMAIL_FROM_ADDRESS", Text, ""),
    opt("email_disable_confirmation_link", "PDS_EMAIL_DISABLE_CONFIRMATION_LINK", Flag, "false"),
    opt("sign_in_alerts", "", Flag, "true"),
    opt("moderation_email_smtp_url", "PDS_MODERATION_EMAIL_SMTP_URL", Secret, "email_smtp_url"),
    opt("moderation_email_address", "PDS_MODERATION_EMAIL_ADDRESS", Text, "email_from_address"),
    // The log.
    opt("log", "", Text, "info"),
    opt("log_json", "", Flag, "false"),
];

impl Opt {
    /// The name of the variable: `CAIRN_` and the key in capitals.
    pub(crate) fn variable(&self) -> String {
        format!("CAIRN_{}", self.key.to_ascii_uppercase())
    }
}

/// Looks an option up by its key in the file.
pub(crate) fn by_key(key: &str) -> Option<&'static Opt> {
    OPTIONS.iter().find(|opt| opt.key == key)
}

/// Looks an option up by a variable of ours.
pub(crate) fn by_variable(name: &str) -> Option<&'static Opt> {
    let key = name.strip_prefix("CAIRN_")?;
    OPTIONS.iter().find(|opt| {
        opt.key.eq_ignore_ascii_case(key) && key.chars().all(|c| !c.is_ascii_lowercase())
    })
}

/// Looks an option up by a variable of the reference server.
pub(crate) fn by_reference(name: &str) -> Option<&'static Opt> {
    OPTIONS.iter().find(|opt| opt.reference == Some(name))
}
