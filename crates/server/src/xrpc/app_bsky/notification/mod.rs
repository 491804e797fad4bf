//! `app.bsky.notification.*`: where devices ask to be told.

pub mod register_push;
pub mod unregister_push;

use axum::response::Response;
use cairn_model::Did;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::auth::Session;
use crate::error::XrpcError;
use crate::proxy::{OutgoingBody, Target, Upstream, forward_to};
use crate::xrpc::{Cx, Result};

const SERVICE: &str = "bsky_notif";
const SERVICE_TYPE: &str = "BskyNotificationService";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Addressee {
    service_did: Did,
}

/// Passes a registration on to the service that it names: the AppView, or a notification service of its own.
async fn hand_over(cx: &Cx<Session>, registration: Box<RawValue>) -> Result<Response> {
    let addressee: Addressee = serde_json::from_str(registration.get())
        .map_err(|err| XrpcError::invalid_request(format!("Invalid input: {err}")))?;
    let service = format!("{}#{SERVICE}", addressee.service_did);
    cx.caller.check_rpc(cx.endpoint.nsid, &service)?;
    let appview = cx.app.config.appview.as_ref();
    let target = match appview.filter(|appview| appview.did == addressee.service_did) {
        Some(appview) => Target::configured(appview),
        None => {
            let did = &addressee.service_did;
            Target::resolve(&cx.app, did, SERVICE, Some(SERVICE_TYPE)).await?
        }
    };
    let registration: String = Box::<str>::from(registration).into();
    let upstream = Upstream::at(cx, target);
    forward_to(cx, &upstream, OutgoingBody::Whole(registration.into())).await
}
