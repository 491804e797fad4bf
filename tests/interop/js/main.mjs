// The suite: one server under load, everything that follows it, then the verdicts.
import path from 'node:path'
import * as admin from './admin.mjs'
import * as clients from './clients.mjs'
import { Confidential } from './confidential.mjs'
import * as goat from './goat.mjs'
import { Consumer, assert, bin, check, home, note, settle, sleep, verdict } from './lib.mjs'
import * as load from './load.mjs'
import { migrate } from './migrate.mjs'
import { Relay, Tap, goatFirehose } from './network.mjs'
import * as oauth from './oauth.mjs'
import { finish, setting } from './setting.mjs'
import { Pds, TARGET, startPlc } from './target.mjs'
import * as verify from './verify.mjs'

const ACCOUNTS = 30
const seed = Number(process.env.INTEROP_SEED ?? 20261123)
const random = load.randomness(seed)
const { work, logs } = setting('main')
note(`target ${process.env.INTEROP_TARGET}, seed ${seed}, logs in tests/interop/.cache/logs/main`)

// ---------------------------------------------------------------- start

const { url: plc } = await startPlc({ work, logs })
const a = await Pds.create('pds-a', { work, logs, plc })
const b = await Pds.create('pds-b', { work, logs, plc })
const relay = await Relay.start({ work, logs, plc, hosts: [a, b] })
await relay.requestCrawl(a)
await relay.requestCrawl(b)
const tap = await Tap.start({ work, logs, plc, relay })

const watch = (name, pds) => new Consumer(name, bin('watch'), ['follow', '--service', pds.url, '--plc', plc], { logs })
const script = (name, file, pds) =>
  new Consumer(name, process.execPath, [path.join(home, 'js/consumers', file), pds.url, plc], { logs })
const consumers = {
  indigo: watch('indigo', a),
  sync: script('atproto-sync', 'atproto-sync.mjs', a),
  atcute: script('atcute', 'atcute.mjs', a),
  python: new Consumer('python', path.join(home, '.cache/python/bin/python'), [path.join(home, 'py/follow.py'), a.url, plc], { logs }),
}
const indigoB = watch('indigo-b', b)
note('everything has started')
// At a server of its own, and before all else: what comes of a new key is seen a minute later. The reference's pages need scripts.
let confidential
if (TARGET === 'cairn') {
  confidential = await Confidential.start(await Pds.create('pds-confidential', { work, logs, plc }))
  await check('client: openid-client as a confidential client', () => confidential.wholeWay())
}

// ---------------------------------------------------------------- load

const accounts = await load.createAccounts(a, ACCOUNTS)
note(`${accounts.length} accounts`)
// Tap takes a new account over by fetching it: let it finish, so that from here on it lives on events alone.
let all = await verify.truth(a, accounts)
await check('tap takes over new accounts', () => settle(() => tap.compare(all, load.sameRecords), 60_000), 70)

const [deep, empty, batch, twin, blob, contended, mover, ...others] = accounts
const step = async (name, body, limit = 120) => {
  const done = await check(`load: ${name}`, body, limit)
  note(`after ${name}`)
  return done
}

await step('writes of every shape', async () => {
  const parts = await Promise.allSettled([
    load.deep(deep, random),
    load.toEmpty(empty, random),
    load.batches(batch, random),
    load.blobs(blob, random),
    load.contended(contended, random),
    load.mixed([mover, ...others], random, 25),
  ])
  return parts.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.stack.split('\n').slice(0, 3).join(' | '))
})
await step('records with equal bytes', () => load.twins(twin))

