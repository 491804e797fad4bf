//! Cairn, a personal data server for the AT Protocol
fn main() {}
