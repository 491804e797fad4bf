//! What handlers answer with.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::error::XrpcError;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(crate) const CAR: HeaderValue = HeaderValue::from_static("application/vnd.ipld.car");

/// A JSON answer. For an answer without content, handlers return `()`.
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => JsonText(body).into_response(),
            Err(err) => XrpcError::internal(err).into_response(),
        }
    }
}

/// A JSON answer that is text already.
pub struct JsonText(pub Vec<u8>);

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.0));
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        response
    }
}

/// Serialises a value that cannot fail to serialise: structs of strings and numbers.
pub(crate) fn json_body(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| b"{\"error\":\"InternalServerError\"}".to_vec())
}

/// A whole CAR file.
pub struct Car(pub Vec<u8>);

impl IntoResponse for Car {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.0));
        response.headers_mut().insert(header::CONTENT_TYPE, CAR);
        response
    }
}