const [renamed, renamedTwice, sleeper, sleeps, hidden, hides, gone, ...busy] = others
await step('handle changes', async () => {
  await load.changeHandle(renamed, plc, 'renamed.test')
  await load.changeHandle(renamedTwice, plc, 'renamed-once.test')
  await load.changeHandle(renamedTwice, plc, 'renamed-twice.test')
  await load.mixed([renamed, renamedTwice], random, 5)
})
await step('deactivation, takedown and deletion', async () => {
  await load.deactivate(sleeper)
  await load.takeDown(hidden)
  await load.mixed(busy, random, 3)
  await load.activate(sleeper)
  await load.restore(hidden)
  await load.mixed([sleeper, hidden], random, 5)
  await load.deactivate(sleeps)
  await load.takeDown(hides)
  await load.remove(gone)
})

// All consumers must take up the stream where it broke. Nothing is written meanwhile, so the
// last event that one of them knows now is the last from before the outage.
async function afterOutage() {
  const now = await verify.truth(a, accounts)
  const reasons = await settle(async () => verify.compareWithReport(now, await consumers.indigo.report()), 20_000)
  a.outages.at(-1).lastSeq = (await consumers.indigo.report()).lastSeq
  return reasons
}

const alive = accounts.filter((account) => !account.status)
// Copies of two repositories as they are now, to be brought up to date later.
const copies = await Promise.all(busy.slice(0, 2).map(async (account) => ({
  account,
  car: await a.car(account.did),
  rev: (await a.get('com.atproto.sync.getLatestCommit', { did: account.did })).rev,
})))
await step('a restart', async () => {
  const ended = await a.stop('SIGTERM')
  assert(ended === 0, `the server ended with ${ended} on SIGTERM`)
  await a.start()
  const reasons = await afterOutage()
  await load.mixed(alive, random, 3)
  return reasons
})
for (const [name, milliseconds] of [['a kill -9 in mid-write', 1200], ['a second kill -9', 400]]) {
  await step(name, async () => [...(await load.crash(alive, random, milliseconds)), ...(await afterOutage())])
}
await step('writes after the crashes', async () => {
  await load.mixed(alive, random, 2)
  await load.deep(others.find((account) => !account.status), random)
})

// ---------------------------------------------------------------- verdicts

all = await verify.truth(a, accounts)
const writes = accounts.reduce((sum, { writes }) => sum + writes, 0)
note(`${writes} acknowledged writes, ${[...all.values()].reduce((n, e) => n + (e.records?.size ?? 0), 0)} records now`)
verdict('acknowledged writes are what the server lists', verify.compareWithWritten(all))

const level = (name, consumer, options) =>
  check(`${name}: ends level with every repository`, () =>
    settle(async () => verify.compareWithReport(all, await consumer.report(), options), 60_000), 70)
await level('indigo packages', consumers.indigo, { handles: true })
await level('@atproto/sync', consumers.sync, { revs: false })
await level('@atcute/firehose', consumers.atcute, { handles: true })
await level('PyPI atproto', consumers.python)
const live = await consumers.indigo.report()
note(`events: ${JSON.stringify(live.counts)}, ${live.opens} connections`)

await check('relay: ends level with every repository', () => settle(() => relay.compare(all), 90_000, 1000), 100)
await check('relay: host is active and at the last event', () =>
  settle(async () => {
    const host = await relay.host(a)
    return host.status === 'active' && host.seq === live.lastSeq ? [] : [`${JSON.stringify(host)}, last event ${live.lastSeq}`]
  }, 30_000))
await check('tap: ends level with every repository', () => settle(() => tap.compare(all, load.sameRecords), 60_000, 1000), 70)

await check('exports: verified by @atproto/repo, @atcute/repo and indigo', () => verify.exports(a, plc, all), 120)
await check('exports since a revision: bring an older copy up to date, by @atproto/repo', () => verify.since(a, plc, all, copies))
await check('listRepos: agrees with every repository', () => verify.repoList(a, all))
await check('record proofs: present and absent, by @atproto/repo and @atcute', () => verify.proofs(a, plc, all), 120)

