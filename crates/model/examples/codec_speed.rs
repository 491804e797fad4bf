//! Prints what the codecs cost on a post of about 700 bytes: `cargo run --release -p cairn-model --example codec_speed`.

use std::hint::black_box;
use std::time::Instant;

use cairn_model::{Cid, Limits, cbor, json};

const POST: &str = r#"{"$type":"app.bsky.feed.post","text":"A walk along the river: three herons, one kingfisher and more mud than anyone asked for. Pictures follow once the camera has dried. 🪶","createdAt":"2026-03-01T12:34:56.789Z","langs":["en"],"facets":[{"index":{"byteStart":10,"byteEnd":20},"features":[{"$type":"app.bsky.richtext.facet#link","uri":"https://example.com/river/map"}]}],"reply":{"root":{"uri":"at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.feed.post/3jzfcijpj2z2a","cid":"bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"},"parent":{"uri":"at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.feed.post/3jzfcijpj2z2b","cid":"bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"}}}"#;

/// The best of several rounds, in nanoseconds per call.
fn measure<T>(name: &str, mut call: impl FnMut() -> T) {
    const CALLS: u32 = 20_000;
    let best = (0..15)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                black_box(call());
            }
            start.elapsed() / CALLS
        })
        .min()
        .unwrap_or_default();
    println!("{name:<28}{:>8} ns", best.as_nanos());
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let value = json::from_slice(POST.as_bytes(), &Limits::RECORD)?;
    let encoded = cbor::encode(&value);
    let cid = Cid::cbor_of(&encoded);
    let text = cid.to_string();
    println!("json {} bytes, cbor {} bytes", POST.len(), encoded.len());
    measure("json::from_slice", || json::from_slice(black_box(POST.as_bytes()), &Limits::RECORD));
    measure("json::to_vec", || json::to_vec(black_box(&value)));
    measure("cbor::encode", || cbor::encode(black_box(&value)));
    measure("cbor::decode", || cbor::decode(black_box(&encoded), &Limits::RECORD));
    let mut out = Vec::with_capacity(2048);
    measure("cbor::write_json", || {
        out.clear();
        cbor::write_json(black_box(&encoded), &mut out)
    });
    measure("cbor::Reader::skip", || {
        cbor::Reader::new(black_box(&encoded)).skip(&Limits::RECORD).is_ok()
    });
    measure("Cid::cbor_of", || Cid::cbor_of(black_box(&encoded)));
    measure("Cid::to_ascii", || black_box(cid).to_ascii());
    measure("Cid::parse", || Cid::parse(black_box(&text)));
    measure("drop of a clone", || value.clone());
    Ok(())
}
