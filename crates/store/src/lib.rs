//! All persistent state of a Cairn server: accounts, repositories, events, blobs
