//! Every option that Cairn knows, once.
//!
//! A row names the key in the configuration file, the reference server's variable that means the
//! same, the kind of value and a sentence for people. The variable `CAIRN_<KEY>` follows from the
//! key. Loading, the error for an unknown key, `cairn options` and the test of
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
    /// The default as people read it, empty when there is none.
    pub(crate) default: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
}

const fn opt(
    key: &'static str,
    reference: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
) -> Opt {
    let reference = if reference.is_empty() { None } else { Some(reference) };
    Opt { key, reference, kind, default, about }
}

use Kind::{Flag, List, Number, Secret, Text};

/// All options, in the order of the example file.
#[rustfmt::skip]
pub(crate) const OPTIONS: &[Opt] = &[
    // The service.
    opt("hostname", "PDS_HOSTNAME", Text, "localhost", "public host name; the public URL is https://HOSTNAME, or http://localhost:PORT for localhost"),
    opt("port", "PDS_PORT", Number, "2583", "TCP port to listen on, plain HTTP; 0 takes a free one"),
    opt("listen", "", Text, "0.0.0.0", "address to listen on"),
    opt("dev_mode", "PDS_DEV_MODE", Flag, "false", "allows plain http on localhost and private addresses; never on a public server"),
    opt("service_did", "PDS_SERVICE_DID", Text, "did:web:HOSTNAME", "the server's own DID"),
    opt("privacy_policy_url", "PDS_PRIVACY_POLICY_URL", Text, "", "shown to clients by describeServer"),
    opt("terms_of_service_url", "PDS_TERMS_OF_SERVICE_URL", Text, "", "shown to clients by describeServer"),
    opt("contact_email", "PDS_CONTACT_EMAIL_ADDRESS", Text, "", "shown to clients by describeServer"),
    // How it presents itself.
    opt("service_name", "PDS_SERVICE_NAME", Text, "HOSTNAME PDS", "what people call the server; in mail and on pages"),
    opt("home_url", "PDS_HOME_URL", Text, "the server's own URL", "where the name leads"),
    opt("logo_url", "PDS_LOGO_URL", Text, "", "picture beside the name"),
    opt("support_url", "PDS_SUPPORT_URL", Text, "", "where people get help; a link on every page"),
    opt("primary_color", "PDS_PRIMARY_COLOR", Text, "#2f6b54", "colour of lines and buttons, as #rrggbb or rgb(r, g, b)"),
    opt("error_color", "PDS_ERROR_COLOR", Text, "a red", "colour of what went wrong, on pages"),
    opt("warning_color", "PDS_WARNING_COLOR", Text, "an amber", "colour of what wants care"),
    opt("info_color", "PDS_INFO_COLOR", Text, "a blue", "colour of what is good to know"),
    opt("success_color", "PDS_SUCCESS_COLOR", Text, "a green", "colour of what went well"),
    opt("background_light_url", "PDS_BACKGROUND_LIGHT_URL", Text, "", "picture behind the pages of signing in"),
    opt("background_dark_url", "PDS_BACKGROUND_DARK_URL", Text, "background_light_url", "the same for the dark theme"),
    // Storage.
    opt("data_directory", "PDS_DATA_DIRECTORY", Text, "data", "folder of the database; one process per folder"),
    opt("blob_directory", "PDS_BLOBSTORE_DISK_LOCATION", Text, "DATA/blobs", "folder of the blobs"),
    opt("master_key_file", "", Text, "DATA/master.key", "key that seals account keys; made on the first start, keep a copy apart from the data"),
    opt("min_free_disk_space", "", Number, "268435456", "bytes that are kept free for the writes of present accounts: with less, uploads, imports and new accounts are refused; 0 keeps none"),
    opt("event_retention_ms", "PDS_REPO_BACKFILL_LIMIT_MS", Number, "259200000", "how long firehose events can be replayed"),
    // Secrets.
    opt("admin_password", "PDS_ADMIN_PASSWORD", Secret, "", "password of the user admin; without it the admin methods refuse everybody"),
    opt("metrics_token", "", Secret, "", "bearer token that opens /metrics and nothing else; the admin password opens it too"),
    opt("jwt_secret", "PDS_JWT_SECRET", Secret, "made on the first start", "key of session tokens"),
    opt("plc_rotation_key", "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX", Secret, "made on the first start", "K-256 private key in hex that signs did:plc operations"),
    opt("recovery_did_key", "PDS_RECOVERY_DID_KEY", Text, "", "did:key put first among the rotation keys of new accounts"),
    // Identity.
    opt("plc_url", "PDS_DID_PLC_URL", Text, "https://plc.directory", "PLC directory"),
    opt("handle_domains", "PDS_SERVICE_HANDLE_DOMAINS", List, ".HOSTNAME, .test for localhost", "domains under which accounts get handles; each begins with a dot"),
    opt("handle_backup_nameservers", "PDS_HANDLE_BACKUP_NAMESERVERS", List, "", "name servers, by IP address, that are asked for a handle when neither DNS nor HTTPS knows it"),
    opt("hosted_did_web", "", Flag, "false", "accounts may be made with did:web:HANDLE; such a DID cannot leave this server, and needs the domain for ever"),
    opt("did_doc_with_session", "PDS_ENABLE_DID_DOC_WITH_SESSION", Flag, "true", "answer sessions with the DID document"),
    opt("lexicon_authority_did", "PDS_LEXICON_AUTHORITY_DID", Text, "", "the account whose repository has all published lexicons, whatever DNS says; for development and private networks"),
    // Accounts.
    opt("sign_up", "", Text, "invite", "who may make an account: open (everybody), invite (who has a code), approval (whom the operator lets in), closed (nobody)"),
    opt("invite_required", "PDS_INVITE_REQUIRED", Flag, "", "the reference server's word for sign_up: true is invite, false is open"),
    opt("invite_interval_ms", "PDS_INVITE_INTERVAL", Number, "", "an account earns an invite code each time it has existed so much longer; without it, only the operator makes codes"),
    opt("invite_epoch_ms", "PDS_INVITE_EPOCH", Number, "0", "time before this instant, in milliseconds since 1970, earns no codes"),
    opt("blocked_handle_words", "", List, "default", "words that no handle may contain, with = in front if only as a whole; default stands for the built-in slurs, none for no words"),
    opt("disposable_domains_file", "", Text, "", "file with a domain per line whose e-mail addresses are not taken"),
    opt("accepting_repo_imports", "PDS_ACCEPTING_REPO_IMPORTS", Flag, "true", "whether importRepo is open"),
    opt("max_repo_import_size", "PDS_MAX_REPO_IMPORT_SIZE", Number, "1073741824", "largest CAR that importRepo takes, in bytes; 0 takes any"),
    opt("blob_upload_limit", "PDS_BLOB_UPLOAD_LIMIT", Number, "314572800", "largest blob, in bytes"),
    opt("blob_quota", "", Number, "0", "bytes that the blobs of one account may take; 0 is no bound"),
    opt("repo_quota", "", Number, "0", "bytes that the repository of one account may take; 0 is no bound"),
    opt("oauth_trusted_clients", "PDS_OAUTH_TRUSTED_CLIENTS", List, "", "client ids of OAuth clients that are vouched for: shown with name and logo, and not asked about again"),
    // Limits.
    opt("rate_limits_enabled", "PDS_RATE_LIMITS_ENABLED", Flag, "true", "limits per address and account"),
    opt("rate_limit_bypass_key", "PDS_RATE_LIMIT_BYPASS_KEY", Secret, "", "value of the header x-ratelimit-bypass that lifts the limits"),
    opt("rate_limit_bypass_ips", "PDS_RATE_LIMIT_BYPASS_IPS", List, "", "addresses and networks without limits"),
    opt("trusted_proxies", "", List, "", "addresses and networks whose X-Forwarded-For is believed, besides those of rate_limit_bypass_ips"),
    opt("trust_private_addresses", "", Flag, "true", "whether loopback and private addresses are trusted proxies too"),
    opt("max_connections", "", Number, "16384", "open connections in total; the next ones are answered 503"),
    opt("max_connections_per_address", "", Number, "256", "the same per client address, proxies excepted; the next ones are answered 429; 0 lifts the limit"),
    opt("head_timeout_ms", "", Number, "30000", "how long a request's head may take to come, and a connection may be idle; 90000 at least for proxies"),
    opt("max_subscribers", "", Number, "4096", "firehose consumers in total"),
    opt("max_subscribers_per_address", "", Number, "64", "the same per client address; 0 lifts the limit"),
    opt("write_points_per_hour", "", Number, "5000", "points of writes per account and hour: create 3, update 2, delete 1; 0 lifts the limit"),
    opt("write_points_per_day", "", Number, "35000", "the same per day"),
    // Other services.
    opt("crawlers", "PDS_CRAWLERS", List, "", "relays that are asked to follow this server, as URLs"),
    opt("app_view_url", "PDS_BSKY_APP_VIEW_URL", Text, "", "AppView; needs app_view_did"),
    opt("app_view_did", "PDS_BSKY_APP_VIEW_DID", Text, "", "DID of the AppView"),
    opt("app_view_cdn_url_pattern", "PDS_BSKY_APP_VIEW_CDN_URL_PATTERN", Text, "", "URL of the AppView's pictures, with %s for preset, DID and CID"),
    opt("mod_service_url", "PDS_MOD_SERVICE_URL", Text, "", "moderation service; needs mod_service_did"),
    opt("mod_service_did", "PDS_MOD_SERVICE_DID", Text, "", "DID of the moderation service"),
    opt("report_service_url", "PDS_REPORT_SERVICE_URL", Text, "mod_service_url", "service that takes reports; needs report_service_did"),
    opt("report_service_did", "PDS_REPORT_SERVICE_DID", Text, "mod_service_did", "DID of the report service"),
    opt("chat_service_url", "", Text, "app_view_url", "service of direct messages; needs chat_service_did"),
    opt("chat_service_did", "", Text, "app_view_did", "DID of the chat service"),
    opt("video_service_url", "", Text, "app_view_url", "service that processes videos; needs video_service_did"),
    opt("video_service_did", "", Text, "app_view_did", "DID of the video service"),
    opt("proxy_headers_timeout_ms", "PDS_PROXY_HEADERS_TIMEOUT", Number, "10000", "how long another service may take to begin its answer"),
    opt("proxy_body_timeout_ms", "PDS_PROXY_BODY_TIMEOUT", Number, "30000", "the longest pause within its answer"),
    opt("proxy_max_response_size", "PDS_PROXY_MAX_RESPONSE_SIZE", Number, "10485760", "its largest answer, in bytes, also when unpacked"),
    opt("disable_ssrf_protection", "PDS_DISABLE_SSRF_PROTECTION", Flag, "dev_mode", "lets outbound requests reach private addresses"),
    opt("fetch_max_response_size", "PDS_FETCH_MAX_RESPONSE_SIZE", Number, "524288", "largest answer that is read from other servers, in bytes"),
    // Mail.
    opt("email_smtp_url", "PDS_EMAIL_SMTP_URL", Secret, "", "smtp:// or smtps:// URL of the mail server, or sendmail:; needs email_from_address; without it, mail waits at /admin/outbox"),
    opt("email_from_address", "PDS_EMAIL_FROM_ADDRESS", Text, "", "sender of mail, ADDRESS or NAME <ADDRESS>"),
    opt("email_disable_confirmation_link", "PDS_EMAIL_DISABLE_CONFIRMATION_LINK", Flag, "false", "leaves the link out of the mail that confirms an address; the code stays"),
    opt("sign_in_alerts", "", Flag, "true", "tells owners by mail of sign-ins on pages in a browser that was not used for the account before"),
    opt("moderation_email_smtp_url", "PDS_MODERATION_EMAIL_SMTP_URL", Secret, "email_smtp_url", "the same for mail that moderators write; needs moderation_email_address"),
    opt("moderation_email_address", "PDS_MODERATION_EMAIL_ADDRESS", Text, "email_from_address", "sender of moderators' mail"),
    // The log.
    opt("log", "", Text, "info", "log filter, as in cairn_server=debug,info"),
    opt("log_json", "", Flag, "false", "log lines as JSON"),
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
