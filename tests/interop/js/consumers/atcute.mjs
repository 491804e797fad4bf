// Follows a server with the @atcute packages: schema validation, CAR, signature,
// and a second, independent inversion of each commit with @atcute/mst.
import { ComAtprotoSyncSubscribeRepos } from '@atcute/atproto'
import { fromUint8Array as readCar } from '@atcute/car'
import { decode, encode, fromBytes } from '@atcute/cbor'
import * as CID from '@atcute/cid'
import { getPublicKeyFromDidController, verifySig } from '@atcute/crypto'
import { FirehoseSubscription } from '@atcute/firehose'
import { getAtprotoHandle, getAtprotoVerificationMaterial } from '@atcute/identity'
import { PlcDidDocumentResolver } from '@atcute/identity-resolver'
import { MemoryBlockStore, NodeStore, NodeWrangler } from '@atcute/mst'
import { account, cursor, fault, plc, seen, service, state } from './protocol.mjs'

const resolver = new PlcDidDocumentResolver({ apiUrl: plc })
const documents = new Map()

async function document(did) {
  let doc = documents.get(did)
  if (!doc) documents.set(did, (doc = await resolver.resolve(did)))
  return doc
}

function publicKey(doc) {
  const key = getPublicKeyFromDidController(getAtprotoVerificationMaterial(doc))
  // Old PLC directories write the key out in full, which @atcute/crypto does not read.
  if (key.publicKeyBytes.length === 65) {
    key.publicKeyBytes = Uint8Array.of(2 + (key.publicKeyBytes[64] & 1), ...key.publicKeyBytes.subarray(1, 33))
  }
  return key
}

async function openBlocks(bytes) {
  const car = readCar(fromBytes(bytes))
  const { roots } = car.header.data
  if (roots.length !== 1) throw new Error(`${roots.length} roots in the CAR`)
  const blocks = new Map()
  for (const entry of car) {
    const cid = CID.toString(entry.cid)
    const real = CID.toString(await CID.create(entry.cid.codec, entry.bytes))
    if (cid !== real) throw new Error(`the block ${cid} hashes to ${real}`)
    blocks.set(cid, entry.bytes)
  }
  const head = roots[0].$link
  return { head, blocks, commit: decode(blocks.get(head)) }
}

async function verifyCommit(did, rev, commit) {
  if (commit.did !== did || commit.rev !== rev) throw new Error(`the commit says ${commit.did} ${commit.rev}`)
  const { sig, ...unsigned } = commit
  const key = publicKey(await document(did))
  if (!(await verifySig(key, fromBytes(sig), encode(unsigned)))) throw new Error('bad signature')
}

async function invert(root, ops, blocks) {
  const wrangler = new NodeWrangler(new NodeStore(new MemoryBlockStore(blocks)))
  const inOrder = [...ops].sort(
    (a, b) => (b.action === 'delete') - (a.action === 'delete') || (a.path < b.path ? -1 : 1),
  )
  for (const { action, path, prev } of inOrder) {
    const before = root
    root = action === 'create' ? await wrangler.deleteRecord(root, path) : await wrangler.putRecord(root, path, prev)
    if (root === before) throw new Error(`${action} of ${path} is not in the tree`)
  }
  return root
}

async function onCommit(event) {
  const did = event.repo
  const s = state(did)
  const complain = (what) => fault(event.seq, did, what)
  const { head, blocks, commit } = await openBlocks(event.blocks)
  if (head !== event.commit.$link) complain(`commit ${event.commit.$link}, but the CAR's root is ${head}`)
  await verifyCommit(did, event.rev, commit).catch(complain)
  if (!s.active) complain(`a commit of an account that is ${s.status}`)
  if (s.rev !== undefined && event.since !== s.rev) complain(`since ${event.since}, expected ${s.rev}`)

  const touched = new Set()
  for (const { action, path, cid, prev } of event.ops) {
    if (touched.has(path)) complain(`${path} twice in one commit`)
    touched.add(path)
    if (prev?.$link !== s.records[path]) complain(`${path}: prev ${prev?.$link}, expected ${s.records[path]}`)
    if (action === 'delete') {
      delete s.records[path]
    } else {
      if (blocks.has(cid.$link)) decode(blocks.get(cid.$link))
      else complain(`the record of ${path} is not in the blocks`)
      s.records[path] = cid.$link
    }
  }
  const before = s.data
  Object.assign(s, { rev: event.rev, data: commit.data.$link, commit: head })
  if (event.prevData?.$link !== before) complain(`prevData ${event.prevData?.$link}, expected ${before}`)
  if (before === undefined) return
  const inverted = await invert(commit.data.$link, event.ops, blocks)
  if (inverted !== before) complain(`inverted to ${inverted}, expected ${before}`)
}

async function onSync(event) {
  const s = state(event.did)
  const { head, commit } = await openBlocks(event.blocks)
  await verifyCommit(event.did, event.rev, commit)
  Object.assign(s, { rev: event.rev, data: commit.data.$link, commit: head })
}

let last = Number(cursor)
const subscription = new FirehoseSubscription({
  service: service.replace('http', 'ws'),
  nsid: ComAtprotoSyncSubscribeRepos.mainSchema,
  params: () => ({ cursor: last }),
  onError: (err) => fault(last, '', `${err.name}: ${err.message}`),
  ws: { minReconnectionDelay: 100, maxReconnectionDelay: 500, connectionTimeout: 2000 },
})

for await (const event of subscription) {
  const kind = event.$type.split('#')[1]
  const did = event.repo ?? event.did
  try {
    if (!(event.seq > last)) throw new Error(`sequence number after ${last}`)
    last = event.seq
    seen(kind, event.seq)
    if (kind === 'commit') await onCommit(event)
    else if (kind === 'sync') await onSync(event)
    else if (kind === 'account') account(did, event.active, event.status)
    else if (kind === 'identity') {
      documents.delete(did)
      state(did).handle = getAtprotoHandle(await document(did))
    } else throw new Error(`an event of type ${kind}`)
  } catch (err) {
    fault(event.seq, did, err)
  }
}
