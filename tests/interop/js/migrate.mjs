// An account moves from one server to another the way a client does it.
import { encode } from '@atcute/cbor'
import * as CID from '@atcute/cid'
import { AtpAgent } from '@atproto/api'
import { Secp256k1Keypair } from '@atproto/crypto'
import { assert, assertEqual, until } from './lib.mjs'
import { ITEM, PASSWORD, POST, item, listAll, post, sameRecords } from './load.mjs'

export async function migrate(account, to, plc, relay, random) {
  const from = account.pds
  const old = account.agent
  const before = await listAll(from, account.did)
  const { rev: oldRev } = await from.get('com.atproto.sync.getLatestCommit', { did: account.did })

  // A new account for the DID, on proof that its owner asks for it.
  const agent = new AtpAgent({ service: to.url })
  const { data: target } = await agent.com.atproto.server.describeServer()
  const { data: proof } = await old.com.atproto.server.getServiceAuth({
    aud: target.did,
    lxm: 'com.atproto.server.createAccount',
  })
  const { data: created } = await agent.createAccount(
    { did: account.did, handle: account.handle, email: account.email, password: PASSWORD },
    { headers: { authorization: `Bearer ${proof.token}` }, encoding: 'application/json' },
  )
  assertEqual(created.did, account.did, 'DID of the account on the new server')
  agent.sessionManager.pdsUrl = new URL(to.url) // the DID document still names the old one
  const { data: waiting } = await agent.com.atproto.server.checkAccountStatus()
  assertEqual([waiting.activated, waiting.validDid], [false, false], 'account status before the import')

  // Its repository and blobs.
  await agent.com.atproto.repo.importRepo(await from.car(account.did), { encoding: 'application/vnd.ipld.car' })
  const { data: missing } = await agent.com.atproto.repo.listMissingBlobs()
  const { data: held } = await old.com.atproto.sync.listBlobs({ did: account.did })
  assertEqual(missing.blobs.map(({ cid }) => cid).sort(), [...held.cids].sort(), 'missing blobs')
  for (const { cid } of missing.blobs) {
    const blob = await old.com.atproto.sync.getBlob({ did: account.did, cid })
    await agent.com.atproto.repo.uploadBlob(blob.data, { encoding: blob.headers['content-type'] })
  }
  assertEqual((await agent.com.atproto.repo.listMissingBlobs()).data.blobs, [], 'missing blobs after their upload')
  const { data: status } = await agent.com.atproto.server.checkAccountStatus()
  assertEqual(
    [status.indexedRecords, status.expectedBlobs, status.importedBlobs],
    [before.size, held.cids.length, held.cids.length],
    'records and blobs of the imported account',
  )

  // The old server goes silent before the identity moves, and the relay hears of it, so
  // that it has no reason to complain about events from the wrong host.
  await old.com.atproto.server.deactivateAccount({})
  await until(async () => (await relay.status(account.did)).status === 'deactivated', 15_000, 'the relay does not hear of the deactivation')
  await moveIdentity(account, from, agent, plc)
  await agent.com.atproto.server.activateAccount()
  const { data: settled } = await agent.com.atproto.server.checkAccountStatus()
  assertEqual([settled.activated, settled.validDid], [true, true], 'account status after activation')

  const reasons = sameRecords(await listAll(to, account.did), new Map([...before].map(([path, { cid }]) => [path, cid])))
  assertEqual(reasons, [], 'records on the new server')
  for (const cid of held.cids) await agent.com.atproto.sync.getBlob({ did: account.did, cid })
  const { rev: newRev } = await to.get('com.atproto.sync.getLatestCommit', { did: account.did })
  assert(newRev >= oldRev, `rev went back from ${oldRev} to ${newRev}`)

  // It lives on there.
  account.agent = agent
  account.pds = to
  await account.create(POST, post('written at the new home'))
  await account.create(ITEM, item(random))
  await account.delete(account.records.keys().next().value)
}

// A PLC operation with the credentials that the new server recommends, signed
// with the old server's rotation key (which a server would do for its user).
async function moveIdentity(account, from, agent, plc) {
  const { data: credentials } = await agent.com.atproto.identity.getRecommendedDidCredentials()
  const last = await (await fetch(`${plc}/${account.did}/log/last`)).json()
  const operation = { ...credentials, type: 'plc_operation', prev: CID.toString(await CID.create(CID.CODEC_DCBOR, encode(last))) }
  const key = await Secp256k1Keypair.import(from.rotationKey)
  operation.sig = Buffer.from(await key.sign(encode(operation))).toString('base64url')
  const response = await fetch(`${plc}/${account.did}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(operation),
  })
  assert(response.ok, `the PLC directory answered ${response.status} ${await response.text()}`)
}
