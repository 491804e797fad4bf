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
        let windows = match (bucket, &self.write_windows) {
            (Bucket::RepoWrite, Some(windows)) => windows.as_slice(),
            (Bucket::RepoWrite, None) => return Ok(()),
            _ if self.is_off() => return Ok(()),
            _ => bucket.windows(),
        };
        if self.is_exempt(headers, ip) {
            return Ok(());
        }
        let now = self.clock.now().as_second();
        for window in windows {
            match self.windows.charge(bucket, *window, key, points, now) {
                Ok(standing) => report.note(standing),
                Err(Exhausted(standing)) => {
                    report.note(standing);
                    let seconds = standing.resets_at.saturating_sub(now).max(1);
                    return Err(XrpcError::rate_limited(u64::try_from(seconds).unwrap_or(1)));
                }
            }
        }
        Ok(())
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
