//! Black-box tests, one module per theme.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod admin;
mod app_passwords;
mod approval;
mod blobs;
mod did_web;
mod directory;
mod hostile;
mod identity;
mod inputs;
mod lexicons;
mod lifecycle;
mod mail;
mod migration;
mod moderation;
mod oauth;
mod pages;
mod preferences;
mod proxy;
mod proxy_bodies;
mod proxy_methods;
mod read_after_write;
mod records;
mod restore;
mod rotation;
mod sessions;
mod sign_up;
mod writes;
