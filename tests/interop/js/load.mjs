// The load: accounts, and writes of every shape. Each account remembers what
// the server acknowledged, so that it can be compared with what is there.
import crypto from 'node:crypto'
import * as CID from '@atcute/cid'
import { AtpAgent } from '@atproto/api'
import { assert, assertEqual, note, rejects, sleep } from './lib.mjs'

export const ITEM = 'com.example.interop.item'
export const POST = 'app.bsky.feed.post'
export const PASSWORD = 'correct horse battery staple'

// ---------------------------------------------------------------- chance and keys

export function randomness(seed) {
  let a = seed >>> 0
  const next = () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  next.below = (n) => Math.floor(next() * n)
  next.pick = (list) => list[next.below(list.length)]
  next.word = (n) => Array.from({ length: n }, () => 'abcdefghijklmnopqrstuvwxyz'[next.below(26)]).join('')
  return next
}

// The layer of a key: leading zero bits of its hash, in pairs.
export function layer(key) {
  const hash = crypto.createHash('sha256').update(key).digest()
  let bits = 0
  for (const byte of hash) {
    if (byte === 0) {
      bits += 8
      continue
    }
    bits += Math.clz32(byte) - 24
    break
  }
  return bits >> 1
}

// A record key of exactly this layer, beginning with a prefix.
export function mine(random, wanted, prefix = '') {
  for (let i = 0; i < 50_000_000; i++) {
    const rkey = prefix + random.word(3) + i.toString(36)
    if (layer(`${ITEM}/${rkey}`) === wanted) return rkey
  }
  throw new Error(`no key of layer ${wanted}`)
}

// ---------------------------------------------------------------- accounts

export class Account {
  records = new Map()
  writes = 0

  static async create(pds, name) {
    const account = new Account()
    account.pds = pds
    account.handle = `${name}.test`
    account.email = `${name}@example.com`
    account.password = PASSWORD
    account.agent = new AtpAgent({ service: pds.url })
    const { data } = await account.agent.createAccount({
      handle: account.handle,
      email: account.email,
      password: PASSWORD,
    })
    account.did = data.did
    assertEqual(data.handle, account.handle, 'handle in the answer of createAccount')
    return account
  }

  get repo() {
    return this.agent.com.atproto.repo
  }

  async create(collection, record, rkey) {
    const { data } = await this.repo.createRecord({ repo: this.did, collection, rkey, record })
    const path = data.uri.split('/').slice(3).join('/')
    this.acknowledged({ [path]: data.cid })
    return { path, cid: data.cid, uri: data.uri }
  }

  async put(path, record) {
    const [collection, rkey] = path.split('/')
    const { data } = await this.repo.putRecord({ repo: this.did, collection, rkey, record })
    this.acknowledged({ [path]: data.cid })
  }

  async delete(path) {
    const [collection, rkey] = path.split('/')
    await this.repo.deleteRecord({ repo: this.did, collection, rkey })
    this.acknowledged({ [path]: null })
  }

  // Writes are [action, path, record]; they become durable together.
  async apply(writes) {
    const { data } = await this.repo.applyWrites({
      repo: this.did,
      writes: writes.map(([action, path, value]) => {
        const [collection, rkey] = path.split('/')
        return { $type: `com.atproto.repo.applyWrites#${action}`, collection, rkey, ...(value && { value }) }
      }),
    })
    assertEqual(data.results?.length, writes.length, 'number of results of applyWrites')
    const changes = {}
    writes.forEach(([action, path], i) => (changes[path] = action === 'delete' ? null : data.results[i].cid))
    this.acknowledged(changes)
  }

  acknowledged(changes) {
    this.writes++
    for (const [path, cid] of Object.entries(changes)) {
      if (cid === null) this.records.delete(path)
      else this.records.set(path, cid)
    }
  }
}

export async function createAccounts(pds, count) {
  const accounts = []
  await pool(Array.from({ length: count }, (_, i) => i), 6, async (i) => {
    accounts[i] = await Account.create(pds, `user${i}`)
  })
  return accounts
}

