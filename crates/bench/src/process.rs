//! CPU time and memory of the server process, from `/proc`.

use anyhow::Context;

/// What the process had used at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time together, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// Resident memory, in MiB.
    pub(crate) rss_mib: f64,
    /// The most resident memory so far, in MiB.
    pub(crate) peak_mib: f64,
}

/// Reads the usage of a process, all threads included.
pub(crate) fn usage(pid: u32) -> anyhow::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is not there"))?;
    // The command's name stands in brackets and may hold blanks.
    let (_, rest) = stat.rsplit_once(')').context("an odd line in /proc/PID/stat")?;
    let mut fields = rest.split_whitespace();
    let utime: f64 = fields.nth(11).context("no utime")?.parse()?;
    let stime: f64 = fields.next().context("no stime")?.parse()?;
    // USER_HZ is 100 on every Linux that this runs on: it is part of the kernel's ABI.
    let cpu_ms = (utime + stime) * 10.0;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |key: &str| -> f64 {
        status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
            .unwrap_or(0.0)
    };
    Ok(Usage { cpu_ms, rss_mib: kib("VmRSS:") / 1024.0, peak_mib: kib("VmHWM:") / 1024.0 })
}
