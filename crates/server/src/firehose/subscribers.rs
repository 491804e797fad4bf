//! How many follow the firehose, bounded in total and per client.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::FirehoseConfig;
use crate::limits::{AddressSeat, AddressSeats};

/// Counts the sockets.
#[derive(Debug)]
pub struct Subscribers {
    present: Arc<AtomicUsize>,
    max: usize,
    by_address: Arc<AddressSeats>,
}

/// One counted socket; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Seat {
    present: Arc<AtomicUsize>,
    _own: Option<AddressSeat>,
}

/// Why there is no seat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// All are taken.
    Full,
    /// This client has as many as one may have.
    TooMany,
}

impl Subscribers {
    pub(crate) fn new(config: &FirehoseConfig) -> Self {
        Self {
            present: Arc::default(),
            max: config.max_subscribers,
            by_address: AddressSeats::new(config.max_per_address),
        }
    }

    /// Takes a seat, if there is one. `client` is none for whoever may have all of them.
    pub(crate) fn enter(&self, client: Option<IpAddr>) -> Result<Seat, NoSeat> {
        let own = match client {
            Some(ip) => Some(self.by_address.enter(ip).ok_or(NoSeat::TooMany)?),
            None => None,
        };
        let taken = self.present.fetch_add(1, Ordering::AcqRel);
        let seat = Seat { present: Arc::clone(&self.present), _own: own };
        if taken < self.max { Ok(seat) } else { Err(NoSeat::Full) }
    }

    /// How many sockets are open.
    pub fn count(&self) -> usize {
        self.present.load(Ordering::Acquire)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.present.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_given_back() {
        let limits =
            FirehoseConfig { max_subscribers: 2, max_per_address: 1, ..FirehoseConfig::default() };
        let subscribers = Subscribers::new(&limits);
        let client = Some(IpAddr::from([192, 0, 2, 1]));
        let seat = subscribers.enter(client).unwrap();
        assert_eq!(subscribers.enter(client).unwrap_err(), NoSeat::TooMany);
        let other = subscribers.enter(None).unwrap();
        assert_eq!(subscribers.enter(None).unwrap_err(), NoSeat::Full);
        assert_eq!(subscribers.count(), 2);
        drop((seat, other));
        assert!(subscribers.enter(client).is_ok());
    }
}
