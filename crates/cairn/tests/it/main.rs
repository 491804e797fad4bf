//! The program as a process: it starts, ends, refuses, and is killed.

#![allow(clippy::unwrap_used)]

mod crash;
mod dev;
mod founding;
mod lifecycle;
mod mail;
mod subscribers;
mod support;
