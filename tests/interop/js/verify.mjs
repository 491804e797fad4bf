// Compares what a server says about its repositories with what was written, and
// what each consumer holds with what the server says.
import { fromUint8Array as atcuteRepo, verifyRecord as atcuteVerifyRecord } from '@atcute/repo'
import { fromUint8Array as readCar } from '@atcute/car'
import * as CID from '@atcute/cid'
import { decode } from '@atcute/cbor'
import { P256PublicKey, Secp256k1PublicKey, parseDidKey } from '@atcute/crypto'
import { MemoryBlockStore, NodeStore, verifyExclusion } from '@atcute/mst'
import { IdResolver } from '@atproto/identity'
import { parseCid } from '@atproto/lex-data'
import { MemoryBlockstore, Repo, readCarWithRoot, verifyDiffCar, verifyProofs, verifyRepoCar } from '@atproto/repo'
import { bin, run } from './lib.mjs'
import { ITEM, listAll, pool, sameRecords } from './load.mjs'

export const signingKey = (plc, did) => new IdResolver({ plcUrl: plc, fetch: globalThis.fetch }).did.resolveAtprotoKey(did)

// What the server says now, for each account: the truth that consumers must reach.
export async function truth(pds, accounts) {
  const all = new Map()
  await pool(accounts, 6, async (account) => {
    const entry = { account, active: !account.status, status: account.status ?? '' }
    if (entry.active) {
      const { rev, cid } = await pds.get('com.atproto.sync.getLatestCommit', { did: account.did })
      Object.assign(entry, { rev, commit: cid, there: await listAll(pds, account.did) })
      entry.records = new Map([...entry.there].map(([path, { cid }]) => [path, cid]))
    }
    all.set(account.did, entry)
  })
  return all
}

// Acknowledged writes are what the server lists.
export function compareWithWritten(all) {
  const reasons = []
  for (const { account, active, there } of all.values()) {
    if (!active) continue
    for (const reason of sameRecords(there, account.records)) reasons.push(`${account.handle}: ${reason}`)
  }
  return reasons
}

// A consumer's report against the truth. `rev` off: for a consumer that sees operations only.
export function compareWithReport(all, report, { revs = true, handles = false } = {}) {
  const reasons = []
  for (const [did, { account, active, status, rev, commit, records }] of all) {
    const mine = report.repos[did]
    const say = (what) => reasons.push(`${account.handle} ${did}: ${what}`)
    if (!mine) {
      say('never seen')
      continue
    }
    if (mine.active !== active || mine.status !== status) say(`status ${mine.active} ${mine.status}, expected ${active} ${status}`)
    if (handles && status !== 'deleted' && mine.handle !== account.handle) say(`handle ${mine.handle}`)
    if (!active) continue
    if (revs && mine.rev !== rev) say(`rev ${mine.rev}, expected ${rev}`)
    if (revs && mine.commit !== commit) say(`commit ${mine.commit}, expected ${commit}`)
    for (const reason of sameRecords(new Map(Object.entries(mine.records)), records)) say(reason)
  }
  return reasons
}

// Full exports, verified by three libraries, against the list of records.
export async function exports(pds, plc, all) {
  const reasons = []
  const live = [...all].filter(([, entry]) => entry.active)
  await pool(live, 2, async ([did, { account, rev, commit, records, there }]) => {
    const say = (what) => reasons.push(`${account.handle}: ${what}`)
    try {
      const [car, order] = await pds.export(did)
      const key = await signingKey(plc, did)
      const verified = await verifyRepoCar(car, did, key)
      if (verified.commit.rev !== rev || verified.commit.cid.toString() !== commit) say(`@atproto/repo found commit ${verified.commit.rev}`)
      const creates = new Map(verified.creates.map(({ collection, rkey, cid }) => [`${collection}/${rkey}`, cid.toString()]))
      for (const reason of sameRecords(creates, records)) say(`@atproto/repo: ${reason}`)

      const entries = new Map()
      for (const { collection, rkey, cid, record } of atcuteRepo(car)) {
        const path = `${collection}/${rkey}`
        entries.set(path, cid.$link)
        const listed = there.get(path)?.value
        if (canonical(record) !== canonical(listed)) say(`${path}: the export and listRecords differ in content`)
      }
      for (const reason of sameRecords(entries, records)) say(`@atcute/repo: ${reason}`)
      for (const reason of blockOrder(car, order)) say(reason)
    } catch (err) {
      say(`export: ${err.message}`)
    }
  })

  const { stdout } = await run(bin('watch'), ['repos', '--service', pds.url, '--plc', plc, ...live.map(([did]) => did)])
  const lines = stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line))
  if (lines.length !== live.length) reasons.push(`indigo verified ${lines.length} of ${live.length} exports`)
  for (const line of lines) {
    const { account, rev, commit, records } = all.get(line.did)
    if (line.error) reasons.push(`${account.handle}: indigo: ${line.error}`)
    else if (line.rev !== rev || line.commit !== commit) reasons.push(`${account.handle}: indigo found commit ${line.rev}`)
    else for (const reason of sameRecords(new Map(Object.entries(line.records)), records)) reasons.push(`${account.handle}: indigo: ${reason}`)
  }
  return reasons
}

const canonical = (value) =>
  JSON.stringify(value, (_, v) =>
    v && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, k === '$bytes' ? x.replace(/=+$/, '') : x]).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  )

