//! `com.atproto.sync.*` over HTTP.

use cairn_model::{Cid, cbor};
use cairn_repo::car::{CarItem, CarReader};
use cairn_repo::{Commit, verify};

use crate::harness::{Person, Reply, Server};

fn path(method: &str, person: &Person, more: &str) -> String {
    format!("/xrpc/com.atproto.sync.{method}?did={}{more}", person.did)
}

/// The roots and blocks of a CAR.
fn car(reply: &Reply) -> (Vec<Cid>, Vec<(Cid, bytes::Bytes)>) {
    assert_eq!(
        (reply.status.as_u16(), reply.content_type()),
        (200, "application/vnd.ipld.car"),
        "{reply:?}"
    );
    let mut reader = CarReader::new();
    reader.push(&reply.body);
    let (mut roots, mut blocks) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next().unwrap() {
        match item {
            CarItem::Header { roots: found } => roots = found,
            CarItem::Block { cid, bytes } => blocks.push((cid, bytes)),
        }
    }
    reader.finish().unwrap();
    (roots, blocks)
}

#[tokio::test]
async fn a_repository_is_exported_in_pre_order() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let mut cids = Vec::new();
    for n in 0..50 {
        cids.push(
            server.write(&alice, &format!("com.example.note/{n:03}"), &format!("note {n}")).await,
        );
    }
    let reply = server.get(&path("getRepo", &alice, "")).await;
    assert_eq!(reply.header("atproto-car-block-order"), "mst-preorder");
    let (roots, blocks) = car(&reply);
    assert_eq!(roots, [blocks[0].0], "the commit comes first");
    let commit = Commit::decode(&blocks[0].1).unwrap();
    assert_eq!(commit.data, blocks[1].0, "then the root");
    let found: Vec<Cid> =
        blocks.iter().map(|(cid, _)| *cid).filter(|cid| cids.contains(cid)).collect();
    assert_eq!(found, cids, "records in the order of their keys");

    let latest = server.get(&path("getLatestCommit", &alice, "")).await.json();
    assert_eq!(latest["cid"], roots[0].to_string());
    assert_eq!(latest["rev"], commit.rev.to_string());
    assert_eq!(server.get(&path("getHead", &alice, "")).await.json()["root"], roots[0].to_string());
    assert_eq!(car(&server.get(&path("getCheckout", &alice, "")).await).1.len(), blocks.len());

    let fresh = server.write(&alice, "com.example.note/999", "fresh").await;
    let since = server.get(&path("getRepo", &alice, &format!("&since={}", commit.rev))).await;
    assert_eq!(since.header("atproto-car-block-order"), "");
    let (_, newer) = car(&since);
    assert!(newer.len() < blocks.len() && newer.iter().any(|(cid, _)| *cid == fresh));
    assert!(!newer.iter().any(|(cid, _)| cids.contains(cid)));
}

#[tokio::test]
async fn a_record_is_proven_present_or_absent() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cid = server.write(&alice, "com.example.note/a", "text").await;
    let key = alice.key.public();
    let check = |unsigned: &[u8], sig: &[u8]| key.verify_strict(unsigned, sig).is_ok();
    let ask = async |rkey: &str| {
        server
            .get(&path("getRecord", &alice, &format!("&collection=com.example.note&rkey={rkey}")))
            .await
    };
    for (rkey, expected) in [("a", Some(cid)), ("b", None)] {
        let reply = ask(rkey).await;
        let at = cairn_model::RepoPath::parse(&format!("com.example.note/{rkey}")).unwrap();
        let proven = verify::record_proof(&reply.body, &alice.did, &at, check).unwrap();
        assert_eq!(proven, expected);
    }
}

#[tokio::test]
async fn blocks_are_found_by_cid() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cid = server.write(&alice, "com.example.note/a", "text").await;
    let (roots, blocks) =
        car(&server.get(&path("getBlocks", &alice, &format!("&cids={cid}"))).await);
    assert!(roots.is_empty());
    assert_eq!(blocks.iter().map(|(cid, _)| *cid).collect::<Vec<_>>(), [cid]);
    assert!(cbor::decode(&blocks[0].1, &cairn_model::Limits::RECORD).is_ok());
    let missing = Cid::cbor_of(b"nothing");
    let reply =
        server.get(&path("getBlocks", &alice, &format!("&cids={cid}&cids={missing}"))).await;
    assert_eq!(reply.error(), (400, "BlockNotFound".into()));
    assert!(reply.message().contains(&missing.to_string()));
}

