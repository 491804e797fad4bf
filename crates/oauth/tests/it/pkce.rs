//! PKCE, RFC 7636.

use cairn_oauth::pkce::{CodeChallenge, verify};

use crate::support::code;

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[test]
fn the_example_of_the_rfc_matches() {
    let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
    assert_eq!(challenge.as_str(), CHALLENGE);
    verify(VERIFIER, &challenge).unwrap();
}

#[test]
fn other_verifiers_do_not() {
    let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
    let other = VERIFIER.replace('d', "e");
    let long = "a".repeat(129);
    for verifier in
        [other.as_str(), CHALLENGE, "", &VERIFIER[..42], &long, &VERIFIER.replace('-', "+")]
    {
        assert_eq!(code(verify(verifier, &challenge)), "invalid_grant", "{verifier}");
    }
}

#[test]
fn a_challenge_is_a_digest() {
    for bad in [
        "",
        "abc",
        VERIFIER.trim_end_matches('k'),
        &format!("{CHALLENGE}="),
        &CHALLENGE.replace('-', "+"),
    ] {
        assert_eq!(code(CodeChallenge::parse(bad)), "invalid_request", "{bad}");
    }
    // The last character of 43 has two bits too many; they must be zero.
    assert_eq!(code(CodeChallenge::parse(&CHALLENGE.replace("cM", "cN"))), "invalid_request");
}