// A server that says it sends the streamable order must: the commit, then the tree
// in pre-order, with each record where its entry stands. A block that occurs twice
// may be sent once or twice.
function blockOrder(car, order) {
  if (order !== 'mst-preorder') return []
  const { header } = readCar(car)
  const blocks = new Map()
  const actual = []
  for (const { cid, bytes } of readCar(car)) {
    actual.push(CID.toString(cid))
    blocks.set(actual.at(-1), bytes)
  }
  const head = header.data.roots[0].$link
  const expected = [head]
  const walk = (node) => {
    expected.push(node)
    const { l, e } = decode(blocks.get(node))
    if (l) walk(l.$link)
    for (const { v, t } of e) {
      expected.push(v.$link)
      if (t) walk(t.$link)
    }
  }
  walk(decode(blocks.get(head)).data.$link)
  const once = [...new Set(expected)]
  const same = (list) => list.length === actual.length && list.every((cid, i) => cid === actual[i])
  return same(expected) || same(once) ? [] : ['the export is not in the order that its header names']
}

// The list of all repositories, in small pages, says the same as each of them.
export async function repoList(pds, all) {
  const reasons = []
  const listed = new Map()
  let cursor
  do {
    const page = await pds.get('com.atproto.sync.listRepos', { limit: 7, ...(cursor && { cursor }) })
    for (const repo of page.repos) {
      if (listed.has(repo.did)) reasons.push(`${repo.did} is listed twice`)
      listed.set(repo.did, repo)
    }
    cursor = page.cursor
  } while (cursor)
  for (const [did, { account, active, status, rev, commit }] of all) {
    const repo = listed.get(did)
    const say = (what) => reasons.push(`${account.handle}: ${what}`)
    if (status === 'deleted') {
      if (repo) say('deleted, and listed')
    } else if (!repo) {
      say('is not listed')
    } else {
      if (repo.active !== active || (repo.status ?? '') !== status) say(`listed as ${repo.active} ${repo.status}`)
      if (active && (repo.head !== commit || repo.rev !== rev)) say(`listed at ${repo.rev}, it is at ${rev}`)
    }
  }
  return reasons
}

// What has changed since a revision brings an older copy up to date.
export async function since(pds, plc, all, copies) {
  const reasons = []
  for (const { account, rev, car } of copies) {
    const now = all.get(account.did)
    const key = await signingKey(plc, account.did)
    const { root, blocks } = await readCarWithRoot(car)
    const old = await Repo.load(new MemoryBlockstore(blocks), root)
    const changes = await pds.car(account.did, 'com.atproto.sync.getRepo', { since: rev })
    try {
      const { writes, commit } = await verifyDiffCar(old, changes, account.did, key)
      const records = new Map()
      for await (const { collection, rkey, cid } of old.walkRecords()) records.set(`${collection}/${rkey}`, cid.toString())
      const sent = new Set([...readCar(changes)].map(({ cid }) => CID.toString(cid)))
      const again = [...records].filter(([path, cid]) => now.records.get(path) === cid && sent.has(cid))
      if (again.length) reasons.push(`${account.handle}: ${again.length} records that have not changed, as ${again[0][0]}`)
      for (const { action, collection, rkey, cid } of writes) {
        if (action === 'delete') records.delete(`${collection}/${rkey}`)
        else records.set(`${collection}/${rkey}`, cid.toString())
      }
      if (commit.rev !== now.rev) reasons.push(`${account.handle}: brought to ${commit.rev}, it is at ${now.rev}`)
      for (const reason of sameRecords(records, now.records)) reasons.push(`${account.handle}: ${reason}`)
    } catch (err) {
      reasons.push(`${account.handle}: ${err.message}`)
    }
  }
  return reasons
}

// Proofs of single records, present and absent, verified by two libraries.
export async function proofs(pds, plc, all) {
  const reasons = []
  const live = [...all].filter(([, entry]) => entry.active)
  await pool(live, 2, async ([did, { account, records }]) => {
    const key = await signingKey(plc, did)
    const present = [...records].filter((_, i) => i % Math.ceil(records.size / 12) === 0)
    const absent = ['aaaa', 'mmmm', 'zzzzzz', `gone-${account.writes}`].map((rkey) => [`${ITEM}/${rkey}`, null])
    for (const [path, cid] of [...present, ...absent, ['app.bsky.graph.follow/3jzfcijpj2z2a', null]]) {
      const [collection, rkey] = path.split('/')
      try {
        const car = await pds.car(did, 'com.atproto.sync.getRecord', { collection, rkey })
        const claim = { collection, rkey, cid: cid && parseCid(cid) }
        const { unverified } = await verifyProofs(car, [claim], did, key)
        if (unverified.length) reasons.push(`${account.handle}: @atproto/repo does not verify ${path} as ${cid ?? 'absent'}`)
        if (cid) {
          const found = await atcuteVerifyRecord({ did, collection, rkey, carBytes: car, publicKey: await publicKey(key) })
          if (found.cid !== cid) reasons.push(`${account.handle}: @atcute/repo found ${found.cid} at ${path}`)
        } else {
          await proveAbsence(car, path)
        }
      } catch (err) {
        reasons.push(`${account.handle}: proof of ${path} (${cid ?? 'absent'}): ${err.message}`)
      }
    }
  })
  return reasons
}

async function publicKey(didKey) {
  const { type, publicKeyBytes } = parseDidKey(didKey)
  return (type === 'p256' ? P256PublicKey : Secp256k1PublicKey).importRaw(publicKeyBytes)
}

async function proveAbsence(bytes, path) {
  const car = readCar(bytes)
  const blocks = new Map()
  for (const { cid, bytes } of car) blocks.set(CID.toString(cid), bytes)
  const commit = decode(blocks.get(car.header.data.roots[0].$link))
  await verifyExclusion(new NodeStore(new MemoryBlockStore(blocks)), commit.data.$link, path)
}
