//! A did:plc directory
