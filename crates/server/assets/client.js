"use strict";

// The demonstration client of development servers: an app that signs somebody in by OAuth as the AT Protocol profiles it
// (https://atproto.com/specs/oauth). All that such an app needs is here: the server's metadata, a key that nobody can
// copy, a pushed request with PKCE, proofs by DPoP, the exchange of the code, calls, refreshing, signing out. An app for
// any server begins with a handle instead: its DID names the server, and the server must be the one that answered.

const redirect = location.origin + location.pathname;
const element = (id) => document.getElementById(id);

// ------------------------------------------------------------ what the app keeps: the key too, which does not leave it

const database = new Promise((resolve, reject) => {
  const opening = indexedDB.open("demonstration-client", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("kept");
  opening.onsuccess = () => resolve(opening.result);
  opening.onerror = () => reject(opening.error);
});
const within = async (mode, act) => {
  const asked = act((await database).transaction("kept", mode).objectStore("kept"));
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
};
const recall = (name) => within("readonly", (kept) => kept.get(name));
const keep = (name, value) => within("readwrite", (kept) => kept.put(value, name));
const forget = (name) => within("readwrite", (kept) => kept.delete(name));

// ------------------------------------------------------------ what it shows

const steps = JSON.parse(sessionStorage.getItem("steps") ?? "[]");

function show(step) {
  const summary = document.createElement("summary");
  summary.textContent = [`${step.title}: ${step.status}`, step.said.error].filter(Boolean).join(" ");
  const text = document.createElement("pre");
  text.tabIndex = 0;
  text.textContent = `${step.method} ${step.url}\n\n${JSON.stringify(step.said, null, 2)}`;
  const details = document.createElement("details");
  details.append(summary, text);
  const item = document.createElement("li");
  item.append(details);
  element("steps").append(item);
  element("way").hidden = false;
}

function note(title, method, url, status, said) {
  // Tokens are secrets.
  const mask = (name, value) => (/_token$/.test(name) ? `${String(value).slice(0, 8)}…` : value);
  const step = JSON.parse(JSON.stringify({ title, method, url: String(url), status, said }, mask));
  steps.push(step);
  sessionStorage.setItem("steps", JSON.stringify(steps));
  show(step);
}

function showSession(session) {
  element("start").hidden = Boolean(session);
  element("signed-in").hidden = !session;
  if (session) {
    element("did").textContent = session.tokens.sub;
    element("scopes").textContent = session.tokens.scope.split(" ").join("\n");
    element("until").textContent = new Date(session.until).toLocaleTimeString();
  }
}

// ------------------------------------------------------------ proofs (RFC 9449)

const encoder = new TextEncoder();
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const sha256 = async (text) => base64url(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
// The one that each server has asked for last.
const nonces = new Map();

async function proof(key, method, url, token) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", key.publicKey);
  const header = { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } };
  const claims = {
    jti: random(),
    htm: method,
    htu: url.origin + url.pathname,
    iat: Math.floor(Date.now() / 1000),
    nonce: nonces.get(url.origin),
    ath: token && (await sha256(token)),
  };
  const input = [header, claims].map((part) => base64url(encoder.encode(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, encoder.encode(input));
  return `${input}.${base64url(signature)}`;
}

// Sends a request with a proof, and once more if the server wants another nonce.
async function send(title, key, to, { method = "POST", token, body, headers = {} } = {}) {
  const url = new URL(to);
  for (const isLast of [false, true]) {
    const dpop = await proof(key, method, url, token);
    const credentials = token ? { authorization: `DPoP ${token}` } : {};
    const answer = await fetch(url, { method, body, headers: { ...headers, ...credentials, dpop } });
    const nonce = answer.headers.get("dpop-nonce");
    if (nonce) nonces.set(url.origin, nonce);
    const said = await answer.json();
    note(title, method, url, answer.status, said);
    if (answer.ok) return said;
    if (isLast || said.error !== "use_dpop_nonce") throw new Error(`${said.error}: ${said.error_description ?? said.message}`);
  }
}

// ------------------------------------------------------------ the way in

async function discover() {
  const get = async (title, url) => {
    const answer = await fetch(url);
    const said = await answer.json();
    note(title, "GET", url, answer.status, said);
    return said;
  };
  const resource = await get("The server's resource", `${location.origin}/.well-known/oauth-protected-resource`);
  const [issuer] = resource.authorization_servers;
  const server = await get("Who signs people in for it", `${issuer}/.well-known/oauth-authorization-server`);
  if (server.issuer !== issuer) throw new Error("The metadata are another server's.");
  return { server, resource: resource.resource };
}

async function signIn(hint, scope) {
  const { server, resource } = await discover();
  const key = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const [state, verifier] = [random(), random()];
  // An app in development says in its name what others say in a document.
  const client = `http://localhost?${new URLSearchParams({ redirect_uri: redirect, scope })}`;
  const request = {
    client_id: client,
    response_type: "code",
    response_mode: "fragment",
    redirect_uri: redirect,
    scope,
    state,
    code_challenge: await sha256(verifier),
    code_challenge_method: "S256",
  };
  if (hint) request.login_hint = hint;
  const pushed = await send("Pushing the request", key, server.pushed_authorization_request_endpoint, { body: new URLSearchParams(request) });
  await keep("pending", { state, verifier, key, client, server, resource });
  const page = new URL(server.authorization_endpoint);
  page.search = new URLSearchParams({ client_id: client, request_uri: pushed.request_uri });
  location.assign(page);
}

async function comeBack(answer) {
  const pending = await recall("pending");
  await forget("pending");
  history.replaceState(null, "", redirect);
  if (!pending || answer.get("state") !== pending.state) throw new Error("This answer is to no question of this app.");
  if (answer.get("iss") !== pending.server.issuer) throw new Error("Another server has answered.");
  if (answer.has("error")) throw new Error(`${answer.get("error")}: ${answer.get("error_description")}`);
  const { verifier, state, ...session } = pending;
  await take(session, "Exchanging the code", {
    grant_type: "authorization_code",
    code: answer.get("code"),
    redirect_uri: redirect,
    code_verifier: verifier,
  });
}

// Gets tokens and keeps them.
async function take(session, title, params) {
  const body = new URLSearchParams({ client_id: session.client, ...params });
  const tokens = await send(title, session.key, session.server.token_endpoint, { body });
  await keep("session", { ...session, tokens, until: Date.now() + 1000 * tokens.expires_in });
}

// ------------------------------------------------------------ what the app does once it is in

async function call(title, session, nsid, input) {
  const { key, resource, tokens } = session;
  const body = input && JSON.stringify(input);
  const headers = input ? { "content-type": "application/json" } : {};
  return send(title, key, `${resource}/xrpc/${nsid}`, { method: input ? "POST" : "GET", token: tokens.access_token, body, headers });
}

const acts = {
  session: (session) => call("Who is signed in", session, "com.atproto.server.getSession"),
  post: (session) =>
    call("Writing a post", session, "com.atproto.repo.createRecord", {
      repo: session.tokens.sub,
      collection: "app.bsky.feed.post",
      record: { $type: "app.bsky.feed.post", text: "Written by the demonstration client.", createdAt: new Date().toISOString() },
    }),
  refresh: (session) =>
    take(session, "Refreshing", { grant_type: "refresh_token", refresh_token: session.tokens.refresh_token }),
  "sign-out": async (session) => {
    const body = new URLSearchParams({ client_id: session.client, token: session.tokens.refresh_token });
    await send("Signing out", session.key, session.server.revocation_endpoint, { body });
    await forget("session");
  },
};

// Does something, and says what became of it.
async function attempt(act) {
  element("trouble").hidden = true;
  try {
    await act();
  } catch (error) {
    element("trouble-text").textContent = error.message;
    element("trouble").hidden = false;
  }
  showSession(await recall("session"));
}

element("start").addEventListener("submit", (event) => {
  event.preventDefault();
  steps.length = 0;
  element("steps").replaceChildren();
  const { hint, scope } = event.target.elements;
  attempt(() => signIn(hint.value.trim(), scope.value.trim()));
});
for (const button of document.querySelectorAll("button[data-act]")) {
  button.addEventListener("click", () => attempt(async () => acts[button.dataset.act](await recall("session"))));
}
steps.forEach(show);
const answer = new URLSearchParams(location.hash.slice(1));
attempt(() => (answer.has("state") ? comeBack(answer) : undefined));
