// What applications do all day, with the client libraries they use.
import path from 'node:path'
import { AtpAgent, RichText } from '@atproto/api'
import { Client, ok } from '@atcute/client'
import { PasswordSession } from '@atcute/password-session'
import { assert, assertEqual, home, rejects, run, sleep } from './lib.mjs'
import { PASSWORD, post } from './load.mjs'

// @atproto/api: sessions, records, preconditions, errors.
export async function atprotoApi(pds) {
  const agent = new AtpAgent({ service: pds.url })
  const handle = 'client-api.test'
  await agent.createAccount({ handle, email: 'client-api@example.com', password: PASSWORD })
  const { did } = agent.session
  assertEqual(agent.pdsUrl?.href, `${pds.url}/`, 'PDS endpoint in the DID document of the session')
  await rejects(
    new AtpAgent({ service: pds.url }).createAccount({ handle, email: 'other@example.com', password: PASSWORD }),
    null,
    'a second account with the same handle',
  )

  // Sessions, by handle, by e-mail address and by DID; refreshed, resumed, ended.
  for (const identifier of [handle, 'client-api@example.com', did]) {
    const other = new AtpAgent({ service: pds.url })
    await other.login({ identifier, password: PASSWORD })
    assertEqual(other.did, did, `DID of the session of ${identifier}`)
  }
  await rejects(new AtpAgent({ service: pds.url }).login({ identifier: handle, password: 'wrong' }), 'AuthenticationRequired', 'a wrong password')
  const before = agent.session.accessJwt
  await sleep(1100) // tokens carry whole seconds
  await agent.sessionManager.refreshSession()
  assert(agent.session.accessJwt !== before, 'the access token is the same after a refresh')
  const resumed = new AtpAgent({ service: pds.url })
  await resumed.resumeSession(agent.session)
  const { data: session } = await resumed.com.atproto.server.getSession()
  assertEqual([session.did, session.handle, session.active], [did, handle, true], 'getSession')
  const short = new AtpAgent({ service: pds.url })
  await short.login({ identifier: handle, password: PASSWORD })
  const { refreshJwt } = short.session
  await short.logout()
  short.sessionManager.session = { ...agent.session, refreshJwt }
  await rejects(short.sessionManager.refreshSession(), null, 'a refresh after the end of the session')

  // Records through the helpers of the library.
  const text = new RichText({ text: 'see https://example.com #cairn' })
  text.detectFacetsWithoutResolution()
  const first = await agent.post({ text: text.text, facets: text.facets, createdAt: new Date().toISOString() })
  const like = await agent.like(first.uri, first.cid)
  await agent.deleteLike(like.uri)
  const profile = { repo: did, collection: 'app.bsky.actor.profile', rkey: 'self' }
  const { data: put } = await agent.com.atproto.repo.putRecord({ ...profile, record: { $type: profile.collection, displayName: 'One' } })
  await rejects(
    agent.com.atproto.repo.putRecord({ ...profile, record: { $type: profile.collection, displayName: 'Two' }, swapRecord: first.cid }),
    'InvalidSwap',
    'putRecord with another swapRecord',
  )
  await agent.com.atproto.repo.putRecord({ ...profile, record: { $type: profile.collection, displayName: 'Two' }, swapRecord: put.cid })
  const { data: latest } = await agent.com.atproto.sync.getLatestCommit({ did })
  await agent.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record: post('on top'), swapCommit: latest.cid })
  await rejects(
    agent.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record: post('too late'), swapCommit: latest.cid }),
    'InvalidSwap',
    'createRecord on an old commit',
  )
  await rejects(
    agent.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record: { $type: 'app.bsky.feed.post', text: 5 } }),
    null,
    'a post that its lexicon forbids',
  )
  await rejects(agent.com.atproto.repo.getRecord({ ...profile, rkey: 'other' }), 'RecordNotFound', 'getRecord of nothing')
  await rejects(
    new AtpAgent({ service: pds.url }).com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record: post('no') }),
    'AuthMissing',
    'a write without a session',
  )

  // Pages, forwards and backwards.
  await agent.com.atproto.repo.applyWrites({
    repo: did,
    writes: Array.from({ length: 25 }, (_, i) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: 'com.example.interop.page',
      rkey: `r${String(i).padStart(2, '0')}`,
      value: { $type: 'com.example.interop.page', i },
    })),
  })
  for (const reverse of [false, true]) {
    const seen = []
    let cursor
    do {
      const { data } = await agent.com.atproto.repo.listRecords({ repo: handle, collection: 'com.example.interop.page', limit: 10, cursor, reverse })
      seen.push(...data.records.map(({ value }) => value.i))
      cursor = data.cursor
    } while (cursor)
    const down = Array.from({ length: 25 }, (_, i) => 24 - i)
    assertEqual(seen, reverse ? down.reverse() : down, `listRecords, reverse ${reverse}`)
  }
  const { data: described } = await agent.com.atproto.repo.describeRepo({ repo: handle })
  assertEqual([described.did, described.handleIsCorrect, described.collections.includes('com.example.interop.page')], [did, true, true], 'describeRepo')

  const { data: status } = await agent.com.atproto.server.checkAccountStatus()
  assertEqual([status.activated, status.validDid, status.repoCommit.length > 0], [true, true, true], 'checkAccountStatus')
}

