//! Nonces that the server hands out and that proofs must carry, RFC 9449 §8.

use cairn_identity::constant_time_eq;
use cairn_identity::jws::HmacKey;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

/// How long a nonce is the one that is handed out.
const PERIOD_SECONDS: i64 = 60;
/// Enough of a MAC that nobody guesses it.
const NONCE_BYTES: usize = 16;

/// Nonces made from the clock and a secret: nothing is stored, and all of them end with the secret.
///
/// The secret should be made when the process starts. Then no proof from before a restart is taken, and the memory of
/// used proofs may be lost with the process.
#[derive(Clone, Debug)]
pub struct Nonces(HmacKey);

impl Nonces {
    /// Nonces under a secret.
    #[must_use]
    pub fn new(secret: HmacKey) -> Self {
        Self(secret)
    }

    /// The nonce to hand out now: good for two to three minutes.
    #[must_use]
    pub fn issue(&self, now: Timestamp) -> String {
        self.of_period(period(now).saturating_add(1))
    }

    /// Whether a proof may carry this nonce now: the one that is handed out, or one of the two before.
    #[must_use]
    pub fn check(&self, nonce: &str, now: Timestamp) -> bool {
        self.good_until(nonce, now).is_some()
    }

    /// Until when the nonce will be taken, as a Unix time in seconds; `None` if it is not taken now.
    pub(super) fn good_until(&self, nonce: &str, now: Timestamp) -> Option<i64> {
        let now = period(now);
        let own =
            [now.saturating_add(1), now, now.saturating_sub(1)].into_iter().find(|period| {
                constant_time_eq(self.of_period(*period).as_bytes(), nonce.as_bytes())
            })?;
        Some(own.saturating_add(2).saturating_mul(PERIOD_SECONDS))
    }

    fn of_period(&self, period: i64) -> String {
        let tag = self.0.tag(&period.to_be_bytes());
        BASE64URL_NOPAD.encode(tag.get(..NONCE_BYTES).unwrap_or(&tag))
    }
}

fn period(now: Timestamp) -> i64 {
    now.as_second().div_euclid(PERIOD_SECONDS)
}
