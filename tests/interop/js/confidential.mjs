// An app with a server of its own: it has published a document and keys, and proves itself by them (`private_key_jwt`). The
// library is one for any authorization server, and knows nothing of the AT Protocol.
import crypto from 'node:crypto'
import http from 'node:http'
import * as oauth from 'openid-client'
import { Browser } from './browser.mjs'
import { assert, assertEqual, rejects, sleep } from './lib.mjs'
import { PASSWORD, post } from './load.mjs'
import { decide } from './oauth.mjs'

const SCOPE = 'atproto account:email repo:app.bsky.feed.post'
const REDIRECT_URI = 'https://app.example.com/callback'
// A client that signs with a key that is not known is asked for its keys anew, so long after it was asked last.
const RENEWAL_PAUSE = 60_000

async function newKey(kid) {
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { kid, privateKey, jwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } }
}

// The app's web site, with what the app says about itself.
async function serveDocuments() {
  const site = { documents: {}, fetched: {} }
  site.server = http.createServer(({ url }, response) => {
    site.fetched[url] = (site.fetched[url] ?? 0) + 1
    const document = site.documents[url]
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  await new Promise((resolve) => site.server.listen(0, '127.0.0.1', resolve))
  site.url = `http://127.0.0.1:${site.server.address().port}`
  return site
}

export class Confidential {
  static async start(pds) {
    const app = new Confidential()
    app.pds = pds
    app.site = await serveDocuments()
    app.id = `${app.site.url}/client.json`
    app.keys = [await newKey('first')]
    app.site.documents['/client.json'] = {
      client_id: app.id,
      client_name: 'An app with a server',
      application_type: 'web',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: SCOPE,
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks_uri: `${app.site.url}/jwks.json`,
      dpop_bound_access_tokens: true,
    }
    app.publish()
    const made = await pds.xrpc('POST', 'com.atproto.server.createAccount', {
      body: { handle: 'by-server.test', email: 'server@example.com', password: PASSWORD },
    })
    app.did = (await made.json()).did
    assert(app.did, `no account: ${made.status}`)
    return app
  }

  publish() {
    this.site.documents['/jwks.json'] = { keys: this.keys.map(({ jwk }) => jwk) }
  }

  // The app as it signs with this key: what it knows of the server is what the server publishes.
  as({ privateKey, kid }) {
    const client = { dpop_bound_access_tokens: true, require_pushed_authorization_requests: true }
    const options = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] }
    return oauth.discovery(new URL(this.pds.url), this.id, client, oauth.PrivateKeyJwt({ key: privateKey, kid }), options)
  }

  // From the pushed request over the pages to tokens.
  async signIn(config, DPoP) {
    const verifier = oauth.randomPKCECodeVerifier()
    const state = oauth.randomState()
    const parameters = {
      redirect_uri: REDIRECT_URI,
      scope: SCOPE,
      state,
      login_hint: 'by-server.test',
      ui_locales: 'en',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }
    const page = await oauth.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
    assertEqual([...page.searchParams.keys()].sort(), ['client_id', 'request_uri'], 'what the page is asked with')
    const browser = new Browser(this.pds.url)
    await decide(browser, page, 'by-server.test', 'allow', REDIRECT_URI)
    const checks = { pkceCodeVerifier: verifier, expectedState: state }
    const tokens = await oauth.authorizationCodeGrant(config, browser.url, checks, undefined, { DPoP })
    assertEqual([tokens.sub, tokens.scope, tokens.token_type], [this.did, SCOPE, 'dpop'], 'what the tokens are for')
    return tokens
  }

  call(config, tokens, DPoP, nsid, input) {
    const url = new URL(`/xrpc/${nsid}`, this.pds.url)
    const headers = new Headers(input ? { 'content-type': 'application/json' } : {})
    const body = input && JSON.stringify(input)
    return oauth.fetchProtectedResource(config, tokens.access_token, url, body ? 'POST' : 'GET', body, headers, { DPoP })
  }

  // The whole way, and its end. A second session stays for what comes later.
  async wholeWay() {
    const config = await this.as(this.keys[0])
    const DPoP = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair('ES256'))
    const first = await this.signIn(config, DPoP)
    const session = await (await this.call(config, first, DPoP, 'com.atproto.server.getSession')).json()
    assertEqual([session.did, session.handle, session.email], [this.did, 'by-server.test', 'server@example.com'], 'getSession')
    const input = { repo: this.did, collection: 'app.bsky.feed.post', record: post('by an app with a server') }
    const { uri } = await (await this.call(config, first, DPoP, 'com.atproto.repo.createRecord', input)).json()
    const written = await this.pds.get('com.atproto.repo.listRecords', { repo: this.did, collection: 'app.bsky.feed.post' })
    assertEqual(written.records.map((record) => record.uri), [uri], 'what the app has written')

    const second = await oauth.refreshTokenGrant(config, first.refresh_token, undefined, { DPoP })
    assert(second.access_token !== first.access_token && second.refresh_token !== first.refresh_token, 'both tokens are new')
    const about = await oauth.tokenIntrospection(config, second.access_token)
    const jkt = await DPoP.calculateThumbprint()
    assertEqual([about.active, about.sub, about.client_id, about.scope, about.cnf.jkt], [true, this.did, this.id, SCOPE, jkt], 'what a token is')
    assertEqual(await oauth.tokenIntrospection(config, first.access_token), { active: false }, 'a token that was replaced')

    await oauth.tokenRevocation(config, second.refresh_token)
    assertEqual(await oauth.tokenIntrospection(config, second.access_token), { active: false }, 'a token that was revoked')
    await rejects(oauth.refreshTokenGrant(config, second.refresh_token, undefined, { DPoP }), 'invalid_grant', 'a refresh after revocation')
    const refused = await rejects(this.call(config, second, DPoP, 'com.atproto.server.getSession'), null, 'a call after revocation')
    assertEqual([refused.status, refused.cause[0].parameters.error], [401, 'invalid_token'], 'the refusal of a call')
    assertEqual(this.site.fetched, { '/client.json': 1, '/jwks.json': 1 }, 'how often the documents were fetched')

    this.kept = { config, DPoP, tokens: await this.signIn(config, DPoP) }
    this.since = Date.now()
  }

  // A key more: it serves at once, and what was made with the old one goes on with the old one alone.
  async rotation() {
    this.keys.push(await newKey('second'))
    this.publish()
    await sleep(Math.max(0, this.since + RENEWAL_PAUSE + 1000 - Date.now()))
    const { config, DPoP, tokens } = this.kept
    const fresh = await this.as(this.keys[1])
    const own = oauth.getDPoPHandle(fresh, await oauth.randomDPoPKeyPair('ES256'))
    const made = await this.signIn(fresh, own)
    assertEqual(this.site.fetched['/jwks.json'], 2, 'how often the keys were fetched')
    await oauth.refreshTokenGrant(fresh, made.refresh_token, undefined, { DPoP: own })

    const other = oauth.refreshTokenGrant(fresh, tokens.refresh_token, undefined, { DPoP })
    await rejects(other, 'invalid_grant', 'a session of the first key, refreshed with the second')
    const next = await oauth.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
    assertEqual((await this.call(config, next, DPoP, 'com.atproto.server.getSession')).status, 200, 'a call of the old session')

    const unknown = await this.as(await newKey('first'))
    await rejects(this.signIn(unknown, own), 'invalid_client', 'a key that the app has not published')
  }

  async stop() {
    await new Promise((resolve) => this.site.server.close(resolve).closeAllConnections())
    return this.pds.stop('SIGTERM')
  }
}
