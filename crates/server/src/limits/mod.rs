//! Limits per client: how often (rate limits), and how much at once (connections, sockets).

mod address;
mod bucket;
mod report;
mod seats;
mod windows;

use std::net::IpAddr;
use std::sync::Arc;

use cairn_identity::Clock;
use http::HeaderMap;
use subtle::ConstantTimeEq;

use crate::config::{RateLimitConfig, ServerConfig};
use crate::error::XrpcError;

use bucket::Window;
use report::Standing;
use windows::{Exhausted, Windows};

pub use address::{TrustedProxies, client_ip, counted_as};
pub use bucket::Bucket;
pub use report::RateReport;
pub(crate) use seats::{AddressSeat, AddressSeats};

/// All counters of the server.
pub struct RateLimits {
    config: RateLimitConfig,
    write_windows: Option<[Window; 2]>,
    windows: Windows,
    clock: Arc<dyn Clock>,
}

impl RateLimits {
    pub(crate) fn new(config: &ServerConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            config: config.rate_limits.clone(),
            write_windows: config.write_limits.map(bucket::write_windows),
            windows: Windows::new(),
            clock,
        }
    }

    /// Whether only the write limits of accounts are counted.
    pub(crate) fn is_off(&self) -> bool {
        !self.config.enabled
    }

    /// Spends points.
    ///
    /// # Errors
    /// 429 when a window has not enough left.
    pub(crate) fn charge(
        &self,
        bucket: Bucket,
        key: &str,
        points: u32,
        headers: &HeaderMap,
        ip: IpAddr,
        report: &RateReport,
    ) -> Result<(), XrpcError> {
        let now = self.clock.now().as_second();
        for window in self.windows_for(bucket, headers, ip) {
            match self.windows.charge(bucket, *window, key, points, now) {
                Ok(standing) => report.note(standing),
                Err(Exhausted(standing)) => {
                    report.note(standing);
                    return Err(used_up(standing, now));
                }
            }
        }
        Ok(())
    }

    /// Asks whether a point could be spent, and spends none.
    ///
    /// # Errors
    /// 429 when a window has nothing left.
    pub(crate) fn require_room(
        &self,
        bucket: Bucket,
        key: &str,
        headers: &HeaderMap,
        ip: IpAddr,
    ) -> Result<(), XrpcError> {
        let now = self.clock.now().as_second();
        for window in self.windows_for(bucket, headers, ip) {
            let standing = self.windows.charge(bucket, *window, key, 0, now);
            let standing = standing.unwrap_or_else(|Exhausted(standing)| standing);
            if standing.remaining == 0 {
                return Err(used_up(standing, now));
            }
        }
        Ok(())
    }

    /// The windows that count for this client; none when there is no limit.
    fn windows_for(&self, bucket: Bucket, headers: &HeaderMap, ip: IpAddr) -> &[Window] {
        if matches!(bucket, Bucket::SecondFactor | Bucket::SecondFactorDay) {
            return bucket.windows();
        }
        let windows = match (bucket, &self.write_windows) {
            (Bucket::RepoWrite, Some(windows)) => windows.as_slice(),
            (Bucket::RepoWrite, None) => &[],
            _ if self.is_off() => &[],
            _ => bucket.windows(),
        };
        if self.is_exempt(headers, ip) { &[] } else { windows }
    }

    /// Whether the operator lets this address do as much as it likes.
    pub(crate) fn is_free(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.config.bypass_ips.iter().any(|network| network.contains(&ip))
    }

    fn is_exempt(&self, headers: &HeaderMap, ip: IpAddr) -> bool {
        if self.is_free(ip) {
            return true;
        }
        match (&self.config.bypass_key, headers.get("x-ratelimit-bypass")) {
            (Some(key), Some(sent)) => bool::from(key.expose().ct_eq(sent.as_bytes())),
            _ => false,
        }
    }
}

fn used_up(standing: Standing, now: i64) -> XrpcError {
    let seconds = standing.resets_at.saturating_sub(now).max(1);
    XrpcError::rate_limited(u64::try_from(seconds).unwrap_or(1))
}
