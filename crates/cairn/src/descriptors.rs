//! Room for many connections.
//!
//! Each takes a file descriptor. Systems let a process have 1,024 unless it asks for more, because of programs that use
//! `select`; this one does not.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many file descriptors as the system gives.
pub(crate) fn take_all() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the number of open files stays limited to {:?}", limit.current);
    }
}
