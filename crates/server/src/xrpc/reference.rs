//! The endpoint table as a page of documentation: `docs/endpoints.md` is this, and a test keeps it so.

use std::fmt::Write as _;

use cairn_oauth::scope::{needed_account, needed_identity};

use crate::auth::{AuthPolicy, OAuthPolicy, SessionPolicy, SessionScope};

use super::endpoint::{Endpoint, InputPolicy, Kind};
use super::table::Table;

const HEAD: &str = "# Endpoints

Every XRPC method that Cairn answers itself, from the table that also drives its router and its checks of credentials. Other
methods go to the service that `atproto-proxy` names, or to the one set for their namespace ([`proxy.md`](proxy.md)).

Who may call, from the widest: *anyone*; *app password* (and everything stronger); *privileged app password*; *password* (a
session opened with the account's own password); *operator* (HTTP Basic as `admin`); *moderator* (the operator, or a
service token of the moderation service); *service token* (signed by an account's key for this very method). Accounts that are
taken down or deactivated may call a method unless it says *active* or *not taken down*.

OAuth clients need the scope that stands in the next column ([`oauth.md`](oauth.md)); *any*: `atproto` alone will do; a dash:
none will. App passwords with scopes ([`accounts.md`](accounts.md)) need it too, and never do what app passwords may not.

Bodies are JSON of at most 150 KiB unless the table says otherwise. All methods count towards 3,000 calls in five minutes per
address but for those marked †; further limits stand in the last column by name.
";

/// The page.
pub fn markdown(table: &Table) -> String {
    let mut page = HEAD.to_owned();
    let mut namespace = "";
    for endpoint in table.sorted() {
        let (of, method) = endpoint.nsid.rsplit_once('.').unwrap_or(("", endpoint.nsid));
        if of != namespace {
            namespace = of;
            let _ = write!(
                page,
                "\n## {namespace}\n\n| method | | who may call | OAuth scope | body | limits |\n| --- | --- | --- | --- | --- | --- |\n"
            );
        }
        let _ = writeln!(
            page,
            "| `{method}`{} | {} | {} | {} | {} | {} |",
            if endpoint.global_limit { "" } else { " †" },
            verb(endpoint.kind),
            who(endpoint.auth),
            scope(endpoint.oauth),
            body(endpoint.input),
            limits(endpoint),
        );
    }
    page
}

fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => "GET",
        Kind::Procedure => "POST",
        Kind::Subscription => "WebSocket",
    }
}

fn who(auth: AuthPolicy) -> String {
    match auth {
        AuthPolicy::Anyone => "anyone".into(),
        AuthPolicy::Session(policy) => session(policy),
        AuthPolicy::Refresh { expired_ok: false } => "refresh token".into(),
        AuthPolicy::Refresh { expired_ok: true } => "refresh token, expired or not".into(),
        AuthPolicy::Admin => "operator".into(),
        AuthPolicy::Moderator => "moderator".into(),
        AuthPolicy::Newcomer => "anyone; service token; operator".into(),
        AuthPolicy::SessionOrApplicant(policy) => {
            format!("{}; whoever waits for approval", session(policy))
        }
        AuthPolicy::SessionOrService(policy) => format!("{}; service token", session(policy)),
        AuthPolicy::SessionOrModerator(policy) => {
            format!("{}; moderation service", session(policy))
        }
        AuthPolicy::RepoReader(policy) => {
            format!("anyone; inactive repositories: operator, {}", session(policy))
        }
    }
}

fn scope(policy: OAuthPolicy) -> String {
    match policy {
        OAuthPolicy::Never => "–".into(),
        OAuthPolicy::Any => "any".into(),
        OAuthPolicy::Rpc => "`rpc` at the service called".into(),
        OAuthPolicy::RpcOfInput => "`rpc` as the input says".into(),
        OAuthPolicy::Repo => "`repo` of each write".into(),
        OAuthPolicy::Blob => "`blob` of the content type".into(),
        OAuthPolicy::Account(attr, action) => format!("`{}`", needed_account(attr, action)),
        OAuthPolicy::Identity(attr) => format!("`{}`", needed_identity(attr)),
    }
}

fn session(policy: SessionPolicy) -> String {
    let weakest = [
        (SessionScope::AppPassword, "app password"),
        (SessionScope::AppPasswordPrivileged, "privileged app password"),
    ];
    let weakest = weakest.into_iter().find(|(scope, _)| policy.scopes.contains(*scope));
    let mut text = weakest.map_or("password", |(_, name)| name).to_owned();
    if policy.scopes.contains(SessionScope::Takendown) {
        text += ", also taken down";
    }
    if policy.scopes.contains(SessionScope::SignupQueued) {
        text += ", also waiting for approval";
    }
    match (policy.refuse_takendown, policy.refuse_deactivated) {
        (true, true) => text += ", active",
        (true, false) => text += ", not taken down",
        (false, true) => text += ", not deactivated",
        (false, false) => {}
    }
    text
}

fn body(input: InputPolicy) -> String {
    match input {
        InputPolicy::None => "–".into(),
        InputPolicy::Json { max_bytes } if max_bytes == super::endpoint::JSON_LIMIT => {
            "JSON".into()
        }
        InputPolicy::Json { max_bytes } => format!("JSON, {max_bytes} bytes"),
        InputPolicy::Blob => "any type, up to the upload limit".into(),
        InputPolicy::Car => "CAR, up to the import limit".into(),
    }
}

fn limits(endpoint: &Endpoint) -> String {
    if endpoint.buckets.is_empty() {
        return "–".into();
    }
    let names = endpoint.buckets.iter().map(|bucket| {
        let per = if bucket.per_account() { "account" } else { "address" };
        format!("{bucket:?} per {per}")
    });
    names.collect::<Vec<_>>().join(", ")
}
