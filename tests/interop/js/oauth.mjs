// An app that signs people in by OAuth, with the library that servers of apps use, and a person with a browser that runs no
// scripts.
import path from 'node:path'
import readline from 'node:readline'
import { Agent, AtpAgent } from '@atproto/api'
import { NodeOAuthClient } from '@atproto/oauth-client-node'
import { Browser } from './browser.mjs'
import { assert, assertEqual, bin, home, rejects, start, withDeadline } from './lib.mjs'
import { PASSWORD, post } from './load.mjs'
import { Pds } from './target.mjs'

const SCOPE = 'atproto transition:generic account:email repo:com.example.note'
const REDIRECT_URI = 'http://127.0.0.1:8999/callback'

const memory = () => {
  const values = new Map()
  return { get: async (key) => values.get(key), set: async (key, value) => void values.set(key, value), del: async (key) => void values.delete(key), values }
}

function clientOf(pds, plc, sessionStore) {
  return new NodeOAuthClient({
    // What the client id of an app in development says; nothing is fetched.
    clientMetadata: {
      client_id: `http://localhost?${new URLSearchParams({ scope: SCOPE, redirect_uri: REDIRECT_URI })}`,
      scope: SCOPE,
      redirect_uris: [REDIRECT_URI],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      dpop_bound_access_tokens: true,
    },
    allowHttp: true,
    plcDirectoryUrl: plc,
    handleResolver: pds.url,
    stateStore: memory(),
    sessionStore,
    requestLock: (_name, body) => body(),
  })
}

// From the app to the page, through signing in, and back with what the server has answered.
async function consent(pds, client, handle, decision) {
  const url = await client.authorize(handle, { scope: SCOPE, state: 'mine', ui_locales: 'en' })
  return decide(new Browser(pds.url), url, handle, decision)
}

// The person's part.
export async function decide(browser, url, handle, decision, redirectUri = REDIRECT_URI) {
  await browser.go(url)
  assert(browser.form('current-password').fields.get('username') === handle, 'the sign-in page knows the handle of the hint')
  await browser.submit('current-password', { password: PASSWORD })
  assert(browser.html.includes(handle), 'the page says which account it is')
  await browser.submit('value="allow"', { decision })
  assertEqual(`${browser.url.origin}${browser.url.pathname}`, redirectUri, 'where the browser is sent')
  return browser.url.searchParams
}

export async function clientNode(pds, plc) {
  const handle = 'by-oauth.test'
  const account = new AtpAgent({ service: pds.url })
  await account.createAccount({ handle, email: 'oauth@example.com', password: PASSWORD })
  const { did } = account.session

  const sessions = memory()
  const client = clientOf(pds, plc, sessions)
  const denied = await rejects(client.callback(await consent(pds, client, handle, 'deny')), null, 'a callback after a refusal')
  assertEqual(denied.params.get('error'), 'access_denied', 'the error after a refusal')

  const { session, state } = await client.callback(await consent(pds, client, handle, 'allow'))
  assertEqual([session.did, state], [did, 'mine'], 'account and state of the session')
  const agent = new Agent(session)
  const { data } = await agent.com.atproto.server.getSession()
  assertEqual([data.did, data.handle, data.email], [did, handle, 'oauth@example.com'], 'getSession')
  const { uri } = (await agent.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record: post('by OAuth') })).data
  const written = await pds.get('com.atproto.repo.listRecords', { repo: did, collection: 'app.bsky.feed.post' })
  assertEqual(written.records.map((record) => record.uri), [uri], 'what the app has written')
  await rejects(agent.com.atproto.server.createAppPassword({ name: 'x' }), null, 'a method that no app may call')

  // Refreshed, then taken up again from what was stored.
  const before = sessions.values.get(did).tokenSet.access_token
  await session.getTokenInfo(true)
  const after = sessions.values.get(did).tokenSet.access_token
  assert(before !== after, 'a refresh brings another token')
  const again = new Agent(await client.restore(did))
  assertEqual((await again.com.atproto.server.getSession()).data.did, did, 'a restored session')

  await session.signOut()
  await rejects(client.restore(did), null, 'a session that was signed out')
  assertEqual(await account.com.atproto.server.getSession().then(({ data }) => data.active), true, 'the account itself')
}

// An app that is a program of its own: it says which page the person is to go to, hears with what the browser was sent back,
// and says how it went.
async function program(name, command, args, logs, person) {
  const child = start(name, command, args, { logs, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const says = async () => {
    const { value } = await withDeadline(lines.next(), 30_000, `the next word of ${name}`)
    assert(value, `${name} has ended`)
    const said = JSON.parse(value)
    assert(!said.error, said.error)
    return said
  }
  const { page } = await says()
  child.stdin.end(`${await person(page)}\n`)
  return says()
}

// Libraries that speak to servers with https alone: the server thinks that a proxy with TLS is in front of it, and the programs
// play that proxy.
export async function behindTls(plc, { work, logs }) {
  const hostname = 'pds-https.test'
  const pds = await Pds.create('pds-https', { work, logs, plc, env: { PDS_HOSTNAME: hostname, PDS_SERVICE_HANDLE_DOMAINS: `.${hostname}` } })
  const service = `https://${hostname}`
  const apps = {
    'indigo-oauth': (did) => [bin('watch'), ['oauth', '--service', service, '--at', pds.url, '--plc', plc, did]],
    'python-oauth': (did) => [path.join(home, '.cache/python/bin/python'), [path.join(home, 'py/oauth.py'), service, pds.url, plc, did]],
  }
  return { stop: () => pds.stop('SIGTERM'), run: async (name) => {
    const handle = `${name}.${hostname}`
    const account = { handle, email: `${name}@example.com`, password: PASSWORD }
    const made = await pds.xrpc('POST', 'com.atproto.server.createAccount', { body: account })
    const { did } = await made.json()
    assert(did, `no account: ${made.status}`)
    const [command, args] = apps[name](did)
    const person = async (page) => (await decide(new Browser(service, pds.url), page, handle, 'allow')).toString()
    const { uri, ...said } = await program(name, command, args, logs, person)
    const expected = { did, handle, email: '', scopes: 'atproto repo:app.bsky.feed.post', refreshed: true, ended: true }
    assertEqual(Object.entries(said).sort(), Object.entries(expected).sort(), 'what the app says')
    const written = await pds.get('com.atproto.repo.listRecords', { repo: did, collection: 'app.bsky.feed.post' })
    assertEqual(written.records.map((record) => record.uri), [uri], 'what the app has written')
  } }
}
