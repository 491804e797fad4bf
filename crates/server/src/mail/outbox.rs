//! Mail that could not be sent, kept for the operator.
//!
//! Without a working mail server nobody could reset a password or move away: the codes go by mail. The operator reads
//! them at `/admin/outbox` and hands them over. In memory only, and for a day: the codes in it are good for 15 minutes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{Mail, MailError};

/// The oldest message goes beyond this many.
const MAX_MESSAGES: usize = 100;
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The last messages that could not be sent.
#[derive(Default)]
pub struct Outbox(Mutex<VecDeque<Waiting>>);

/// A message and why it was not sent.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub mail: Mail,
    pub reason: Arc<MailError>,
}

impl Outbox {
    /// Keeps a message.
    pub fn keep(&self, mail: Mail, reason: Arc<MailError>) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push_front(Waiting { mail, reason });
        messages.truncate(MAX_MESSAGES);
    }

    /// What waits, newest first; what is too old is forgotten.
    pub fn waiting(&self, now: Timestamp) -> Vec<Waiting> {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.retain(|waiting| now.duration_since(waiting.mail.sent_at) < KEPT_FOR);
        messages.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_hundred_of_a_day_wait() {
        let outbox = Outbox::default();
        let start = Timestamp::UNIX_EPOCH;
        let hour = SignedDuration::from_hours(1);
        let reason = Arc::new(MailError::NotConfigured);
        outbox.keep(Mail::new("a@mail.test", "old", "", start), reason.clone());
        for n in 0..100 {
            let at = start.checked_add(hour).unwrap();
            outbox.keep(Mail::new("a@mail.test", n.to_string(), "", at), reason.clone());
        }
        let waiting = outbox.waiting(start);
        assert_eq!(waiting.len(), 100);
        assert_eq!(waiting.first().unwrap().mail.subject, "99");
        assert_eq!(waiting.last().unwrap().mail.subject, "0");
        let day_later = start.checked_add(SignedDuration::from_hours(25)).unwrap();
        assert!(outbox.waiting(day_later).is_empty());
    }
}
