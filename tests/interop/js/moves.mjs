// Accounts move between Cairn and the reference implementation, in both directions: by hand, each
// step twice and with Cairn killed in between; on Cairn's pages; and by goat.
//
//   INTEROP_RECORDS=128000 INTEROP_BLOBS=10000 tests/interop/run moves
//
// moves a large account as well, without kills, and prints what it cost.
import crypto from 'node:crypto'
import fs from 'node:fs'
import { AtpAgent } from '@atproto/api'
import { Consumer, assert, assertEqual, bin, check, note, settle, until, verdict } from './lib.mjs'
import { Gate } from './gate.mjs'
import * as goat from './goat.mjs'
import { Account, PASSWORD, POST, anyBatch, blobs, mixed, pool, post, randomness, takeDown } from './load.mjs'
import { MailServer } from './mail.mjs'
import { MoveIn } from './move-in.mjs'
import { Move, listBlobs } from './move.mjs'
import { Relay } from './network.mjs'
import { finish, setting } from './setting.mjs'
import { Pds, startPlc } from './target.mjs'
import * as verify from './verify.mjs'

const records = Number(process.env.INTEROP_RECORDS ?? 0)
const blobCount = Math.min(records, Number(process.env.INTEROP_BLOBS ?? 0))
const { work, logs } = setting('moves', records ? 60 : 10)
const random = randomness(Number(process.env.INTEROP_SEED ?? 20261123))
const mail = await MailServer.start()
const { url: plc } = await startPlc({ work, logs, kind: 'cairn' })
const directory = await Gate.before(plc)

const host = (name, kind) =>
  Pds.create(name, {
    work, logs, kind,
    plc: kind === 'cairn' ? directory.url : plc,
    env: {
      ...mail.env,
      // Tokens for one of them are no good at the other.
      PDS_SERVICE_DID: `did:web:${name}.test`,
      PDS_SERVICE_HANDLE_DOMAINS: `.${name}.test`,
      // The reference takes 5 MB otherwise.
      PDS_MAX_REPO_IMPORT_SIZE: '1000000000',
      // Cairn counts an account's writes whatever else is limited.
      CAIRN_WRITE_POINTS_PER_HOUR: '0',
      CAIRN_WRITE_POINTS_PER_DAY: '0',
    },
  })
const cairn = await host('cairn', 'cairn')
const reference = await host('reference', 'reference')
const relay = await Relay.start({ work, logs, plc, hosts: [cairn, reference] })
await relay.requestCrawl(cairn)
await relay.requestCrawl(reference)
const watcher = new Consumer('indigo', bin('watch'), ['follow', '--service', cairn.url, '--plc', plc], { logs })

// What only Cairn must survive. `meanwhile` is done while it is gone.
async function kill(meanwhile = () => {}) {
  await cairn.stop('SIGKILL')
  await meanwhile()
  await cairn.start()
  // Sequence numbers are microseconds: events from before the kill may come to the relay twice.
  const outage = cairn.outages.at(-1)
  outage.lastSeq = outage.from * 1000
}

// ---------------------------------------------------------------- accounts

const preferences = [
  { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true },
  { $type: 'app.bsky.actor.defs#savedFeedsPrefV2', items: [{ id: 'home', type: 'timeline', value: 'following', pinned: true }] },
  { $type: 'app.bsky.actor.defs#mutedWordsPref', items: [{ id: 'one', value: 'spoiler', targets: ['content'], actorTarget: 'all' }] },
]

async function resident(pds, name) {
  const account = await Account.create(pds, `${name}.${pds.name}`)
  await mixed([account], random, 30)
  await blobs(account, random)
  const { data } = await account.repo.uploadBlob(new TextEncoder().encode(`of ${name}`), { encoding: 'text/plain' })
  await account.create('com.example.interop.file', { $type: 'com.example.interop.file', file: data.blob })
  await account.create('app.bsky.graph.follow', { $type: 'app.bsky.graph.follow', subject: account.did, createdAt: new Date().toISOString() })
  await account.agent.app.bsky.actor.putPreferences({ preferences })
  return account
}

async function largeResident(pds) {
  const account = await Account.create(pds, `large.${pds.name}`)
  const from = Date.now()
  // The reference answers 500 where several writes of one account meet.
  const width = pds.kind === 'reference' ? 1 : 8
  const batches = (count, size) => Array.from({ length: Math.ceil(count / size) }, (_, i) => Math.min(size, count - i * size))
  // A record is about as large as a post.
  const padded = ([action, path, record]) => [action, path, { ...record, padding: random.word(150) }]
  await pool(batches(records - blobCount, 200), width, (size) => account.apply(anyBatch({ records: new Map() }, random, size).map(padded)))
  await pool(batches(blobCount, 50), width, async (size) => {
    const writes = []
    for (let i = 0; i < size; i++) {
      const { data } = await account.repo.uploadBlob(crypto.randomBytes(2000 + random.below(6000)), { encoding: 'application/octet-stream' })
      const path = `com.example.interop.file/${random.word(16)}`
      writes.push(['create', path, { $type: 'com.example.interop.file', file: data.blob }])
    }
    await account.apply(writes)
  })
  await account.agent.app.bsky.actor.putPreferences({ preferences })
  const car = await pds.car(account.did)
  note(`${pds.name}: ${account.records.size} records, ${blobCount} blobs and a CAR of ${mega(car.length)} made in ${since(from)}`)
  return account
}

