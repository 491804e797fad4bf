//! Every method over HTTP, on a server with everything around it: a did:plc directory, an AppView, services of moderation,
//! chat and video, that is asked for what nobody meant. There is an answer in bounded time, in the protocol's form, and never
//! a 500. (The tests of the server crate do the same with more calls and nothing around it.)

use std::time::Duration;

use cairn_server::config::ServiceTarget;
use cairn_server::xrpc::table::TABLE;
use cairn_server::xrpc::{InputPolicy, Kind};
use cairn_tests::{Caller, Reply, StandIn, TestAccount, TestPds, World};
use reqwest::Method;

/// Calls per method and credential.
const CALLS: usize = 6;
/// Far beyond what any of these calls takes.
const HANGS: Duration = Duration::from_secs(60);
/// Methods that other services answer.
const FOREIGN: [&str; 6] = [
    "app.bsky.actor.searchActors",
    "app.bsky.video.getUploadLimits",
    "chat.bsky.convo.sendMessage",
    "tools.ozone.moderation.queryEvents",
    "com.atproto.label.queryLabels",
    "com.example.unheard.of",
];

/// What the methods that need others take.
const NAMES: &[&str] = &[
    "actor",
    "actors",
    "alsoKnownAs",
    "applied",
    "aud",
    "cid",
    "collection",
    "did",
    "email",
    "feed",
    "filter",
    "handle",
    "identifier",
    "inviteCode",
    "limit",
    "lxm",
    "nsid",
    "operation",
    "parentHeight",
    "password",
    "phoneNumber",
    "plcOp",
    "preferences",
    "reasonType",
    "record",
    "recordUri",
    "recoveryKey",
    "ref",
    "repo",
    "revokeAppPasswords",
    "rkey",
    "rkeyEnd",
    "rkeyStart",
    "rotationKeys",
    "scopes",
    "serviceDid",
    "services",
    "signingKey",
    "subject",
    "takedown",
    "token",
    "uri",
    "uris",
    "verificationMethods",
];

/// Numbers that look random and are the same at every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn json(&mut self, known: &[&str], depth: u32) -> String {
        match self.below(if depth > 2 { 5 } else { 8 }) {
            0..=2 => serde_json::to_string(self.of(known)).unwrap(),
            3 => self.of(&["-1", "1e9", "9223372036854775807", "true", "null", "{}", "[]"]).into(),
            4 => serde_json::to_string(&"x".repeat(5_000)).unwrap(),
            5 => format!("[{},{}]", self.json(known, depth + 1), self.json(known, depth + 1)),
            _ => self.object(known, depth + 1),
        }
    }

    fn object(&mut self, known: &[&str], depth: u32) -> String {
        let kind = self.of(&[
            "com.atproto.admin.defs#repoRef",
            "com.atproto.repo.strongRef",
            "plc_operation",
            "nonsense",
        ]);
        let mut fields = vec![format!(r#""$type":"{kind}","type":"{kind}""#)];
        for name in NAMES {
            if self.below(if depth == 0 { 4 } else { 12 }) != 0 {
                continue;
            }
            fields.push(format!("{name:?}:{}", self.json(known, depth + 1)));
        }
        format!("{{{}}}", fields.join(","))
    }

    fn query(&mut self, known: &[&str]) -> String {
        let mut url = reqwest::Url::parse("http://x/").unwrap();
        for name in NAMES {
            if self.below(3) == 0 {
                url.query_pairs_mut().append_pair(name, self.of(known));
            }
        }
        url.query().unwrap_or_default().to_owned()
    }
}

/// A server, the services around it, and the moderation service's account on another server.
struct Scene {
    pds: TestPds,
    overseer: TestAccount,
    services: [StandIn; 4],
    _other: TestPds,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let elsewhere = |config: &mut cairn_server::ServerConfig| {
            config.handle_domains = vec![".other.test".into()];
        };
        let other = world.pds_with(elsewhere).await;
        let overseer = other.account_named("overseer.other.test").await;
        let services = [
            StandIn::start(&world).await,
            StandIn::start(&world).await,
            StandIn::start(&world).await,
            StandIn::start(&world).await,
        ];
        let [appview, moderation, chat, video] = services.each_ref().map(StandIn::target);
        let did = overseer.did.clone();
        let pds = world
            .pds_with(|config| {
                config.reports = Some(moderation.clone());
                config.moderation = Some(ServiceTarget { did, ..moderation });
                config.appview = Some(appview);
                config.chat = Some(chat);
                config.video = Some(video);
            })
            .await;
        Self { pds, overseer, services, _other: other }
    }

    /// A token of the moderation service for one call; the account's own service token where the other server gives none.
    async fn moderator(&self, nsid: &str) -> Caller {
        let aud = self.pds.config.service_did.to_string();
        let params = [("aud", aud.as_str()), ("lxm", nsid)];
        let reply = self.overseer.query("com.atproto.server.getServiceAuth", &params).await;
        let token = (reply.status == 200).then(|| reply.ok()["token"].as_str().unwrap().to_owned());
        self.pds.anyone.bearer(token.as_deref().unwrap_or("none"))
    }
}

