// An account moves from one server to another, step by step, the way a client does it:
// https://atproto.com/guides/account-migration. Each step can be taken twice.
import crypto from 'node:crypto'
import { AtpAgent } from '@atproto/api'
import { assert, assertEqual, rejects, sleep } from './lib.mjs'
import { PASSWORD, listAll, pool, sameRecords } from './load.mjs'

const CAR = 'application/vnd.ipld.car'
// At once; the reference answers 500 where many writes of one account meet.
const width = (pds) => (pds.kind === 'reference' ? 2 : 8)

// A session at a server, whatever the DID document says of where the account lives.
export async function signIn(pds, identifier, password = PASSWORD) {
  const agent = new AtpAgent({ service: pds.url })
  await agent.login({ identifier, password })
  agent.sessionManager.pdsUrl = new URL(pds.url)
  return agent
}

export class Move {
  // `account` has did, email and agent, a session at the server `from`. With `returns` it has lived on
  // `to` before: there it signs in instead of being made anew.
  constructor({ account, from, to, handle, mail, returns = false }) {
    Object.assign(this, { account, from, to, handle, mail, returns })
    this.did = account.did
    this.old = account.agent
    this.session = null
  }

  // What must be the same on the other side.
  async takeStock() {
    this.before = await listAll(this.from, this.did)
    this.blobs = await listBlobs(this.old, this.did)
    this.preferences = (await this.old.app.bsky.actor.getPreferences()).data.preferences
    this.rev = (await this.from.get('com.atproto.sync.getLatestCommit', { did: this.did })).rev
  }

  // A new account for the DID, on proof that its owner asks for it. Whoever asks again has lost the
  // answer, and signs in.
  async create() {
    const anyone = new AtpAgent({ service: this.to.url })
    const { data: target } = await anyone.com.atproto.server.describeServer()
    const lxm = 'com.atproto.server.createAccount'
    const { data: proof } = await this.old.com.atproto.server.getServiceAuth({ aud: target.did, lxm })
    const wanted = anyone.com.atproto.server.createAccount(
      { did: this.did, handle: this.handle, email: this.account.email, password: PASSWORD },
      { headers: { authorization: `Bearer ${proof.token}` }, encoding: 'application/json' },
    )
    if (this.session || this.returns) {
      const refusal = await rejects(wanted, null, 'a second account for the DID')
      assertEqual(refusal.status, 400, `status of a second createAccount (${refusal.message})`)
    } else {
      assertEqual((await wanted).data.did, this.did, 'DID of the account on the new server')
    }
    this.session = await signIn(this.to, this.did)
    const { data: status } = await this.session.com.atproto.server.checkAccountStatus()
    assertEqual([status.activated, status.validDid], [false, false], 'account status before the import')
  }

  async repository() {
    const { data: car } = await this.old.com.atproto.sync.getRepo({ did: this.did })
    await this.session.com.atproto.repo.importRepo(car, { encoding: CAR })
    const { data: status } = await this.session.com.atproto.server.checkAccountStatus()
    assertEqual([status.activated, status.indexedRecords], [false, this.before.size], 'account status after the import')
  }

