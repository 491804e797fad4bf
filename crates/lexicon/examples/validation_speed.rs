//! Prints what it costs to validate a post: `cargo run --release -p cairn-lexicon --example validation_speed`.

use std::hint::black_box;
use std::time::Instant;

use cairn_lexicon::{Budget, Lexicons};
use cairn_model::{Limits, Nsid, RecordKey, json};

const POST: &str = r#"{"$type":"app.bsky.feed.post","text":"A walk along the river: three herons, one kingfisher and more mud than anyone asked for. Pictures follow once the camera has dried. 🪶","createdAt":"2026-03-01T12:34:56.789Z","langs":["en"],"facets":[{"index":{"byteStart":10,"byteEnd":20},"features":[{"$type":"app.bsky.richtext.facet#link","uri":"https://example.com/river/map"}]}],"reply":{"root":{"uri":"at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.feed.post/3jzfcijpj2z2a","cid":"bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"},"parent":{"uri":"at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.feed.post/3jzfcijpj2z2b","cid":"bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"}}}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const CALLS: u32 = 20_000;
    let record = json::from_slice(POST.as_bytes(), &Limits::RECORD)?;
    let (collection, rkey) =
        (Nsid::parse("app.bsky.feed.post")?, RecordKey::parse("3jzfcijpj2z2a")?);
    let lexicons = Lexicons::known();
    println!("{:?}", lexicons.validate_record(&collection, &rkey, &record, &Budget::trusted())?);
    let rounds = (0..15).map(|_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            let _ = black_box(lexicons.validate_record(
                &collection,
                &rkey,
                black_box(&record),
                &Budget::trusted(),
            ));
        }
        start.elapsed() / CALLS
    });
    println!("{} ns per post", rounds.min().unwrap_or_default().as_nanos());
    Ok(())
}
