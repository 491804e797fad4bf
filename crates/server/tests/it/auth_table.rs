//! Every method with every kind of credential, against what the table declares.

use cairn_identity::{DidDocument, service_auth};
use cairn_model::Did;
use cairn_server::auth::{
    AuthPolicy, Credential, OAuthPolicy, SessionPolicy, SessionScope, authenticate,
};
use cairn_server::config::{Secret, ServiceTarget};
use cairn_server::routes::{self, Errors, Route, Who};
use cairn_server::xrpc::Endpoint;
use cairn_server::xrpc::table::TABLE;
use data_encoding::BASE64;
use http::{Method, Request, header};

use crate::harness::{ADMIN_PASSWORD, Person, Server};

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Active,
    Deactivated,
    Takendown,
    /// Asked for an account, and has none yet.
    Waiting,
    Unknown,
}

#[derive(Clone, Copy, Debug)]
enum Sent {
    Nothing,
    /// Neither scheme nor form is known.
    Garbage,
    Dpop,
    Admin,
    WrongPassword,
    Session(SessionScope, State),
    /// Of an app password with scopes: `atproto` alone, or all that a method could ask for.
    Scoped(Held, State),
    Expired,
    Refresh,
    ExpiredRefresh,
    /// Signed by an account for this method.
    Service(State),
    /// For another method.
    StrayService,
    /// Signed by the moderation service.
    Moderation,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    ToNothingElse,
    ToAll,
}

type Expected = Result<&'static str, (u16, &'static str)>;

const SCOPES: [SessionScope; 5] = [
    SessionScope::Full,
    SessionScope::AppPasswordPrivileged,
    SessionScope::AppPassword,
    SessionScope::Takendown,
    SessionScope::SignupQueued,
];

fn all_credentials() -> Vec<Sent> {
    let states =
        [State::Active, State::Deactivated, State::Takendown, State::Waiting, State::Unknown];
    let sessions =
        SCOPES.into_iter().flat_map(|scope| states.map(|state| Sent::Session(scope, state)));
    let scoped = [Held::ToNothingElse, Held::ToAll]
        .into_iter()
        .flat_map(|held| states.map(|state| Sent::Scoped(held, state)));
    let services = states.map(Sent::Service);
    let others = [
        Sent::Nothing,
        Sent::Garbage,
        Sent::Dpop,
        Sent::Admin,
        Sent::WrongPassword,
        Sent::Expired,
        Sent::Refresh,
        Sent::ExpiredRefresh,
        Sent::StrayService,
        Sent::Moderation,
    ];
    sessions.chain(scoped).chain(services).chain(others).collect()
}

fn kind(credential: &Credential) -> &'static str {
    match credential {
        Credential::Anyone => "anyone",
        Credential::Session(_) => "session",
        Credential::Applicant(_) => "applicant",
        Credential::Refresh(_) => "refresh",
        Credential::Admin => "admin",
        Credential::Service(_) => "service",
    }
}

const MISSING: (u16, &str) = (401, "AuthMissing");
const INVALID: (u16, &str) = (400, "InvalidToken");
const REQUIRED: (u16, &str) = (401, "AuthenticationRequired");

/// What the row means, written down a second time.
fn expected(endpoint: &Endpoint, sent: Sent) -> Expected {
    match (by_policy(endpoint, sent), sent) {
        (Ok("session"), Sent::Scoped(held, _)) => by_scopes(endpoint.oauth, held),
        (outcome, _) => outcome,
    }
}

fn by_scopes(policy: OAuthPolicy, held: Held) -> Expected {
    match policy {
        OAuthPolicy::Never => Err((403, "Forbidden")),
        // The handler looks at the input.
        OAuthPolicy::Any | OAuthPolicy::Repo | OAuthPolicy::RpcOfInput => Ok("session"),
        _ if held == Held::ToAll => Ok("session"),
        _ => Err((403, "ScopeMissingError")),
    }
}