const mega = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
const since = (from) => `${((Date.now() - from) / 1000).toFixed(1)} s`

// The most memory that a server has had, and has now, in MiB.
function memory(pds) {
  const status = fs.readFileSync(`/proc/${pds.child.pid}/status`, 'utf8')
  const [peak, now] = ['VmHWM', 'VmRSS'].map((key) => Math.round(Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)[1]) / 1024))
  return `${peak} MiB at most, ${now} MiB now`
}

// ---------------------------------------------------------------- by hand

const steps = ['create', 'repository', 'transferBlobs', 'transferPreferences', 'complete', 'sign', 'submit', 'activate', 'leave']

// Each step, then Cairn is killed, then the step once more.
async function move(options, { killing = true, measured = false } = {}) {
  const way = new Move({ ...options, mail })
  await way.takeStock()
  for (const step of steps) {
    const from = Date.now()
    if (killing && step === 'repository' && way.to.kind === 'cairn') await way.brokenImport(kill)
    if (killing && step === 'transferBlobs') await way.transferBlobs(2)
    await way[step]()
    if (measured) note(`${way.from.name} to ${way.to.name}: ${step} took ${since(from)}; Cairn has had ${memory(cairn)}`)
    if (!killing) continue
    await kill()
    // The reference hands an operation that the directory has to the directory, which refuses it.
    if (step === 'submit' && way.to.kind === 'reference') continue
    await way[step]()
  }
  await way.verify()
  await settled(way)
  await livesOn(way)
  return way
}

// The relay has heard all of it.
async function settled({ did, to }) {
  const reasons = await settle(async () => {
    const status = await relay.status(did)
    return status.active ? [] : [`the relay says ${JSON.stringify(status)}`]
  }, 20_000)
  assertEqual(reasons, [], `the account on ${to.name}`)
}

async function livesOn({ account, to }) {
  await account.create(POST, post('written at the new home'))
  await account.delete(account.records.keys().next().value)
  const { rev } = await to.get('com.atproto.sync.getLatestCommit', { did: account.did })
  await until(async () => (await relay.get('com.atproto.sync.getLatestCommit', { did: account.did })).rev === rev, 20_000, `the relay is not at ${rev}`)
}

// Whoever follows Cairn holds what Cairn holds.
async function followed(accounts) {
  const all = await verify.truth(cairn, accounts)
  const reasons = await settle(async () => verify.compareWithReport(all, await watcher.report(), { handles: true }), 20_000)
  return [...reasons, ...(await verify.exports(cairn, plc, all)), ...(await relay.compare(all))]
}

const [carl, rita] = [await resident(cairn, 'carl'), await resident(reference, 'rita')]
note('two accounts are at home')

await check('migration: from the reference to Cairn, each step twice, with kills', async () => {
  const way = await move({ account: rita, from: reference, to: cairn, handle: 'rita.cairn.test' })
  await way.removeOld()
  return followed([rita])
}, 120)

let departed
await check('migration: from Cairn to the reference, each step twice, with kills', async () => {
  departed = await move({ account: carl, from: cairn, to: reference, handle: 'carl.reference.test' })
}, 120)

await check('migration: back home to the account that was deactivated', async () => {
  assert(departed, 'it never left')
  const way = await move({ account: carl, from: reference, to: cairn, handle: 'carl.cairn.test', returns: true })
  await way.removeOld()
  return followed([carl, rita])
}, 120)

// Whom a server does not want any more may still leave, with everything that is public.
await check('migration: a taken-down account leaves Cairn for the reference', async () => {
  const account = await resident(cairn, 'hugo')
  const way = new Move({ account, from: cairn, to: reference, handle: 'hugo.reference.test', mail })
  await way.takeStock()
  await takeDown(account)
  way.old = new AtpAgent({ service: cairn.url })
  await way.old.login({ identifier: account.did, password: PASSWORD, allowTakendown: true })
  for (const step of ['create', 'repository', 'transferBlobs', 'complete', 'sign', 'submit', 'activate']) await way[step]()
  await way.old.com.atproto.server.deactivateAccount({})
  const { status } = await cairn.get('com.atproto.sync.getRepoStatus', { did: account.did })
  assertEqual(status, 'takendown', 'the account on the old server')
  await way.verify()
  await livesOn(way)
}, 60)

// ---------------------------------------------------------------- on the pages

async function wayIn(account, options) {
  const way = new MoveIn({ account, from: reference, to: cairn, mail, plc, watcher, handle: account.handle.replace('reference', 'cairn'), ...options })
  await way.takeStock()
  return way
}

