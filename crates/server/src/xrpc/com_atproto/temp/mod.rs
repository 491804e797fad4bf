//! `com.atproto.temp.*`: what clients ask around a sign-up.

pub mod check_handle_availability;
pub mod check_signup_queue;
pub mod request_phone_verification;

use crate::auth::{ANYONE, SESSION_OR_APPLICANT};
use crate::xrpc::{Endpoint, procedure, query};

use self::{
    check_handle_availability::check_handle_availability, check_signup_queue::check_signup_queue,
    request_phone_verification::request_phone_verification,
};

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        query("com.atproto.temp.checkHandleAvailability", ANYONE, check_handle_availability),
        query("com.atproto.temp.checkSignupQueue", SESSION_OR_APPLICANT, check_signup_queue),
        procedure("com.atproto.temp.requestPhoneVerification", ANYONE, request_phone_verification),
    ]
}
