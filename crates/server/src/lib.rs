//! The Cairn personal data server: XRPC methods, firehose, pages
