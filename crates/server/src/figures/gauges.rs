//! Numbers that go up and down: what the process takes of the machine.

use cairn_store::Disk;

use crate::app::App;

/// What is so at this moment; none where the system does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauges {
    /// Resident memory of the process.
    pub memory_bytes: Option<u64>,
    /// Files and sockets that the process has open.
    pub open_files: Option<u64>,
    pub disk: Option<Disk>,
}

/// Asks the system.
pub(crate) fn gauges(app: &App) -> Gauges {
    let disk = app.store.disk().inspect_err(|error| {
        tracing::debug!(%error, "the system does not say how full the disk is");
    });
    Gauges { memory_bytes: memory_bytes(), open_files: open_files(), disk: disk.ok() }
}

/// What this process has in memory, where the system has `/proc`.
pub(crate) fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

fn open_files() -> Option<u64> {
    u64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}