  // Half of the repository, and then the server dies.
  async brokenImport(kill) {
    const { data: before } = await this.session.com.atproto.server.checkAccountStatus()
    const car = await this.from.car(this.did)
    const half = new ReadableStream({
      start(controller) {
        controller.enqueue(car.subarray(0, Math.ceil(car.length / 2)))
      },
    })
    const request = fetch(`${this.to.url}/xrpc/com.atproto.repo.importRepo`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.session.session.accessJwt}`, 'content-type': CAR, 'content-length': String(car.length) },
      body: half,
      duplex: 'half',
    }).then(({ status }) => `an answer: ${status}`, () => 'cut')
    assertEqual(await Promise.race([request, sleep(300)]), undefined, 'half an import')
    await kill()
    assertEqual(await request, 'cut', 'the import that was under way')
    const { data: after } = await this.session.com.atproto.server.checkAccountStatus()
    assertEqual([after.repoCommit, after.indexedRecords], [before.repoCommit, before.indexedRecords], 'the repository after half an import')
  }

  // Blobs that are missing, as many as `limit` says.
  async transferBlobs(limit = Infinity) {
    const missing = await this.missingBlobs()
    await pool(missing.slice(0, limit), width(this.to), async (cid) => {
      const blob = await this.old.com.atproto.sync.getBlob({ did: this.did, cid })
      const { data } = await this.session.com.atproto.repo.uploadBlob(blob.data, { encoding: blob.headers['content-type'] })
      assertEqual(data.blob.ref.toString(), cid, 'CID of the blob on the new server')
    })
    const left = Math.max(0, missing.length - limit)
    assertEqual((await this.missingBlobs()).length, left, 'missing blobs after the transfer')
  }

  async missingBlobs() {
    const cids = new Set()
    let cursor
    do {
      const { data } = await this.session.com.atproto.repo.listMissingBlobs({ limit: 500, cursor })
      for (const { cid } of data.blobs) cids.add(cid)
      cursor = data.blobs.length ? data.cursor : undefined
    } while (cursor)
    return [...cids]
  }

  async transferPreferences() {
    const { data } = await this.old.app.bsky.actor.getPreferences()
    await this.session.app.bsky.actor.putPreferences({ preferences: data.preferences })
    await this.samePreferences()
  }

  async samePreferences() {
    const { data: there } = await this.session.app.bsky.actor.getPreferences()
    assertEqual(canonical(there.preferences), canonical(this.preferences), 'preferences on the new server')
  }

  async complete() {
    const { data: status } = await this.session.com.atproto.server.checkAccountStatus()
    assertEqual(
      [status.activated, status.validDid, status.indexedRecords, status.expectedBlobs, status.importedBlobs],
      [false, false, this.before.size, this.blobs.length, this.blobs.length],
      'account status before the identity moves',
    )
    await rejects(this.session.com.atproto.server.activateAccount(), null, 'activation before the identity has moved')
  }

  // The old server signs for whoever reads the owner's mail: with the code, once.
  async sign() {
    const { data: credentials } = await this.session.com.atproto.identity.getRecommendedDidCredentials()
    const { email } = this.account
    const letters = this.mail.count(email)
    await this.old.com.atproto.identity.requestPlcOperationSignature()
    const token = await this.mail.code(email, letters)
    const wish = { ...credentials, token }
    await rejects(this.old.com.atproto.identity.signPlcOperation({ ...wish, token: 'AAAAA-AAAAA' }), 'InvalidToken', 'a wrong code')
    const { data } = await this.old.com.atproto.identity.signPlcOperation(wish)
    await rejects(this.old.com.atproto.identity.signPlcOperation(wish), 'InvalidToken', 'a code that is spent')
    this.operation = data.operation
  }

  async submit() {
    await this.session.com.atproto.identity.submitPlcOperation({ operation: this.operation })
    const { data: status } = await this.session.com.atproto.server.checkAccountStatus()
    assertEqual([status.activated, status.validDid], [false, true], 'account status when the identity has moved')
  }

  async activate() {
    await this.session.com.atproto.server.activateAccount()
    const { data: status } = await this.session.com.atproto.server.checkAccountStatus()
    assertEqual([status.activated, status.validDid], [true, true], 'account status after activation')
  }

  async leave() {
    const deleteAfter = new Date(Date.now() + 30 * 24 * 3_600_000).toISOString()
    await this.old.com.atproto.server.deactivateAccount({ deleteAfter })
    await this.left()
  }

  // The copy at the old server is silent, and stays so.
  async left() {
    const status = await this.from.get('com.atproto.sync.getRepoStatus', { did: this.did })
    assertEqual([status.active, status.status], [false, 'deactivated'], 'the account on the old server')
    await rejects(this.from.car(this.did), 'RepoDeactivated', 'getRepo at the old server')
    await rejects(this.old.com.atproto.server.activateAccount(), null, 'activation at the old server')
  }

  // Everything is on the new server as it was on the old one.
  async verify() {
    const records = new Map([...this.before].map(([path, { cid }]) => [path, cid]))
    assertEqual(sameRecords(await listAll(this.to, this.did), records), [], 'records on the new server')
    assertEqual((await listBlobs(this.session, this.did)).sort(), [...this.blobs].sort(), 'blobs on the new server')
    await pool(this.blobs.slice(0, 50), 8, async (cid) => {
      const [here, there] = await Promise.all([this.session, this.old].map((agent) => agent.com.atproto.sync.getBlob({ did: this.did, cid })))
      assertEqual(sha256(here.data), sha256(there.data), `bytes of blob ${cid}`)
    })
    const { rev } = await this.to.get('com.atproto.sync.getLatestCommit', { did: this.did })
    assert(rev >= this.rev, `rev went back from ${this.rev} to ${rev}`)
    this.account.agent = this.session
    this.account.pds = this.to
    this.account.handle = (await this.session.com.atproto.server.getSession()).data.handle
    this.account.records = records
  }

  // The copy at the old server goes for good, as its owner confirms by mail.
  async removeOld() {
    const { email } = this.account
    const letters = this.mail.count(email)
    await this.old.com.atproto.server.requestAccountDelete()
    const token = await this.mail.code(email, letters)
    const wish = { did: this.did, password: PASSWORD, token }
    await this.old.com.atproto.server.deleteAccount(wish)
    await rejects(this.old.com.atproto.server.deleteAccount(wish), null, 'a second deletion')
    await rejects(this.from.car(this.did), 'RepoNotFound', 'getRepo after the deletion')
  }
}

export async function listBlobs(agent, did) {
  const cids = []
  let cursor
  do {
    const { data } = await agent.com.atproto.sync.listBlobs({ did, limit: 1000, cursor })
    cids.push(...data.cids)
    cursor = data.cids.length ? data.cursor : undefined
  } while (cursor)
  return cids
}

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex')

const canonical = (list) => list.map((entry) => JSON.stringify(Object.entries(entry).sort())).sort()
