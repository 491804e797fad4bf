//! What operators write, and what they are told.

use std::ffi::OsString;
use std::io::Write;

use cairn_server::config::{Setting, SettingSource, SettingValue, SignUp};

use super::{Config, OPTIONS};

fn load(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, String> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.unwrap_or_default().as_bytes()).unwrap();
    let variables = variables.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    Config::from_parts(file.map(|_| written.path()), variables).map_err(|err| err.to_string())
}

#[test]
fn the_file_of_a_reference_operator_starts_cairn_as_it_is() {
    let config = load(
        None,
        &[
            ("PDS_HOSTNAME", "pds.example.com"),
            ("PDS_JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            ("PDS_ADMIN_PASSWORD", "fedcba98"),
            (
                "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX",
                "4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c",
            ),
            ("PDS_DATA_DIRECTORY", "/pds"),
            ("PDS_BLOBSTORE_DISK_LOCATION", "/pds/blocks"),
            ("PDS_BLOB_UPLOAD_LIMIT", "104857600"),
            ("PDS_DID_PLC_URL", "https://plc.directory"),
            ("PDS_BSKY_APP_VIEW_URL", "https://api.bsky.app"),
            ("PDS_BSKY_APP_VIEW_DID", "did:web:api.bsky.app"),
            ("PDS_REPORT_SERVICE_URL", "https://mod.bsky.app"),
            ("PDS_REPORT_SERVICE_DID", "did:plc:ar7c4by46qjdydhdevvrndac"),
            ("PDS_CRAWLERS", "https://bsky.network"),
            ("PDS_HANDLE_BACKUP_NAMESERVERS", "9.9.9.9,149.112.112.112:5353"),
            ("PDS_RATE_LIMIT_BYPASS_IPS", "198.51.100.0/24, 192.0.2.1"),
            ("LOG_ENABLED", "true"),
            ("PDS_EMAIL_SMTP_URL", "smtps://user:secret@smtp.example.com:465/"),
            ("PDS_EMAIL_FROM_ADDRESS", "pds@example.com"),
            ("PDS_ACTOR_STORE_CACHE_SIZE", "100"),
        ],
    )
    .unwrap();
    assert_eq!(config.service.hostname, "pds.example.com");
    assert_eq!(config.identity.handle_domains, [".pds.example.com"]);
    assert_eq!(config.storage.blob_directory.to_str(), Some("/pds/blocks"));
    assert_eq!(config.accounts.blob_upload_limit, 104_857_600);
    assert_eq!(config.accounts.sign_up, SignUp::Invite);
    assert_eq!(config.accounts.invite_interval, None);
    let servers = config.identity.handle_backup_nameservers.iter().map(ToString::to_string);
    assert_eq!(servers.collect::<Vec<_>>(), ["9.9.9.9:53", "149.112.112.112:5353"]);
    assert_eq!(config.services.crawlers, ["https://bsky.network"]);
    assert_eq!(config.branding.service_name, "pds.example.com PDS");
    assert_eq!(config.mail.accounts.as_ref().unwrap().route.name(), "smtp.example.com:465");
    assert!(config.mail.confirmation_link);
    assert_eq!(config.warnings, ["PDS_ACTOR_STORE_CACHE_SIZE is set, and Cairn has no use for it"]);
    assert!(!format!("{config:?}").contains("secret@"), "a secret shows in the debug form");
}

#[test]
fn operators_see_where_each_value_comes_from_and_no_secret() {
    let file = "hostname = \"a.example\"\nport = 1000\n";
    let variables = [("PDS_PORT", "2000"), ("CAIRN_ADMIN_PASSWORD", "fedcba98")];
    let config = load(Some(file), &variables).unwrap();
    let of = |key: &str| config.settings.iter().find(|it| it.key == key).unwrap().clone();
    let plain = |text: &str| SettingValue::Plain(text.to_owned());
    assert_eq!(
        (of("hostname").value, of("hostname").source),
        (plain("a.example"), SettingSource::File)
    );
    let variable = |name: &str| SettingSource::Variable(name.to_owned());
    assert_eq!((of("port").value, of("port").source), (plain("2000"), variable("PDS_PORT")));
    assert_eq!(of("admin_password").value, SettingValue::Secret { is_set: true });
    assert_eq!(of("jwt_secret").value, SettingValue::Secret { is_set: false });
    assert_eq!(
        (of("sign_up").value, of("sign_up").source),
        (plain("invite"), SettingSource::Default)
    );
    assert_eq!(config.settings.len(), OPTIONS.len());
    assert!(!format!("{:?}", config.settings).contains("fedcba98"));
}

#[test]
fn unknown_names_of_ours_are_errors_that_name_them() {
    let key = load(Some("hostnme = \"a.example\""), &[]).unwrap_err();
    assert_eq!(key, "unknown key `hostnme` in the configuration file; did you mean `hostname`?");
    let variable = load(None, &[("CAIRN_PROT", "1")]).unwrap_err();
    assert_eq!(variable, "unknown variable CAIRN_PROT; did you mean `CAIRN_PORT`?");
}

#[test]
fn variables_come_before_the_file_and_contradictions_are_refused() {
    let file = "hostname = \"a.example\"\nport = 1000\n";
    let config = load(Some(file), &[("CAIRN_PORT", "2000")]).unwrap();
    assert_eq!((config.service.hostname.as_str(), config.service.port), ("a.example", 2000));
    let twice = load(Some(file), &[("CAIRN_PORT", "2000"), ("PDS_PORT", "3000")]).unwrap_err();
    assert_eq!(twice, "CAIRN_PORT and PDS_PORT are set to different values");
    let half = load(Some(file), &[("PDS_BSKY_APP_VIEW_URL", "https://api.example")]).unwrap_err();
    assert_eq!(half, "`app_view_url` needs `app_view_did`");
}

#[test]
fn plain_http_is_for_localhost_in_dev_mode() {
    assert!(load(None, &[]).unwrap_err().contains("plain http"));
    let config = load(None, &[("PDS_DEV_MODE", "1")]).unwrap();
    assert_eq!(config.identity.handle_domains, [".test"]);
    assert!(config.services.allow_private_addresses);
}

#[test]
fn malformed_values_are_named_and_secrets_are_not_shown() {
    let base = [("PDS_HOSTNAME", "a.example")];
    let with = |name, value| load(None, &[base[0], (name, value)]).unwrap_err();
    assert_eq!(with("PDS_PORT", "70000"), "`PDS_PORT` must be a port");
    assert_eq!(
        with("PDS_INVITE_REQUIRED", "yes"),
        "`PDS_INVITE_REQUIRED` must be true, false, 1 or 0"
    );
    let key = with("PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX", "c0ffee");
    assert!(!key.contains("c0ffee"));
    assert_eq!(
        load(Some("hostname = \"a.example\"\ncrawlers = [1]"), &[]).unwrap_err(),
        "`crawlers` must be an array of strings"
    );
}

#[test]
fn mail_has_a_way_and_a_sender_or_neither() {
    let with = |variables: &[(&str, &str)]| {
        let base = [("PDS_HOSTNAME", "a.example")];
        load(None, &[&base[..], variables].concat())
    };
    let url = "smtp://u:p@mail.example?pool=true";
    let half = with(&[("PDS_EMAIL_SMTP_URL", url)]).unwrap_err();
    assert_eq!(half, "`email_smtp_url` needs `email_from_address`");
    let half = with(&[("PDS_MODERATION_EMAIL_ADDRESS", "mod@a.example")]).unwrap_err();
    assert_eq!(half, "`moderation_email_address` needs `moderation_email_smtp_url`");
    let wrong =
        with(&[("PDS_EMAIL_SMTP_URL", "mail.example"), ("PDS_EMAIL_FROM_ADDRESS", "a@a.example")]);
    assert!(
        wrong.unwrap_err().starts_with("`PDS_EMAIL_SMTP_URL` must be an smtp:// or smtps:// URL")
    );
    let config = with(&[
        ("PDS_EMAIL_SMTP_URL", url),
        ("PDS_EMAIL_FROM_ADDRESS", "Ops <ops@a.example>"),
        ("PDS_EMAIL_DISABLE_CONFIRMATION_LINK", "true"),
        ("PDS_SERVICE_NAME", "Example"),
        ("PDS_HOME_URL", "https://example.com/"),
        ("PDS_PRIMARY_COLOR", "#0085ff"),
    ])
    .unwrap();
    assert!(!config.mail.confirmation_link && config.mail.moderation.is_none());
    assert_eq!(
        config.warnings,
        ["the URL of the mail server has the parameter `pool`, and Cairn has no use for it"]
    );
    assert_eq!(config.branding.service_name, "Example");
    assert_eq!(config.branding.primary_color.to_string(), "#0085ff");
    let color = with(&[("PDS_PRIMARY_COLOR", "mauve")]).unwrap_err();
    assert_eq!(color, "`PDS_PRIMARY_COLOR` must be a colour like #2f6b54 or rgb(47, 107, 84)");
}

#[test]
fn sign_up_is_said_in_two_ways() {
    let with = |variables: &[(&str, &str)]| {
        let all: Vec<_> =
            [("CAIRN_HOSTNAME", "a.example")].iter().chain(variables).copied().collect();
        load(None, &all).map(|config| config.accounts.sign_up)
    };
    assert_eq!(with(&[("PDS_INVITE_REQUIRED", "false")]).unwrap(), SignUp::Open);
    assert_eq!(with(&[("PDS_INVITE_REQUIRED", "true")]).unwrap(), SignUp::Invite);
    assert_eq!(with(&[("CAIRN_SIGN_UP", "closed")]).unwrap(), SignUp::Closed);
    assert_eq!(with(&[("CAIRN_SIGN_UP", "approval")]).unwrap(), SignUp::Approval);
    let same = [("CAIRN_SIGN_UP", "open"), ("PDS_INVITE_REQUIRED", "0")];
    assert_eq!(with(&same).unwrap(), SignUp::Open);
    let both = with(&[("CAIRN_SIGN_UP", "closed"), ("PDS_INVITE_REQUIRED", "true")]).unwrap_err();
    assert_eq!(
        both.to_string(),
        "CAIRN_SIGN_UP and PDS_INVITE_REQUIRED are set to different values"
    );
    assert!(with(&[("CAIRN_SIGN_UP", "maybe")]).is_err());
}

#[test]
fn invite_codes_come_by_interval() {
    let with = |variables: &[(&str, &str)]| {
        let all: Vec<_> =
            [("CAIRN_HOSTNAME", "a.example")].iter().chain(variables).copied().collect();
        load(None, &all).map(|config| config.accounts.invite_interval)
    };
    let weekly = [("PDS_INVITE_INTERVAL", "604800000"), ("PDS_INVITE_EPOCH", "1735686000000")];
    let interval = with(&weekly).unwrap().unwrap();
    assert_eq!(interval.every.as_hours(), 7 * 24);
    assert_eq!(interval.epoch.as_millisecond(), 1_735_686_000_000);
    assert!(with(&[("CAIRN_INVITE_INTERVAL_MS", "0")]).is_err());
    assert!(with(&[("CAIRN_INVITE_INTERVAL_MS", "-5")]).is_err());
}

#[test]
fn the_example_file_lists_every_option_once_and_loads() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/cairn.example.toml");
    let text = std::fs::read_to_string(path).unwrap();
    for opt in OPTIONS {
        let lines = text.lines().filter(|line| {
            line.trim_start_matches("# ").split_once(" = ").is_some_and(|(key, _)| key == opt.key)
        });
        assert_eq!(lines.count(), 1, "{} in the example file", opt.key);
    }
    // Every line that is commented out is a valid line once the mark is gone.
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest
                    .split_once(" = ")
                    .is_some_and(|(key, _)| super::options::by_key(key).is_some()) =>
            {
                rest
            }
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    load(Some(&all), &[]).unwrap();
    load(Some(&text), &[]).unwrap();
}

/// The catalogue of the pages tells what options do, in every language that they speak.
#[test]
fn the_catalogue_describes_every_option_and_nothing_else() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/locales/en.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("\n[option]\n").unwrap();
    let described: Vec<&str> = section
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .collect();
    let options: Vec<&str> = OPTIONS.iter().map(|opt| opt.key).collect();
    assert_eq!(described, options);
    for opt in OPTIONS {
        assert!(Setting::about(opt.key).is_some_and(|about| about.len() > 3), "{}", opt.key);
        let is_told_twice = !opt.default.is_empty() && Setting::default_in_words(opt.key).is_some();
        assert!(!is_told_twice, "{} has two defaults", opt.key);
    }
    assert_eq!(Setting::default_in_words("error_color"), Some("a red"));
}