await check('replay from 0 is byte for byte what was seen live', async () => {
  const again = watch('indigo-replay', a)
  const reasons = await settle(async () => {
    const report = await again.report()
    return report.lastSeq === live.lastSeq ? [] : [`at ${report.lastSeq}, the end is ${live.lastSeq}`]
  }, 60_000)
  const replay = await again.report()
  await again.close()
  for (const [seq, hash] of Object.entries(replay.frames)) {
    if (live.frames[seq] === undefined) reasons.push(`event ${seq} was never seen live`)
    else if (live.frames[seq] !== hash) reasons.push(`event ${seq} has changed`)
  }
  // What a deletion takes out of the past is all that may be missing.
  const missing = Object.keys(live.frames).length - Object.keys(replay.frames).length
  if (missing > 200) reasons.push(`${missing} events are gone`)
  return [...reasons, ...again.faults.filter((fault) => !fault.includes(gone.did))]
}, 90)
await check('goat: firehose --verify-basic --verify-sig --verify-mst', async () => {
  const { events, reasons } = await goatFirehose({ pds: a, plc, lastSeq: live.lastSeq, logs })
  note(`goat saw ${events} events`)
  return reasons
}, 70)

// ---------------------------------------------------------------- clients and migration

await check('client: @atproto/api', () => clients.atprotoApi(a))
await check('client: @atproto/api, app passwords', () => clients.appPasswords(a))
await check('client: @atproto/api, preferences', () => clients.preferences(a))
await check('client: @atcute/client', () => clients.atcute(a))
await check('client: PyPI atproto', () => clients.python('client.py', a.url, load.PASSWORD))
await check('client: goat', () => goat.data(a, { plc, work }))

await check('migration: import of a repository on a second server', async () => {
  await load.blobs(mover, random)
  await migrate(mover, b, plc, relay, random)
}, 60)
await check('migration: consumers of the new server end level', async () => {
  const moved = await verify.truth(b, [mover])
  const reasons = await settle(async () => [
    ...verify.compareWithWritten(moved),
    ...verify.compareWithReport(moved, await indigoB.report()),
    ...(await relay.compare(moved)),
    ...(await tap.compare(moved, load.sameRecords)),
  ], 45_000, 1000)
  return [...reasons, ...(await verify.exports(b, plc, moved)), ...(await verify.proofs(b, plc, moved))]
}, 60)

// ---------------------------------------------------------------- no complaint from anyone

await sleep(1000)
verdict('relay: logs no warning', relay.warnings([a, b]))
verdict('relay: counts no faulty event', await relay.faultyEvents())
verdict('tap: logs no warning', tap.warnings())
const resyncs = await tap.resyncs()
// Each account once, when it was new. The clients made three more; the #sync of a migrated account
// says nothing new of its tree.
const fetched = ACCOUNTS + 3
verdict('tap: fetches no repository twice', resyncs.started === fetched && !resyncs.failed ? [] : [`${JSON.stringify(resyncs)}, expected ${fetched}`])
// After the count of what tap fetched: accounts come and go here.
for (const part of [admin.pdsadmin, admin.goatAdmin, admin.beyondTheReference]) await check(`operator: ${part.name}`, () => part(a, plc))
// The reference's pages need scripts.
if (TARGET === 'cairn') {
  await check('client: @atproto/oauth-client-node', () => oauth.clientNode(a, plc))
  const tls = await oauth.behindTls(plc, { work, logs })
  await check("client: OAuth by indigo's atproto/auth/oauth", () => tls.run('indigo-oauth'))
  await check('client: OAuth by PyPI atproto-oauth', () => tls.run('python-oauth'))
  await tls.stop()
  await check('client: openid-client after its app has published another key', () => confidential.rotation(), 120)
  await confidential.stop()
}
verdict('indigo packages: no fault', [...consumers.indigo.faults, ...indigoB.faults])
verdict('@atproto/sync: no fault', consumers.sync.faults)
verdict('@atcute/firehose: no fault', consumers.atcute.faults)
verdict('PyPI atproto: no fault', consumers.python.faults)

finish()