fn by_policy(endpoint: &Endpoint, sent: Sent) -> Expected {
    let policy = endpoint.auth;
    if policy == AuthPolicy::Anyone {
        return Ok("anyone");
    }
    if matches!(sent, Sent::Garbage) {
        return Err(INVALID);
    }
    match policy {
        AuthPolicy::Anyone => Ok("anyone"),
        AuthPolicy::Session(_)
        | AuthPolicy::SessionOrApplicant(_)
        | AuthPolicy::SessionOrService(_)
        | AuthPolicy::SessionOrModerator(_)
        | AuthPolicy::RepoReader(_)
            if matches!(sent, Sent::Dpop) =>
        {
            by_token_of_nobody(endpoint.oauth)
        }
        AuthPolicy::Session(session) => by_session(session, sent),
        AuthPolicy::SessionOrApplicant(session) => match sent {
            Sent::Session(SessionScope::SignupQueued, State::Waiting) => Ok("applicant"),
            other => by_session(session, other),
        },
        AuthPolicy::Refresh { expired_ok } => match sent {
            Sent::Nothing => Err(MISSING),
            Sent::Refresh => Ok("refresh"),
            Sent::ExpiredRefresh if expired_ok => Ok("refresh"),
            Sent::ExpiredRefresh => Err((400, "ExpiredToken")),
            _ => Err(INVALID),
        },
        AuthPolicy::Admin => by_password(sent),
        AuthPolicy::Moderator => match sent {
            Sent::Moderation => Ok("service"),
            Sent::Service(_) => Err((401, "UntrustedIss")),
            Sent::Nothing | Sent::Admin | Sent::WrongPassword | Sent::Dpop => by_password(sent),
            other => by_service(other),
        },
        AuthPolicy::Newcomer => match sent {
            Sent::Nothing => Ok("anyone"),
            Sent::Admin => Ok("admin"),
            Sent::WrongPassword | Sent::Dpop => Err(REQUIRED),
            other => by_service(other),
        },
        AuthPolicy::SessionOrService(session) => match sent {
            Sent::Service(State::Unknown | State::Waiting) | Sent::Moderation => {
                Err((403, "AccountNotFound"))
            }
            Sent::Service(state) => by_state(session, state).map_or_else(Err, |()| Ok("service")),
            Sent::StrayService => by_service(sent),
            other => by_session(session, other),
        },
        AuthPolicy::SessionOrModerator(session) => match sent {
            Sent::Moderation => Ok("service"),
            Sent::Service(_) => Err((401, "UntrustedIss")),
            Sent::StrayService => by_service(sent),
            other => by_session(session, other),
        },
        AuthPolicy::RepoReader(session) => match sent {
            Sent::Nothing => Ok("anyone"),
            Sent::Admin => Ok("admin"),
            Sent::WrongPassword => Err(REQUIRED),
            other => by_session(session, other),
        },
    }
}

/// An OAuth token that this server never gave.
fn by_token_of_nobody(policy: OAuthPolicy) -> Expected {
    match policy {
        OAuthPolicy::Never => Err((403, "Forbidden")),
        _ => Err((401, "invalid_token")),
    }
}

fn by_password(sent: Sent) -> Expected {
    match sent {
        Sent::Nothing => Err(MISSING),
        Sent::Admin => Ok("admin"),
        Sent::WrongPassword => Err(REQUIRED),
        _ => Err(INVALID),
    }
}

fn by_service(sent: Sent) -> Expected {
    match sent {
        Sent::Service(_) | Sent::Moderation => Ok("service"),
        Sent::StrayService => Err((401, "BadJwtLexiconMethod")),
        Sent::Session(..)
        | Sent::Scoped(..)
        | Sent::Expired
        | Sent::Refresh
        | Sent::ExpiredRefresh => Err((401, "BadJwtType")),
        _ => Err(INVALID),
    }
}

fn by_session(policy: SessionPolicy, sent: Sent) -> Expected {
    match sent {
        Sent::Nothing => Err(MISSING),
        Sent::Expired => Err((400, "ExpiredToken")),
        Sent::Session(scope, _) if !policy.scopes.contains(scope) => Err(INVALID),
        // Scopes never give what a privileged app password has not.
        Sent::Scoped(..) if !policy.scopes.contains(SessionScope::AppPasswordPrivileged) => {
            Err(INVALID)
        }
        Sent::Session(_, state) | Sent::Scoped(_, state) => {
            by_state(policy, state).map(|()| "session")
        }
        _ => Err(INVALID),
    }
}

fn by_state(policy: SessionPolicy, state: State) -> Result<(), (u16, &'static str)> {
    match state {
        State::Unknown | State::Waiting => Err((403, "AccountNotFound")),
        State::Takendown if policy.refuse_takendown => Err((401, "AccountTakedown")),
        State::Deactivated if policy.refuse_deactivated => Err((401, "AccountDeactivated")),
        _ => Ok(()),
    }
}

/// What a route beside XRPC means, written down a second time; `Ok` for whatever its handler says of an empty request.
fn expected_of_route(who: Who, sent: Sent) -> Result<(), (u16, &'static str)> {
    match (who, sent) {
        (Who::Anyone, _) => Ok(()),
        (Who::Dev, _) => Err((404, "NotFound")),
        (Who::Admin | Who::Collector, Sent::Garbage) => Err(INVALID),
        (Who::Collector, Sent::Service(_) | Sent::StrayService | Sent::Moderation)
        | (Who::Collector, Sent::Session(..) | Sent::Scoped(..))
        | (Who::Collector, Sent::Expired | Sent::Refresh | Sent::ExpiredRefresh) => Err(REQUIRED),
        (Who::Admin | Who::Collector, sent) => by_password(sent).map(drop),
    }
}

