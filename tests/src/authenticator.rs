//! A passkey in software, and the browser around it: it makes what a page's script would send.

use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use crate::{TestPds, View};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const HAS_CREDENTIAL: u8 = 0x40;

/// One passkey.
pub struct Authenticator {
    key: EcdsaKeyPair,
    pub id: Vec<u8>,
    /// What the server calls its account.
    pub user: Vec<u8>,
    /// How often it has signed; none for one that does not count.
    pub count: Option<u32>,
    /// Whether it checks who uses it.
    pub verifies: bool,
    /// Whether it says of the passkeys it makes that they are found without being named. Else the browser does not know.
    pub discoverable: bool,
}

/// What a page asks for, and what the browser makes of it. Tests change it to lie.
#[derive(Clone, Debug)]
pub struct Ceremony {
    pub kind: String,
    /// As the page has it.
    pub challenge: String,
    pub origin: String,
    pub rp_id: String,
    /// The challenge that goes back beside what was signed.
    pub sent_challenge: String,
}

impl Ceremony {
    /// What the page of a view asks for, in an honest browser.
    pub fn of(pds: &TestPds, view: &View) -> Self {
        let kind = match view.data("passkey").as_str() {
            "create" => "webauthn.create",
            _ => "webauthn.get",
        };
        Self {
            kind: kind.to_owned(),
            challenge: view.data("challenge"),
            sent_challenge: view.data("challenge"),
            origin: pds.config.public_url.clone(),
            rp_id: view.data("rp"),
        }
    }

    fn client_data(&self) -> String {
        let Self { kind, challenge, origin, .. } = self;
        format!(
            r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
        )
    }
}

/// Fields of a form.
pub type Sent = Vec<(&'static str, String)>;

impl Authenticator {
    /// One that counts and checks who uses it, for the account that a page asks a passkey of.
    pub fn for_page(view: &View) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self {
            key: EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap(),
            id: rand::random::<[u8; 32]>().to_vec(),
            user: BASE64URL_NOPAD.decode(view.data("user").as_bytes()).unwrap(),
            count: Some(0),
            verifies: true,
            discoverable: true,
        }
    }

    /// Makes the passkey.
    pub fn make(&mut self, ceremony: &Ceremony) -> Sent {
        let id_length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let credential = [&[0; 16][..], &id_length, &self.id, &self.cose()].concat();
        let data = [self.head(ceremony, HAS_CREDENTIAL), credential].concat();
        let length = u8::try_from(data.len()).unwrap();
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", &[length][..], &data];
        vec![
            ("challenge", ceremony.sent_challenge.clone()),
            ("id", BASE64URL_NOPAD.encode(&self.id)),
            ("client_data", BASE64URL_NOPAD.encode(ceremony.client_data().as_bytes())),
            ("attestation", BASE64URL_NOPAD.encode(&object.concat())),
            ("transports", "internal hybrid nonsense".to_owned()),
            ("discoverable", if self.discoverable { "1" } else { "" }.to_owned()),
        ]
    }

    /// Uses it.
    pub fn sign(&mut self, ceremony: &Ceremony) -> Sent {
        let data = self.head(ceremony, 0);
        let client_data = ceremony.client_data();
        let message = [&data, digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).unwrap();
        vec![
            ("challenge", ceremony.sent_challenge.clone()),
            ("id", BASE64URL_NOPAD.encode(&self.id)),
            ("client_data", BASE64URL_NOPAD.encode(client_data.as_bytes())),
            ("authenticator_data", BASE64URL_NOPAD.encode(&data)),
            ("signature", BASE64URL_NOPAD.encode(signature.as_ref())),
            ("user_handle", BASE64URL_NOPAD.encode(&self.user)),
        ]
    }

    /// Authenticator data up to the counter.
    fn head(&mut self, ceremony: &Ceremony, more: u8) -> Vec<u8> {
        let flags = more | PRESENT | if self.verifies { VERIFIED } else { 0 };
        let count = self.count.map_or(0, |count| count + 1);
        self.count = self.count.map(|_| count);
        let hash = digest(&SHA256, ceremony.rp_id.as_bytes());
        [hash.as_ref(), &[flags], &count.to_be_bytes()].concat()
    }

    fn cose(&self) -> Vec<u8> {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat()
    }
}
