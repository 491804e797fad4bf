//! The server through its front door: requests into the router, sockets over loopback, a store in a temporary folder.

#![allow(clippy::unwrap_used)]

mod auth_table;
mod bodies;
mod firehose;
mod harness;
mod hostile;
mod jobs;
mod limits;
mod machinery;
mod oauth;
mod pages;
mod proxy_guard;
mod quotas;
mod reference;
mod routes;
mod serving;
mod sync;
