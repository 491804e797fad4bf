//! Certificates for servers on loopback.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate of its own for `127.0.0.1` and `localhost`, which nobody trusts by default.
pub struct TestTls {
    pub acceptor: TlsAcceptor,
    /// What to trust.
    pub certificate_pem: String,
}

impl TestTls {
    /// A fresh certificate.
    #[allow(clippy::new_without_default, reason = "no two are the same")]
    pub fn new() -> Self {
        cairn_identity::install_crypto_provider();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate_pem: made.cert.pem() }
    }
}
