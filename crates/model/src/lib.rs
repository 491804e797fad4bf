//! Identifiers and values of the AT Protocol: parsing, JSON, strict DAG-CBOR