export async function pool(items, width, work) {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (queue.length) await work(queue.shift())
    }),
  )
}

let counter = 0
export function item(random, size = 0) {
  const record = { $type: ITEM, n: ++counter, text: random.word(1 + random.below(40)) }
  if (random() < 0.1) record.nested = { list: [1, -5, true, null, 'ü 🐦 \u0000 end'], empty: {}, bytes: { $bytes: 'AAEC/w' } }
  if (size) record.padding = random.word(size)
  return record
}

export const post = (text) => ({ $type: POST, text, createdAt: new Date().toISOString(), langs: ['en'] })

// ---------------------------------------------------------------- shapes of writes

// One write of any kind, chosen by chance.
export async function anyWrite(account, random) {
  const paths = [...account.records.keys()]
  const dice = random()
  if (dice < 0.35 || paths.length < 3) {
    if (random() < 0.5) await account.create(POST, post(`hello ${random.word(12)} ${++counter}`))
    else await account.create(ITEM, item(random, random() < 0.03 ? 60_000 : 0), random.word(2 + random.below(20)) + ++counter)
  } else if (dice < 0.45) {
    await account.put('app.bsky.actor.profile/self', { $type: 'app.bsky.actor.profile', displayName: random.word(10) })
  } else if (dice < 0.6) {
    await updateOne(account, random, paths)
  } else if (dice < 0.8) {
    await account.delete(random.pick(paths))
  } else {
    await account.apply(anyBatch(account, random, 2 + random.below(12)))
  }
}

async function updateOne(account, random, paths) {
  const path = random.pick(paths)
  await account.put(path, recordFor(path, random))
}

function recordFor(path, random) {
  if (path.startsWith(ITEM)) return item(random)
  if (path.startsWith(POST)) return post(`changed ${++counter}`)
  return { $type: 'app.bsky.actor.profile', displayName: random.word(10) }
}

export function anyBatch(account, random, size) {
  const touched = new Set()
  const paths = [...account.records.keys()]
  const writes = []
  for (let i = 0; i < size; i++) {
    const old = random.pick(paths)
    const dice = random()
    if (dice < 0.5 || !old || touched.has(old)) {
      writes.push(['create', `${ITEM}/${random.word(6)}${++counter}`, item(random)])
    } else {
      touched.add(old)
      writes.push(dice < 0.75 ? ['update', old, recordFor(old, random)] : ['delete', old])
    }
  }
  return writes
}

export async function mixed(accounts, random, each) {
  await pool(accounts, 10, async (account) => {
    for (let i = 0; i < each; i++) await anyWrite(account, random)
  })
}

// Several requests at once for one repository.
export async function contended(account, random) {
  await pool(Array.from({ length: 60 }, (_, i) => i), 12, async () => {
    await account.create(ITEM, item(random), random.word(8) + ++counter)
  })
  const paths = [...account.records.keys()]
  await pool(paths.slice(0, 40), 12, (path) => account.delete(path))
}