/// People in every state, and the moderation service.
struct Cast {
    server: Server,
    people: Vec<(State, Person)>,
    moderation: Person,
}

impl Cast {
    async fn assemble() -> Self {
        let moderation = Did::parse("did:web:mod.example").unwrap();
        let target = ServiceTarget { url: "https://mod.example".parse().unwrap(), did: moderation };
        let server = Server::with(|config| {
            config.moderation = Some(target);
            config.metrics_token = Some(Secret::new("for figures alone"));
        })
        .await;
        let mut people = Vec::new();
        for (state, name) in [
            (State::Active, "active"),
            (State::Deactivated, "deactivated"),
            (State::Takendown, "takendown"),
        ] {
            people.push((state, server.person(name).await));
        }
        people.push((State::Waiting, server.applicant("waiting").await));
        // An account that was here and is gone.
        let unknown = server.person("gone").await;
        server.app.store.delete_account(&unknown.did).await.unwrap();
        people.push((State::Unknown, unknown));
        let moderation = server.person("mod").await;
        server.app.store.delete_account(&moderation.did).await.unwrap();
        for person in people.iter().map(|(_, person)| person).chain([&moderation]) {
            server.resolver.set_document(document(person));
        }
        let of = |state| &people.iter().find(|(known, _)| *known == state).unwrap().1.did;
        server.app.store.deactivate(of(State::Deactivated), None).await.unwrap();
        server.app.store.takedown(of(State::Takendown), None).await.unwrap();
        Self { server, people, moderation }
    }

    fn person(&self, state: State) -> &Person {
        &self.people.iter().find(|(known, _)| *known == state).unwrap().1
    }

    fn header(&self, nsid: &str, sent: Sent) -> Option<String> {
        let tokens = &self.server.app.tokens;
        let now = self.server.app.now_seconds();
        let alice = &self.person(State::Active).did;
        let basic = |text: String| format!("Basic {}", BASE64.encode(text.as_bytes()));
        Some(match sent {
            Sent::Nothing => return None,
            Sent::Garbage => "Digest something odd".into(),
            Sent::Dpop => "DPoP token".into(),
            Sent::Admin => basic(format!("admin:{ADMIN_PASSWORD}")),
            Sent::WrongPassword => basic("admin:admin".into()),
            Sent::Session(scope, state) => {
                format!("Bearer {}", tokens.access(&self.person(state).did, scope, now))
            }
            Sent::Scoped(held, state) => {
                let scopes = match held {
                    Held::ToNothingElse => "atproto".to_owned(),
                    Held::ToAll => all_scopes(nsid),
                };
                let did = &self.person(state).did;
                format!("Bearer {}", tokens.access_within(did, &scopes, now))
            }
            Sent::Expired => {
                format!("bearer {}", tokens.access(alice, SessionScope::Full, now - 86_400))
            }
            Sent::Refresh => format!("Bearer {}", tokens.refresh(alice, "id", now, now + 60)),
            Sent::ExpiredRefresh => {
                format!("Bearer {}", tokens.refresh(alice, "id", now - 60, now))
            }
            Sent::Service(state) => self.service_token(self.person(state), nsid),
            Sent::StrayService => {
                self.service_token(self.person(State::Active), "com.example.other.method")
            }
            Sent::Moderation => self.service_token(&self.moderation, nsid),
        })
    }

    fn service_token(&self, person: &Person, lxm: &str) -> String {
        let now = self.server.app.now_seconds();
        let claims = service_auth::Claims {
            iss: person.did.to_string(),
            aud: "did:web:pds.test".into(),
            exp: now + 60,
            iat: Some(now),
            nbf: None,
            lxm: Some(lxm.into()),
            jti: Some(BASE64.encode(&cairn_identity::random_bytes::<16>())),
        };
        format!("Bearer {}", service_auth::create(&person.key, &claims))
    }
}

/// More than an app password is ever given.
fn all_scopes(nsid: &str) -> String {
    format!(
        "atproto account:email?action=manage account:repo?action=manage account:status?action=manage \
         identity:* repo:* rpc:{nsid}?aud=* blob:*/*"
    )
}

