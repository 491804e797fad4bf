//! `com.atproto.temp.checkHandleAvailability`

use cairn_model::Handle;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::accounts::handle_policy::{self, Domain};
use crate::accounts::{create, email};
use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

/// Suggestions in one answer.
const MAX_SUGGESTIONS: usize = 5;
/// Room for a number behind a name, within the longest name that is allowed.
const MAX_STEM_CHARS: usize = 16;
/// Numbers that are tried behind a name.
const NUMBERS: std::ops::RangeInclusive<u32> = 1..=20;

#[derive(Deserialize)]
pub struct CheckHandleAvailability {
    handle: Handle,
    email: Option<String>,
}

#[derive(Serialize)]
pub struct Availability {
    handle: Handle,
    result: Outcome,
}

#[derive(Serialize)]
#[serde(tag = "$type")]
enum Outcome {
    #[serde(rename = "com.atproto.temp.checkHandleAvailability#resultAvailable")]
    Available {},
    #[serde(rename = "com.atproto.temp.checkHandleAvailability#resultUnavailable")]
    Unavailable { suggestions: Vec<Suggestion> },
}

#[derive(Serialize)]
struct Suggestion {
    handle: Handle,
    method: &'static str,
}

/// Whether a new account could have this handle, which takes one of the server's domains. What is suggested instead is
/// free at the moment, and made of the wanted name and of the address; a birth date is nobody's business.
pub async fn check_handle_availability(
    cx: Cx<Anyone>,
    Params(params): Params<CheckHandleAvailability>,
) -> Result<Json<Availability>> {
    let handle = params.handle;
    let local_part = match &params.email {
        Some(given) => {
            let email = email::parse_chosen(given, &cx.app.config.disposable_domains)
                .map_err(|err| XrpcError::named("InvalidEmail", err.message().to_owned()))?;
            email.split('@').next().map(str::to_owned)
        }
        None => None,
    };
    let result = if free(&cx.app, handle.as_str()).await?.is_some() {
        Outcome::Available {}
    } else {
        let suggestions = suggestions(&cx.app, &handle, local_part.as_deref()).await?;
        Outcome::Unavailable { suggestions }
    };
    Ok(Json(Availability { handle, result }))
}

/// The handle, if a new account may have it.
async fn free(app: &App, handle: &str) -> Result<Option<Handle>> {
    let Ok((handle, Domain::Own)) = handle_policy::check(handle, app.config.handle_rules(), false)
    else {
        return Ok(None);
    };
    Ok((!create::is_handle_held(app, &handle).await?).then_some(handle))
}

async fn suggestions(
    app: &App,
    wanted: &Handle,
    local_part: Option<&str>,
) -> Result<Vec<Suggestion>> {
    let domains = &app.config.handle_domains;
    let own = domains.iter().find(|domain| wanted.as_str().ends_with(domain.as_str()));
    let Some(domain) = own.or_else(|| domains.first()) else { return Ok(Vec::new()) };
    let mut found: Vec<Suggestion> = Vec::new();
    for (name, method) in candidates(wanted.as_str(), local_part) {
        if found.len() == MAX_SUGGESTIONS {
            break;
        }
        if let Some(handle) = free(app, &format!("{name}{domain}")).await?
            && found.iter().all(|one| one.handle != handle)
        {
            found.push(Suggestion { handle, method });
        }
    }
    Ok(found)
}

/// Names to try, best first.
fn candidates(wanted: &str, local_part: Option<&str>) -> Vec<(String, &'static str)> {
    let wanted = stem(wanted.split('.').next().unwrap_or_default());
    let mut names = vec![(wanted.clone(), "name")];
    names.extend(local_part.map(|part| (stem(part), "email")));
    if !wanted.is_empty() {
        names.extend(NUMBERS.map(|number| (format!("{wanted}{number}"), "number")));
    }
    names.retain(|(name, _)| !name.is_empty());
    names
}

/// What of a text can stand in a name.
fn stem(text: &str) -> String {
    let legal = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let text = text.to_ascii_lowercase();
    let name: String = text.chars().filter(legal).take(MAX_STEM_CHARS).collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_names() {
        let names: Vec<String> = candidates("alice.test", Some("a.l_ice+x"))
            .into_iter()
            .map(|(name, _)| name)
            .take(4)
            .collect();
        assert_eq!(names, ["alice", "alicex", "alice1", "alice2"]);
        assert!(candidates("-.test", None).is_empty());
        assert!(candidates(&"x".repeat(60), None).iter().all(|(name, _)| name.len() <= 18));
    }
}
