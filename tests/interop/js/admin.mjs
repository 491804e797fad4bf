// What operators do: the requests of the reference distribution's `pdsadmin` and of `goat pds admin`, as those programs
// send them. (The first is a set of shell scripts around curl; the release of the second that this suite builds has no
// such commands.)
import { AtpAgent } from '@atproto/api'
import { assert, assertEqual, rejects } from './lib.mjs'
import { PASSWORD, post } from './load.mjs'

// An operator with curl: Basic credentials, JSON in and out.
function operator(pds) {
  const authorization = `Basic ${Buffer.from(`admin:${pds.adminPassword}`).toString('base64')}`
  return async (method, nsid, { params, body } = {}) => {
    const response = await pds.xrpc(method, nsid, { params, body, headers: { authorization } })
    const text = await response.text()
    if (!response.ok) {
      const { error } = JSON.parse(text)
      throw Object.assign(new Error(`${nsid} answered ${response.status} ${text.slice(0, 200)}`), { error, status: response.status })
    }
    return text ? JSON.parse(text) : undefined
  }
}

// pdsadmin create-invite-code, account create, list, takedown, untakedown, reset-password, delete.
export async function pdsadmin(pds) {
  const call = operator(pds)
  const { code } = await call('POST', 'com.atproto.server.createInviteCode', { body: { useCount: 1 } })
  assert(/^localhost-[a-z2-7]{5}-[a-z2-7]{5}$/.test(code), `the form of the invite code ${code}`)
  const account = { email: 'pdsadmin@example.com', handle: 'by-pdsadmin.test', password: PASSWORD, inviteCode: code }
  // The scripts make the account without the operator's password, as anybody would.
  const created = await (await pds.xrpc('POST', 'com.atproto.server.createAccount', { body: account })).json()
  const { did } = created
  assertEqual([created.handle, did?.slice(0, 8)], [account.handle, 'did:plc:'], 'account create')

  const listed = await call('GET', 'com.atproto.sync.listRepos', { params: { limit: '100' } })
  const infos = []
  for (const repo of listed.repos) {
    infos.push(await call('GET', 'com.atproto.admin.getAccountInfo', { params: { did: repo.did } }))
  }
  const info = infos.find((info) => info.did === did)
  assertEqual([info?.handle, info?.email], [account.handle, account.email], 'account list')

  const agent = new AtpAgent({ service: pds.url })
  await agent.login({ identifier: account.handle, password: PASSWORD })
  const subject = { $type: 'com.atproto.admin.defs#repoRef', did }
  const update = (takedown) => call('POST', 'com.atproto.admin.updateSubjectStatus', { body: { subject, takedown } })
  await update({ applied: true, ref: String(Math.floor(Date.now() / 1000)) })
  await rejects(new AtpAgent({ service: pds.url }).login({ identifier: did, password: PASSWORD }), 'AccountTakedown', 'a session of an account that is taken down')
  await update({ applied: false })
  await new AtpAgent({ service: pds.url }).login({ identifier: did, password: PASSWORD })

  await call('POST', 'com.atproto.admin.updateAccountPassword', { body: { did, password: 'a password of the operator' } })
  await rejects(new AtpAgent({ service: pds.url }).login({ identifier: did, password: PASSWORD }), 'AuthenticationRequired', 'the password before')
  await new AtpAgent({ service: pds.url }).login({ identifier: did, password: 'a password of the operator' })
  await call('POST', 'com.atproto.admin.deleteAccount', { body: { did } })
  await rejects(call('GET', 'com.atproto.admin.getAccountInfo', { params: { did } }), 'NotFound', 'an account that was deleted')
}

// goat pds admin: account info, update, takedown --reverse; blob status, purge --reverse; create-invites.
export async function goatAdmin(pds) {
  const call = operator(pds)
  for (let n = 0; n < 2; n++) await call('POST', 'com.atproto.server.createInviteCode', { body: { useCount: 3 } })
  const agent = new AtpAgent({ service: pds.url })
  await agent.createAccount({ handle: 'by-goat-admin.test', email: 'goat-admin@example.com', password: PASSWORD })
  const { did } = agent.session
  const { data } = await agent.uploadBlob(new TextEncoder().encode('some bytes'), { encoding: 'text/plain' })
  await agent.com.atproto.repo.createRecord({ repo: did, collection: 'com.example.interop.file', record: { $type: 'com.example.interop.file', file: data.blob } })
  const cid = data.blob.ref.toString()
  const subject = { $type: 'com.atproto.admin.defs#repoBlobRef', did, cid }
  const purge = (applied) => call('POST', 'com.atproto.admin.updateSubjectStatus', { body: { subject, takedown: { applied } } })
  const status = () => call('GET', 'com.atproto.admin.getSubjectStatus', { params: { did, blob: cid } })
  const shown = () => pds.xrpc('GET', 'com.atproto.sync.getBlob', { params: { did, cid } })
  assertEqual((await status()).takedown.applied, false, 'blob status')
  await purge(true)
  assertEqual([(await status()).takedown.applied, (await shown()).status], [true, 400], 'blob purge')
  await purge(false)
  assertEqual([(await status()).takedown.applied, (await shown()).status], [false, 200], 'blob purge --reverse')

  await call('POST', 'com.atproto.admin.updateAccountEmail', { body: { account: did, email: 'goat-too@example.com' } })
  await call('POST', 'com.atproto.admin.updateAccountHandle', { body: { did, handle: 'by-goat-too.test' } })
  const info = await call('GET', 'com.atproto.admin.getAccountInfo', { params: { did } })
  assertEqual([info.handle, info.email], ['by-goat-too.test', 'goat-too@example.com'], 'account update')
  const resolved = await pds.get('com.atproto.identity.resolveHandle', { handle: 'by-goat-too.test' })
  assertEqual(resolved.did, did, 'the handle that the operator gave')
}

// What the reference has not: search, and a change of an account's key that every consumer follows.
export async function beyondTheReference(pds, plc) {
  if (process.env.INTEROP_TARGET === 'reference') return
  const call = operator(pds)
  const found = await call('GET', 'com.atproto.admin.searchAccounts', { params: { email: 'GOAT-too@' } })
  assertEqual(found.accounts.map(({ handle }) => handle), ['by-goat-too.test'], 'searchAccounts')
  const { did } = found.accounts[0]
  const document = async () => (await fetch(`${plc}/${did}`)).json()
  const key = async () => (await document()).verificationMethod.find(({ id }) => id.endsWith('#atproto')).publicKeyMultibase
  const before = await key()
  const { signingKey } = await call('POST', 'com.atproto.server.reserveSigningKey', { body: { did } })
  await call('POST', 'com.atproto.admin.updateAccountSigningKey', { body: { did, signingKey } })
  const after = await key()
  assert(after !== before && signingKey.endsWith(after), 'the document names the reserved key')
  const agent = new AtpAgent({ service: pds.url })
  await agent.login({ identifier: did, password: PASSWORD })
  await agent.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record: post('with another key') })
}