#[tokio::test]
async fn blocks_are_given_out_by_the_megabyte_only() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let mut cids = Vec::new();
    for n in 0..6 {
        let text = n.to_string().repeat(900_000);
        cids.push(server.write(&alice, &format!("com.example.note/{n}"), &text).await);
    }
    let ask = |cids: &[Cid]| {
        let query: String = cids.iter().map(|cid| format!("&cids={cid}")).collect();
        path("getBlocks", &alice, &query)
    };
    assert_eq!(server.get(&ask(&cids)).await.error(), (400, "InvalidRequest".into()));
    assert_eq!(car(&server.get(&ask(&cids[..4])).await).1.len(), 4);
}

#[tokio::test]
async fn blobs_come_whole_in_parts_and_safely() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let cid = server.blob(&alice, &bytes, "text/html").await;
    let url = path("getBlob", &alice, &format!("&cid={cid}"));
    let whole = server.get_with(&url, &[("accept-encoding", "gzip")]).await;
    assert_eq!((whole.status.as_u16(), whole.body.as_ref()), (200, bytes.as_slice()));
    assert_eq!(whole.header("content-length"), "200000");
    assert_eq!(whole.header("content-encoding"), "");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(whole.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(whole.header("content-disposition"), format!("attachment; filename=\"{cid}\""));
    let etag = whole.header("etag").to_owned();

    for (range, first, last) in
        [("bytes=0-9", 0, 9), ("bytes=-5", 199_995, 199_999), ("bytes=199990-", 199_990, 199_999)]
    {
        let part = server.get_with(&url, &[("range", range)]).await;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/200000"));
        assert_eq!(part.body.as_ref(), &bytes[first..=last]);
    }
    let beyond = server.get_with(&url, &[("range", "bytes=200000-")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */200000"));
    assert_eq!(server.get_with(&url, &[("if-none-match", &etag)]).await.status, 304);
    assert_eq!(
        server.get_with(&url, &[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await.status,
        200
    );
    let other = path("getBlob", &alice, &format!("&cid={}", Cid::raw_of(b"other")));
    assert_eq!(server.get(&other).await.error(), (400, "BlobNotFound".into()));

    let listed = server.get(&path("listBlobs", &alice, "")).await.json();
    assert_eq!(listed["cids"], serde_json::json!([cid.to_string()]));
}

#[tokio::test]
async fn repositories_are_listed_with_their_state() {
    let server = Server::start().await;
    let mut people = Vec::new();
    for name in ["a", "b", "c"] {
        people.push(server.person(name).await);
    }
    server.write(&people[0], "com.example.note/x", "text").await;
    server.app.store.deactivate(&people[1].did, None).await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server
            .get(&format!("/xrpc/com.atproto.sync.listRepos?limit=2&cursor={cursor}"))
            .await
            .json();
        seen.extend(page["repos"].as_array().unwrap().iter().cloned());
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let dids: Vec<&str> = seen.iter().map(|repo| repo["did"].as_str().unwrap()).collect();
    assert_eq!(dids, people.iter().map(|person| person.did.as_str()).collect::<Vec<_>>());
    assert_eq!((&seen[1]["active"], &seen[1]["status"]), (&false.into(), &"deactivated".into()));
    assert!(
        seen[0]["head"].is_string() && seen[0]["rev"].is_string() && seen[0]["status"].is_null()
    );

    let status = server.get(&path("getRepoStatus", &people[1], "")).await.json();
    assert_eq!(
        status,
        serde_json::json!({"did": people[1].did, "active": false, "status": "deactivated"})
    );
    let status = server.get(&path("getRepoStatus", &people[0], "")).await.json();
    assert_eq!((&status["active"], status["rev"].is_string()), (&true.into(), true));
    let unknown =
        server.get("/xrpc/com.atproto.sync.getRepoStatus?did=did:web:nobody.example").await;
    assert_eq!(unknown.error(), (400, "RepoNotFound".into()));

    let by = server
        .get("/xrpc/com.atproto.sync.listReposByCollection?collection=com.example.note")
        .await
        .json();
    assert_eq!(by["repos"], serde_json::json!([{"did": people[0].did}]));
}