// Keys of high layers come and go: the tree splits and merges over many levels,
// with nodes between that hold no key of their own.
export async function deep(account, random) {
  const at = (rkey) => `${ITEM}/${rkey}`
  const low = Array.from({ length: 24 }, (_, i) => mine(random, i % 3 === 0 ? 1 : 0, String.fromCharCode(97 + i)))
  for (const rkey of low) await account.create(ITEM, item(random), rkey)

  // A high key in the middle of low ones, at the left edge, at the right edge, and away again.
  for (const [wanted, prefix] of [[5, 'm'], [4, '0'], [6, 'zz'], [3, 'f'], [7, 'k']]) {
    const rkey = mine(random, wanted, prefix)
    await account.create(ITEM, item(random), rkey)
    await account.put(at(rkey), item(random))
    await account.delete(at(rkey))
  }
  // Several high keys stand at once; they leave from the top, from below and in a batch.
  const high = [2, 3, 4, 5, 6, 4, 5, 3].map((wanted, i) => mine(random, wanted, 'bdhjnqtw'[i]))
  for (const rkey of high) await account.create(ITEM, item(random), rkey)
  await account.delete(at(high[4]))
  await account.delete(at(high[0]))
  const more = [5, 6, 4].map((wanted, i) => mine(random, wanted, 'cis'[i]))
  await account.apply([
    ...more.map((rkey) => ['create', at(rkey), item(random)]),
    ['delete', at(high[3])],
    ['delete', at(high[6])],
    ['delete', at(low[10])],
    ['delete', at(low[11])],
    ['update', at(low[2]), item(random)],
    ['update', at(high[2]), item(random)],
  ])
  // Two high neighbours with nothing between, then one of them leaves.
  const pair = [mine(random, 5, 'gg'), mine(random, 5, 'gh')]
  await account.apply(pair.map((rkey) => ['create', at(rkey), item(random)]))
  await account.apply([['delete', at(pair[0])], ['create', at(mine(random, 2, 'gga')), item(random)]])
  await account.apply([
    ['delete', at(pair[1])],
    ['delete', at(more[1])],
  ])
}

// A key of a high layer alone in the tree, then a low one beside it, and nothing at last.
export async function toEmpty(account, random) {
  const at = (rkey) => `${ITEM}/${rkey}`
  for (const wanted of [0, 1, 4, 6]) {
    const rkey = mine(random, wanted, 'solo')
    await account.create(ITEM, item(random), rkey)
    await account.delete(at(rkey))
  }
  const [high, low] = [mine(random, 6, 'h'), mine(random, 0, 'l')]
  await account.create(ITEM, item(random), high)
  await account.create(ITEM, item(random), low)
  await account.delete(at(high))
  await account.delete(at(low))
  const rkeys = Array.from({ length: 30 }, (_, i) => mine(random, i % 5, random.word(1)))
  for (const rkey of rkeys) await account.create(ITEM, item(random), rkey)
  for (const rkey of rkeys.sort(() => random() - 0.5)) await account.delete(at(rkey))
  assertEqual(account.records.size, 0, 'records after the last delete')
  // The same in two batches.
  await account.apply(rkeys.map((rkey) => ['create', at(rkey), item(random)]))
  await account.apply(rkeys.map((rkey) => ['delete', at(rkey)]))
}

// Batches of the largest legal size, and one that is too large.
export async function batches(account, random) {
  const fill = (n) => Array.from({ length: n }, () => `${ITEM}/${random.word(9)}${++counter}`)
  const first = fill(200)
  await account.apply(first.map((path) => ['create', path, item(random)]))
  await account.apply(first.map((path) => ['update', path, item(random)]))
  const second = fill(100)
  await account.apply([
    ...first.slice(0, 70).map((path) => ['delete', path]),
    ...first.slice(70, 100).map((path) => ['update', path, item(random)]),
    ...second.map((path) => ['create', path, item(random)]),
  ])
  const writes = account.writes
  await rejects(account.apply(fill(201).map((path) => ['create', path, item(random)])), null, 'a batch of 201')
  assertEqual(account.writes, writes, 'writes after a refused batch')
  await account.apply([...account.records.keys()].slice(0, 200).map((path) => ['delete', path]))
}