fn document(person: &Person) -> DidDocument {
    let json = serde_json::json!({
        "id": person.did,
        "verificationMethod": [{
            "id": format!("{}#atproto", person.did),
            "type": "Multikey",
            "controller": person.did,
            "publicKeyMultibase": person.key.public().multikey(),
        }],
    });
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn every_method_accepts_and_refuses_what_the_table_declares() {
    let cast = Cast::assemble().await;
    let endpoints = TABLE.sorted();
    assert!(endpoints.len() > 12);
    for endpoint in endpoints {
        for sent in all_credentials() {
            let mut request = Request::get(format!("/xrpc/{}", endpoint.nsid))
                .header(header::CONTENT_TYPE, "text/plain");
            if let Some(value) = cast.header(endpoint.nsid, sent) {
                request = request.header(header::AUTHORIZATION, value);
            }
            let (request, ()) = request.body(()).unwrap().into_parts();
            let outcome = authenticate(
                &cast.server.app,
                endpoint,
                &request,
                std::net::Ipv4Addr::LOCALHOST.into(),
            )
            .await;
            let outcome = match &outcome {
                Ok(credential) => Ok(kind(credential)),
                Err(err) => Err((err.status().as_u16(), err.name())),
            };
            assert_eq!(outcome, expected(endpoint, sent), "{} with {sent:?}", endpoint.nsid);
        }
    }
}

#[tokio::test]
async fn every_route_beside_the_methods_accepts_and_refuses_what_the_table_declares() {
    let cast = Cast::assemble().await;
    assert!(routes::all().len() > 15);
    for route in routes::all() {
        for sent in all_credentials() {
            for verb in [Method::GET, Method::POST] {
                check_route(&cast, route, sent, verb).await;
            }
        }
    }
}

async fn check_route(cast: &Cast, route: &Route, sent: Sent, verb: Method) {
    let path = crate::routes::filled(route.path, "x");
    let credential = cast.header("com.example.no.method", sent);
    let headers: Vec<_> =
        credential.iter().map(|value| ("authorization", value.as_str())).collect();
    let what = format!("{verb} {path} with {sent:?}");
    let body = axum::body::Body::empty();
    let request = crate::harness::request(verb.clone(), &path, &headers, body);
    let reply = cast.server.send(request).await;
    match expected_of_route(route.who, sent) {
        // `/oauth/introspect` asks who calls by itself.
        Ok(()) if verb == route.method => {
            assert!(route.errors == Errors::OAuth || reply.status != 401, "{what}: {reply:?}");
        }
        Ok(()) => {
            assert_eq!(reply.status, 405, "{what}: {reply:?}");
            assert!(reply.header("allow").starts_with(route.method.as_str()), "{what}");
        }
        Err(refusal) => {
            let (status, name) = reply.error();
            assert_eq!((status, name.as_str()), refusal, "{what}: {reply:?}");
            let asks = reply.header("www-authenticate").starts_with("Basic");
            assert_eq!(asks, status != 404, "{what}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn figures_are_for_the_operator_and_who_has_their_token() {
    let server = Server::with(|config| {
        config.metrics_token = Some(Secret::new("a token for figures"));
        config.rate_limits.enabled = true;
    })
    .await;
    let ask = async |credential: &str| {
        server.get_with("/metrics", &[("authorization", credential)]).await
    };
    assert_eq!(ask("Bearer a-token").await.error(), (401, "AuthenticationRequired".into()));
    let admin = BASE64.encode(format!("admin:{ADMIN_PASSWORD}").as_bytes());
    assert_eq!(ask(&format!("Basic {admin}")).await.status, 200);
    // A token without blanks is what operators are asked for; here it shows that the whole of it counts.
    assert_eq!(ask("Bearer a token for figures").await.status, 400);
    for _ in 0..49 {
        ask("Bearer guess").await;
    }
    assert_eq!(ask("Bearer guess").await.status, 429, "guesses are counted");
}

#[tokio::test]
async fn inactive_repositories_are_shown_to_their_owners_and_the_operator_only() {
    let cast = Cast::assemble().await;
    let server = &cast.server;
    let admin = format!("Basic {}", BASE64.encode(format!("admin:{ADMIN_PASSWORD}").as_bytes()));
    for (state, name) in
        [(State::Deactivated, "RepoDeactivated"), (State::Takendown, "RepoTakendown")]
    {
        let person = cast.person(state);
        let path = format!("/xrpc/com.atproto.sync.getRepo?did={}", person.did);
        assert_eq!(server.get(&path).await.error(), (400, name.into()));
        let other = cast.person(State::Active).bearer();
        assert_eq!(
            server.get_with(&path, &[("authorization", &other)]).await.error(),
            (400, name.into())
        );
        assert_eq!(
            server.get_with(&path, &[("authorization", &person.bearer())]).await.status,
            200
        );
        assert_eq!(server.get_with(&path, &[("authorization", &admin)]).await.status, 200);
        let takendown = format!("Bearer {}", server.token(&person.did, SessionScope::Takendown));
        assert_eq!(server.get_with(&path, &[("authorization", &takendown)]).await.status, 200);
    }
    let path = format!("/xrpc/com.atproto.sync.getRepo?did={}", cast.person(State::Unknown).did);
    assert_eq!(server.get(&path).await.error(), (400, "RepoNotFound".into()));
}
