//! Keys, tokens, DID documents, did:plc operations, handles and the guarded outbound client