// Records with the same bytes share a CID. Deleting or changing one must leave the other whole.
export async function twins(account) {
  const record = { $type: ITEM, text: 'the same in every way' }
  const paths = ['twin1', 'twin2', 'twin3', 'twin4', 'twin5'].map((rkey) => `${ITEM}/${rkey}`)
  const intact = async (after) => {
    const reasons = sameRecords(await listAll(account.pds, account.did), account.records)
    assertEqual(reasons, [], `records ${after}`)
    const car = await account.pds.car(account.did)
    for (const [path, cid] of account.records) {
      const [collection, rkey] = path.split('/')
      const { data } = await account.repo.getRecord({ repo: account.did, collection, rkey })
      assertEqual(data.cid, cid, `CID of ${path} ${after}`)
      assert(Buffer.from(car).includes(Buffer.from(CID.fromString(cid).bytes)), `the export lacks ${path} ${after}`)
    }
  }
  await account.create(ITEM, record, 'twin1')
  await account.create(ITEM, record, 'twin2')
  await account.apply(paths.slice(2).map((path) => ['create', path, record]))
  assert(new Set(paths.map((path) => account.records.get(path))).size === 1, 'equal records with different CIDs')
  await intact('after five equal creates')
  await account.delete(paths[0])
  await intact('after the deletion of one of five')
  await account.apply([['update', paths[1], { ...record, text: 'changed' }], ['delete', paths[2]]])
  await intact('after a batch that changes one and deletes one')
  // Back to bytes that the repository holds elsewhere, and held here before.
  await account.put(paths[1], record)
  await account.create(ITEM, record, 'twin1')
  await account.apply([['delete', paths[3]], ['create', paths[2], record]])
  await account.put(paths[4], { ...record, text: 'other' })
  await intact('after more changes')

  // The bytes move from one key to another within a batch, with no third record that holds them.
  const mover = { $type: ITEM, text: 'on its way' }
  const other = { $type: ITEM, text: 'something else' }
  const stops = ['move1', 'move2', 'move3'].map((rkey) => `${ITEM}/${rkey}`)
  await account.create(ITEM, mover, 'move1')
  await account.apply([['delete', stops[0]], ['create', stops[1], mover]])
  await intact('after a move by delete and create')
  await account.apply([['update', stops[1], other], ['create', stops[2], mover]])
  await intact('after a move by update and create')
  await account.apply([['update', stops[1], mover], ['update', stops[2], other]])
  await intact('after an exchange')
  await account.apply([['create', stops[0], mover], ['delete', stops[1]], ['update', stops[2], mover]])
  await intact('at last')
}

// Pictures: bytes that records refer to.
export async function blobs(account, random) {
  for (let i = 0; i < 3; i++) {
    const bytes = Uint8Array.from([...PNG, ...crypto.randomBytes(200 + random.below(20_000))])
    const { data } = await account.repo.uploadBlob(bytes, { encoding: 'image/png' })
    assertEqual(data.blob.size, bytes.length, 'size of the blob')
    await account.create(POST, {
      ...post(`a picture ${i}`),
      embed: { $type: 'app.bsky.embed.images', images: [{ image: data.blob, alt: 'noise' }] },
    })
    const got = await account.agent.com.atproto.sync.getBlob({ did: account.did, cid: data.blob.ref.toString() })
    assert(Buffer.from(got.data).equals(Buffer.from(bytes)), 'the blob came back changed')
  }
}
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)

// ---------------------------------------------------------------- accounts change

export async function changeHandle(account, plc, handle) {
  await account.agent.com.atproto.identity.updateHandle({ handle })
  account.handle = handle
  const { did } = await account.pds.get('com.atproto.identity.resolveHandle', { handle })
  assertEqual(did, account.did, 'DID of the new handle')
  const document = await (await fetch(`${plc}/${account.did}`)).json()
  assertEqual(document.alsoKnownAs, [`at://${handle}`], 'names in the DID document')
}

export async function deactivate(account) {
  await account.agent.com.atproto.server.deactivateAccount({})
  await expectStatus(account, 'deactivated')
  await rejects(account.pds.car(account.did), 'RepoDeactivated', 'getRepo of a deactivated account')
  await rejects(account.create(ITEM, { $type: ITEM }), null, 'a write by a deactivated account')
}

export async function activate(account) {
  await account.agent.com.atproto.server.activateAccount()
  await expectStatus(account)
}

const subject = (account) => ({ $type: 'com.atproto.admin.defs#repoRef', did: account.did })

export async function takeDown(account) {
  await account.pds.admin('com.atproto.admin.updateSubjectStatus', {
    subject: subject(account),
    takedown: { applied: true, ref: 'interop' },
  })
  await expectStatus(account, 'takendown')
  await rejects(account.pds.car(account.did), 'RepoTakendown', 'getRepo of a taken-down account')
  await rejects(account.create(ITEM, { $type: ITEM }), null, 'a write by a taken-down account')
}

