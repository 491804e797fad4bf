//! `app.bsky.actor.getPreferences`

use axum::response::{IntoResponse, Response};
use cairn_model::Did;
use cairn_store::{AccountId, NoAccount, Preference};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::json;

use crate::App;
use crate::accounts::preferences::{DECLARED_AGE, PERSONAL_DETAILS, scope};
use crate::auth::SessionOrModerator;
use crate::error::XrpcError;
use crate::proxy::{self, OutgoingBody};
use crate::records::Answer;
use crate::xrpc::{Cx, JsonText, Params, Result};

#[derive(Deserialize)]
pub struct GetPreferences {
    /// Whose, for the moderation service. The lexicon has no such parameter.
    did: Option<Did>,
}

/// The preferences that the caller may see, and, for whoever asks in the account's name, how old its owner is in steps.
///
/// Another AppView than the operator's has preferences of its own, and is asked for them.
///
/// Interop: the moderation service reads those of any account, by `did`.
pub async fn get_preferences(
    cx: Cx<SessionOrModerator>,
    Params(params): Params<GetPreferences>,
) -> Result<Response> {
    let goes_elsewhere = match (&cx.app.config.appview, proxy::named(cx.headers())?) {
        (Some(appview), Some(named)) => appview.did != named.did,
        _ => false,
    };
    match cx.caller.clone() {
        SessionOrModerator::Session(session) if goes_elsewhere => {
            proxy::forward(&cx.with_caller(session), OutgoingBody::None).await
        }
        SessionOrModerator::Session(session) => {
            kept(&cx.app, session.account.id, &scope(session.is_full()).except).await
        }
        SessionOrModerator::Service(_) if goes_elsewhere => Err(XrpcError::invalid_request(
            "Moderator requests cannot be proxied to other app views",
        )),
        SessionOrModerator::Service(_) => {
            let did = params.did;
            let did = did.ok_or_else(|| XrpcError::invalid_request("Missing did parameter"))?;
            let account = cx.app.store.account(&did).await?.ok_or(NoAccount)?;
            kept(&cx.app, account.id, &[]).await
        }
    }
}

/// What is kept here, without the preferences of some names.
async fn kept(app: &App, account: AccountId, hidden: &[String]) -> Result<Response> {
    let all = app.store.preferences(account, scope(true)).await?;
    let age = all.iter().find_map(|preference| declared_age(preference, app.clock.now()));
    let shown = all
        .into_iter()
        .filter(|preference| !hidden.contains(&preference.name))
        .map(|preference| preference.json);

    let mut answer = Answer::default();
    answer.raw(r#"{"preferences":["#);
    for (index, preference) in shown.chain(age).enumerate() {
        if index > 0 {
            answer.raw(",");
        }
        answer.raw(&preference);
    }
    answer.raw("]}");
    Ok(JsonText(answer.into_bytes()).into_response())
}

/// `app.bsky.actor.defs#declaredAgePref` for a birth date that says something.
fn declared_age(preference: &Preference, now: Timestamp) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PersonalDetails {
        birth_date: String,
    }
    if preference.name != PERSONAL_DETAILS {
        return None;
    }
    let details: PersonalDetails = serde_json::from_str(&preference.json).ok()?;
    let born: Timestamp = details.birth_date.parse().ok()?;
    let years = age_in_years(date(born), date(now));
    let preference = json!({
        "$type": DECLARED_AGE,
        "isOverAge13": years >= 13,
        "isOverAge16": years >= 16,
        "isOverAge18": years >= 18,
    });
    Some(preference.to_string())
}

fn date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn age_in_years(born: Date, today: Date) -> i16 {
    let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
    today.year() - born.year() - i16::from(!had_birthday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_age_on_their_birthday() {
        let born = jiff::civil::date(2008, 11, 23);
        assert_eq!(age_in_years(born, jiff::civil::date(2026, 11, 22)), 17);
        assert_eq!(age_in_years(born, jiff::civil::date(2026, 11, 23)), 18);
    }

    #[test]
    fn a_birth_date_becomes_steps_of_age() {
        let preference =
            |json: &str| Preference { name: PERSONAL_DETAILS.to_owned(), json: json.to_owned() };
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let age =
            declared_age(&preference(r#"{"birthDate":"2011-05-01T00:00:00.000Z"}"#), now).unwrap();
        let age: serde_json::Value = serde_json::from_str(&age).unwrap();
        assert_eq!((&age["isOverAge13"], &age["isOverAge16"]), (&json!(true), &json!(false)));
        assert_eq!(declared_age(&preference(r#"{"birthDate":"soon"}"#), now), None);
        assert_eq!(declared_age(&preference("{}"), now), None);
    }
}