fn check(reply: &Reply, what: &str) {
    assert_ne!(reply.status, 500, "{what}: {}", reply.text());
    if reply.status >= 400 {
        let name = reply.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(!name.is_empty() && !name.contains(' '), "{what}: {}", reply.text());
    }
}

#[tokio::test]
async fn no_input_makes_a_method_fail_that_others_help_to_answer() {
    let scene = Scene::new().await;
    let own = TABLE.sorted().into_iter().filter(|it| it.kind != Kind::Subscription);
    let methods = own
        .map(|it| (it.nsid, it.kind == Kind::Procedure, it.input))
        .chain(FOREIGN.map(|nsid| (nsid, nsid.ends_with("sendMessage"), InputPolicy::None)));
    let mut understood = 0;
    for (number, (nsid, is_procedure, input)) in methods.enumerate() {
        // Some of the calls are understood, and take people's accounts away.
        let name = format!("p{number:03}");
        let person = scene.pds.account(&name).await;
        let did = person.did.to_string();
        let (handle, email) = (format!("{name}.test"), format!("{name}@mail.test"));
        let post = format!("at://{did}/app.bsky.feed.post/self");
        let service = format!("{}#bsky_appview", scene.services[0].did());
        let known = [
            &*did,
            &handle,
            &email,
            &post,
            &service,
            "self",
            "50",
            "app.bsky.feed.post",
            "com.example.thing",
            "bafyreibajbtioamawmdstaqtt2jurp64k2gjqreb3m6rjyti4szawj3e6y",
            "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
            "AAAAA-BBBBB",
            "at://",
            "",
            "\u{0}\u{202e}",
            "com.atproto.moderation.defs#reasonSpam",
        ];
        let mut chance = Chance(u64::try_from(number).unwrap());
        for call in 0..CALLS * 4 {
            let caller = match call % 4 {
                0 => scene.pds.anyone.clone(),
                1 => person.anyone().bearer(&person.access_jwt),
                2 => scene.pds.admin(),
                _ => scene.moderator(nsid).await,
            };
            let verb = if is_procedure { Method::POST } else { Method::GET };
            let query = chance.query(&known);
            let mut request = caller.request(verb, &format!("{nsid}?{query}"));
            if chance.below(6) == 0 {
                let named =
                    chance.of(&[&service, "did:web:nobody.invalid#svc", "#", "did:plc:x#y#z"]);
                request = request.header("atproto-proxy", named);
            }
            let mut what = format!("{nsid} {request:?}");
            if is_procedure && !(input == InputPolicy::None && chance.below(3) != 0) {
                let body = chance.object(&known, 0);
                what += &body;
                request = request.header("content-type", "application/json").body(body);
            }
            let reply = tokio::time::timeout(HANGS, caller.send(request)).await;
            let reply = reply.unwrap_or_else(|_| panic!("{what} hangs"));
            understood += usize::from(reply.status == 200);
            check(&reply, &what);
        }
    }
    assert!(understood > 100, "only {understood} calls were understood");
}