export async function restore(account) {
  await account.pds.admin('com.atproto.admin.updateSubjectStatus', {
    subject: subject(account),
    takedown: { applied: false },
  })
  await expectStatus(account)
  // A takedown may end sessions.
  await account.agent.login({ identifier: account.did, password: PASSWORD })
}

export async function remove(account) {
  await account.pds.admin('com.atproto.admin.deleteAccount', { did: account.did })
  account.status = 'deleted'
  account.records.clear()
  await rejects(account.pds.car(account.did), 'RepoNotFound', 'getRepo of a deleted account')
}

async function expectStatus(account, status) {
  account.status = status
  const answer = await account.pds.get('com.atproto.sync.getRepoStatus', { did: account.did })
  assertEqual([answer.active, answer.status], [!status, status], `getRepoStatus of ${account.did}`)
}

// ---------------------------------------------------------------- a crash in mid-write

// Writes from all accounts without end while the server is killed. What was
// acknowledged must be there afterwards, what was under way may be, whole.
export async function crash(accounts, random, killAfter) {
  const { pds } = accounts[0]
  let dead = false
  const underWay = new Map()
  let acknowledged = 0
  const writers = accounts.map(async (account) => {
    while (!dead) {
      const writes = anyBatch(account, random, 1 + random.below(5))
      underWay.set(account, writes)
      try {
        await account.apply(writes)
        acknowledged++
        underWay.delete(account)
      } catch (err) {
        if (!dead) throw err
      }
    }
  })
  const all = Promise.allSettled(writers)
  await sleep(killAfter)
  dead = true
  await pds.stop('SIGKILL')
  const broken = (await all).filter((r) => r.status === 'rejected')
  assert(broken.length === 0, `a write failed before the kill: ${broken[0]?.reason}`)
  note(`killed with ${underWay.size} batches under way, ${acknowledged} acknowledged`)
  await pds.start()

  const reasons = []
  let kept = 0
  for (const account of accounts) {
    const there = await listAll(pds, account.did)
    const writes = underWay.get(account)
    const before = sameRecords(there, account.records)
    if (before.length === 0) continue
    if (!writes) {
      reasons.push(`${account.handle}: ${before[0]}`)
      continue
    }
    const touched = new Map(account.records)
    for (const [action, path] of writes) {
      if (action === 'delete') touched.delete(path)
      else touched.set(path, there.get(path)?.cid ?? 'missing')
    }
    const changed = writes.filter(([action, path]) => action === 'update' && there.get(path)?.cid === account.records.get(path))
    const after = sameRecords(there, touched)
    if (after.length || changed.length) {
      reasons.push(`${account.handle}: neither before nor after the batch under way: ${after[0] ?? `${changed[0][1]} is as before`}`)
      continue
    }
    kept++
    account.records = touched
  }
  note(`${kept} of them had become durable`)
  return reasons
}

// ---------------------------------------------------------------- what is there

export async function listAll(pds, did) {
  const there = new Map()
  const { collections } = await pds.get('com.atproto.repo.describeRepo', { repo: did })
  for (const collection of collections) {
    let cursor
    do {
      const page = await pds.get('com.atproto.repo.listRecords', { repo: did, collection, limit: 100, ...(cursor && { cursor }) })
      for (const { uri, cid, value } of page.records) there.set(uri.split('/').slice(3).join('/'), { cid, value })
      cursor = page.cursor
    } while (cursor)
  }
  return there
}

export function sameRecords(there, expected) {
  const reasons = []
  for (const [path, cid] of expected) {
    const found = there.get(path)
    const actual = found?.cid ?? found
    if (!actual) reasons.push(`${path} is missing`)
    else if (actual !== cid) reasons.push(`${path} is ${actual}, expected ${cid}`)
  }
  for (const path of there.keys()) if (!expected.has(path)) reasons.push(`${path} should not be there`)
  return reasons
}
