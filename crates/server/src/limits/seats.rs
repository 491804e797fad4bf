//! How much a client has open at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use super::address::client_network;

const SHARDS: usize = 16;

/// Counts what clients hold, by address. Clients that hold nothing take no memory.
#[derive(Debug)]
pub(crate) struct AddressSeats {
    shards: [Mutex<HashMap<IpNet, usize>>; SHARDS],
    hasher: RandomState,
    max: usize,
}

/// One thing that a client holds; dropping it makes room.
#[derive(Debug)]
pub(crate) struct AddressSeat {
    seats: Arc<AddressSeats>,
    client: IpNet,
}

impl AddressSeats {
    /// At most `max` per client.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            max,
        })
    }

    /// Takes a seat, if the client may have another one.
    pub(crate) fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<AddressSeat> {
        let client = client_network(ip);
        let mut shard = self.shard(&client);
        if shard.get(&client).is_some_and(|held| *held >= self.max) {
            return None;
        }
        *shard.entry(client).or_default() += 1;
        drop(shard);
        Some(AddressSeat { seats: Arc::clone(self), client })
    }

    fn leave(&self, client: &IpNet) {
        let mut shard = self.shard(client);
        let Some(held) = shard.get_mut(client) else { return };
        *held -= 1;
        if *held == 0 {
            shard.remove(client);
        }
    }

    fn shard(&self, client: &IpNet) -> MutexGuard<'_, HashMap<IpNet, usize>> {
        let n = usize::try_from(self.hasher.hash_one(client) % 16).unwrap_or(0);
        self.shards[n].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressSeat {
    fn drop(&mut self) {
        self.seats.leave(&self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_seats_of_its_own_and_gives_them_back() {
        let seats = AddressSeats::new(2);
        let enter = |ip: &str| seats.enter(ip.parse().unwrap());
        let first = enter("192.0.2.1").unwrap();
        let second = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let network = (enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap());
        assert!(enter("2001:db8::3").is_none());
        drop((first, network));
        let third = enter("192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        drop((second, third));
        assert!(seats.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }
}