// Preferences are the PDS's own to keep.
export async function preferences(pds) {
  const agent = new AtpAgent({ service: pds.url })
  await agent.login({ identifier: 'client-api.test', password: PASSWORD })
  const preferences = [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: false }]
  await agent.app.bsky.actor.putPreferences({ preferences })
  assertEqual((await agent.app.bsky.actor.getPreferences()).data.preferences, preferences, 'preferences')
}

// App passwords: less may be done with them.
export async function appPasswords(pds) {
  const owner = new AtpAgent({ service: pds.url })
  await owner.login({ identifier: 'client-api.test', password: PASSWORD })
  const { data: created } = await owner.com.atproto.server.createAppPassword({ name: 'phone' })
  assert(/^[a-z0-9]{4}(-[a-z0-9]{4}){3}$/.test(created.password), 'the form of an app password')
  const app = new AtpAgent({ service: pds.url })
  await app.login({ identifier: 'client-api.test', password: created.password })
  await app.post({ text: 'from my phone', createdAt: new Date().toISOString() })
  await rejects(app.com.atproto.server.createAppPassword({ name: 'more' }), null, 'an app password that makes another')
  const { data: list } = await owner.com.atproto.server.listAppPasswords()
  assertEqual(list.passwords.map(({ name }) => name), ['phone'], 'listAppPasswords')
  await owner.com.atproto.server.revokeAppPassword({ name: 'phone' })
  await rejects(app.sessionManager.refreshSession(), null, 'a refresh with a revoked app password')
}

// @atcute/client with @atcute/password-session.
export async function atcute(pds) {
  const anonymous = await PasswordSession.login({ service: pds.url, identifier: 'client-api.test', password: PASSWORD })
  const rpc = new Client({ handler: anonymous })
  const session = await ok(rpc.get('com.atproto.server.getSession'))
  assertEqual(session.handle, 'client-api.test', 'handle of the session')
  const bytes = new Uint8Array(5000).fill(7)
  const { blob } = await ok(
    rpc.post('com.atproto.repo.uploadBlob', { input: bytes, headers: { 'content-type': 'application/octet-stream' } }),
  )
  const record = { $type: 'com.example.interop.file', blob, at: new Date().toISOString() }
  const created = await ok(
    rpc.post('com.atproto.repo.createRecord', { input: { repo: session.did, collection: record.$type, rkey: 'a:b_c~d.e-1', record } }),
  )
  const got = await ok(
    rpc.get('com.atproto.repo.getRecord', { params: { repo: session.did, collection: record.$type, rkey: 'a:b_c~d.e-1' } }),
  )
  assertEqual([got.cid, got.value.blob.size], [created.cid, 5000], 'getRecord')
  const back = await ok(rpc.get('com.atproto.sync.getBlob', { params: { did: session.did, cid: blob.ref.$link }, as: 'bytes' }))
  assert(Buffer.from(back).equals(Buffer.from(bytes)), 'the blob came back changed')
  const listed = await ok(rpc.get('com.atproto.sync.listBlobs', { params: { did: session.did } }))
  assert(listed.cids.includes(blob.ref.$link), 'listBlobs lacks the blob')
  const wrong = await rpc.post('com.atproto.repo.createRecord', { input: { repo: session.did, collection: 'not a nsid', record } })
  assertEqual([wrong.ok, wrong.status], [false, 400], 'a bad collection')
}

// PyPI's atproto has scripts of its own: `client.py` without an AppView, `app.py` with one.
export async function python(script, ...args) {
  const { code, stdout, stderr } = await run(path.join(home, '.cache/python/bin/python'), [path.join(home, 'py', script), ...args])
  return code === 0 ? [] : [stderr.trim().split('\n').slice(-4).join(' | ') || stdout]
}