// `first` is what is announced before the activation: that the identity has moved.
async function atHome(way, first = ['#identity']) {
  await way.arrived()
  await way.verify()
  await settled(way)
  await livesOn(way)
  await way.announced([...first, '#account active', '#identity', '#sync', '#commit', '#commit'])
  await way.removeOld()
  return followed([way.account])
}

await check('pages: an account of the reference moves in, and what is typed wrongly is said', async () => {
  const account = await resident(reference, 'paula')
  // No app password may see this one.
  const born = { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '1990-02-03T00:00:00.000Z' }
  await account.agent.app.bsky.actor.putPreferences({ preferences: [...preferences, born] })
  const way = await wayIn(account)
  const { data: app } = await account.agent.com.atproto.server.createAppPassword({ name: 'app', privileged: true })
  await way.refused({ old_password: app.password }, 'This is an app password.')
  await way.refused({ old_password: 'not this one' }, 'The old server does not accept this password.')
  await way.refused({ handle: 'rita.cairn.test' }, 'Somebody has this handle already')
  const found = way.lose()
  await way.begin()
  await way.settled()
  way.says('The old server does not have one of your files, or did not give it.')
  found()
  await way.act('again')
  await way.fetched()
  const code = await way.code()
  await way.confirm('AAAAA-AAAAA')
  way.says('The old server refused: Token is invalid')
  await way.fetched()
  await way.confirm(code)
  return atHome(way)
}, 60)

await check('pages: Cairn is killed in the middle of a file, and while the directory answers', async () => {
  const way = await wayIn(await resident(reference, 'peter'))
  const goOn = way.stall()
  await way.begin()
  await way.halfway()
  await kill(goOn)
  await way.fetched()
  const code = await way.code()
  const taken = directory.shut('POST')
  const cut = way.confirm(code).then(() => 'an answer', () => 'cut')
  await Promise.race([taken, cut])
  await kill(() => directory.open())
  assertEqual(await cut, 'cut', 'the confirmation that was under way')
  assertEqual((await way.document()).endpoint, cairn.url, 'the server in the DID document after the kill')
  // All that the person sees is the form once more. The code is spent at the reference, and need not be good.
  await way.browser.go(way.page)
  await way.confirm(code)
  // Nobody was left to announce the operation; the activation names the identity all the same.
  return atHome(way, [])
}, 60)

await check('pages: whom the reference has taken down is told so', async () => {
  const account = await resident(reference, 'paul')
  const way = await wayIn(account)
  await takeDown(account)
  await way.refused({}, 'The old server has taken this account down.')
})

await check('pages: an account that has left Cairn comes back', async () => {
  const account = await resident(cairn, 'pia')
  await move({ account, from: cairn, to: reference, handle: 'pia.reference.test' }, { killing: false })
  const way = await wayIn(account, { returns: true })
  await way.beginAgain()
  await way.fetched()
  await way.confirm(await way.code())
  return atHome(way)
}, 60)

// ---------------------------------------------------------------- by goat

for (const [from, to] of [[reference, cairn], [cairn, reference]]) {
  await check(`goat: account migrate from the ${from.name} to the ${to.name}`, async () => {
    const account = await resident(from, `goat-of-${from.name}`)
    const way = new Move({ account, from, to, handle: `goat-of-${from.name}.${to.name}.test`, mail })
    await way.takeStock()
    await goat.migrate(way, { plc, work })
    await way.verify()
    await livesOn(way)
    if (to === cairn) return followed([account])
    await way.removeOld()
    const { status } = (await watcher.report()).repos[account.did]
    return status === 'deleted' ? [] : [`whoever follows the old server holds the account for ${status}`]
  }, 60)
}

// ---------------------------------------------------------------- a large account

if (records) {
  const account = await largeResident(cairn)
  for (const [from, to] of [[cairn, reference], [reference, cairn]]) {
    await kill()
    note(`Cairn after a restart: ${memory(cairn)}`)
    await check(`migration: ${records} records from the ${from.name} to the ${to.name}`, async () => {
      const way = await move({ account, from, to, handle: `large.${to.name}.test` }, { killing: false, measured: true })
      await way.removeOld()
    }, 1800)
  }
  const { records: there, agent } = account
  note(`at the end: ${there.size} records and ${(await listBlobs(agent, account.did)).length} blobs`)
}

// ---------------------------------------------------------------- no complaint from anyone

verdict('indigo packages: no fault', watcher.faults)
// The old server goes on to speak of an account that has left it, as it must: of its own deactivation
// and deletion. What the reference is blamed for (its #sync after a move) is not the matter here.
verdict('relay: logs no warning about Cairn', relay.warnings([cairn]).filter((line) => {
  const { host, eventType, err } = JSON.parse(line.slice(line.indexOf('{')))
  const expected = eventType === 'account' && err?.startsWith('new account from a different host')
  return host !== `localhost:${reference.port}` && !expected
}))
finish()
