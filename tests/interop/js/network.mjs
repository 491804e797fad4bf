// The network's own programs: indigo's relay and tap, and goat's firehose check.
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { bin, freePort, healthy, start, stop, withDeadline } from './lib.mjs'

// Lines of a JSON log that are warnings or errors.
function complaints(log) {
  const lines = []
  for (const line of fs.readFileSync(log, 'utf8').split('\n')) {
    if (!line.startsWith('{')) {
      if (/^(panic|fatal error|goroutine )/.test(line)) lines.push({ level: 'PANIC', msg: line })
      continue
    }
    let entry
    try {
      entry = JSON.parse(line)
    } catch {
      continue
    }
    if (entry.level === 'WARN' || entry.level === 'ERROR') lines.push(entry)
  }
  return lines
}

const show = ({ time, level, ...rest }) => `${level} ${JSON.stringify(rest)}`

// ---------------------------------------------------------------- relay

export class Relay {
  static async start({ work, logs, plc, hosts }) {
    const relay = new Relay()
    const [port, metrics] = [await freePort(), await freePort()]
    relay.url = `http://localhost:${port}`
    relay.metricsUrl = `http://localhost:${metrics}/metrics`
    const data = path.join(work, 'relay')
    fs.mkdirSync(data, { recursive: true })
    relay.child = start(
      'relay',
      bin('relay'),
      [
        'serve', '--bind', `127.0.0.1:${port}`, '--metrics-listen', `127.0.0.1:${metrics}`,
        '--db-url', `sqlite://${data}/relay.sqlite`, '--persist-dir', path.join(data, 'persist'),
        '--replay-window', '1h', '--allow-insecure-hosts', '--default-account-limit', '10000',
        // Trusted hosts have no rate limit that a test would meet.
        ...hosts.flatMap(({ port }) => ['--trusted-domains', `localhost:${port}`]),
      ],
      { logs, env: { RELAY_PLC_HOST: plc, RELAY_ADMIN_PASSWORD: 'interop', LOG_LEVEL: 'info' } },
    )
    await healthy(`${relay.url}/xrpc/_health`, 30_000, relay.child)
    return relay
  }

  async requestCrawl(pds) {
    const response = await fetch(`${this.url}/admin/pds/requestCrawl`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('admin:interop').toString('base64')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ hostname: pds.url }),
    })
    if (!response.ok) throw new Error(`requestCrawl answered ${response.status} ${await response.text()}`)
  }

  async get(nsid, params) {
    const response = await fetch(`${this.url}/xrpc/${nsid}?${new URLSearchParams(params)}`, { signal: AbortSignal.timeout(5000) })
    return response.json()
  }

  status(did) {
    return this.get('com.atproto.sync.getRepoStatus', { did })
  }

  // What the relay holds, against the truth.
  async compare(all) {
    const reasons = []
    for (const [did, { account, active, status, rev, commit }] of all) {
      const mine = await this.status(did)
      if (mine.active !== active || (mine.status ?? '') !== status) {
        reasons.push(`${account.handle} ${did}: relay says ${JSON.stringify(mine)}, expected ${active} ${status}`)
      }
      if (!active) continue
      const latest = await this.get('com.atproto.sync.getLatestCommit', { did })
      if (latest.rev !== rev || latest.cid !== commit) {
        reasons.push(`${account.handle} ${did}: relay at ${JSON.stringify(latest)}, the server at ${rev} ${commit}`)
      }
    }
    return reasons
  }

  async host(pds) {
    return this.get('com.atproto.sync.getHostStatus', { hostname: `localhost:${pds.port}` })
  }

  // Warnings, but for what our own restarts of the servers explain.
  warnings(pdses) {
    return complaints(this.child.log).filter((entry) => !this.explained(entry, pdses)).map(show)
  }

  explained(entry, pdses) {
    const at = Date.parse(entry.time)
    const pds = pdses.find(({ port }) => entry.host === `localhost:${port}`)
    return (pds?.outages ?? []).some(({ from, to, lastSeq }) => {
      if (at < from - 500) return false
      if (entry.msg === 'dialing failed' || entry.msg === 'host connection failed') return at <= to + 1000
      // It comes back with a cursor from before the events that it still had in hand, so those come
      // twice. Events from after the outage must never do that.
      return entry.msg === 'dropping commit with old rev' && entry.rev <= entry.prevRev && entry.seq <= lastSeq
    })
  }

  async faultyEvents() {
    const text = await (await fetch(this.metricsUrl)).text()
    if (!/^events_received_counter\{.*\} [1-9]/m.test(text)) return ['the relay counts no events at all']
    return text.split('\n').filter((line) => /^events_warn_counter\{.*\} [^0]/.test(line))
  }
}

// ---------------------------------------------------------------- tap

export class Tap {
  static async start({ work, logs, plc, relay }) {
    const tap = new Tap()
    const port = await freePort()
    const metrics = await freePort()
    tap.url = `http://localhost:${port}`
    tap.metricsUrl = `http://localhost:${metrics}/metrics`
    tap.repos = new Map()
    tap.child = start(
      'tap',
      bin('tap'),
      [
        'run', '--bind', `127.0.0.1:${port}`, '--db-url', `sqlite://${work}/tap.db`, '--plc-url', plc,
        '--relay-url', relay.url, '--full-network', '--disable-acks', '--metrics-listen', `127.0.0.1:${metrics}`,
      ],
      { logs, env: { LOG_LEVEL: 'info' } },
    )
    await healthy(`${tap.url}/health`, 30_000, tap.child)
    const socket = new WebSocket(`${tap.url.replace('http', 'ws')}/channel`)
    await withDeadline(new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error('no connection to the channel of tap'))
    }), 5000, 'connection to tap')
    socket.onmessage = ({ data }) => tap.event(JSON.parse(data))
    return tap
  }

  // What tap tells an application, record by record.
  event(event) {
    if (event.type === 'record') {
      const { did, collection, rkey, action, cid } = event.record
      const records = this.repo(did).records
      if (action === 'delete') records.delete(`${collection}/${rkey}`)
      else records.set(`${collection}/${rkey}`, cid)
    } else if (event.type === 'identity') {
      const { did, is_active, isActive, status } = event.identity
      Object.assign(this.repo(did), { active: isActive ?? is_active, status })
    }
  }

  repo(did) {
    if (!this.repos.has(did)) this.repos.set(did, { records: new Map() })
    return this.repos.get(did)
  }

  async info(did) {
    const response = await fetch(`${this.url}/info/${did}`, { signal: AbortSignal.timeout(5000) })
    return response.ok ? response.json() : { state: `HTTP ${response.status}` }
  }

  async compare(all, sameRecords) {
    const reasons = []
    for (const [did, { account, active, status, rev, records }] of all) {
      const say = (what) => reasons.push(`${account.handle} ${did}: tap: ${what}`)
      const mine = this.repo(did)
      if (!active) {
        if (mine.status !== status) say(`status ${mine.status}, expected ${status}`)
        continue
      }
      const info = await this.info(did)
      if (info.state !== 'active') say(`state ${info.state} ${info.error ?? ''}`)
      if (info.rev !== rev) say(`rev ${info.rev}, expected ${rev}`)
      if (info.records !== records.size) say(`${info.records} records, expected ${records.size}`)
      for (const reason of sameRecords(mine.records, records)) say(reason)
    }
    return reasons
  }

  warnings() {
    return complaints(this.child.log).map(show)
  }

  async resyncs() {
    const text = await (await fetch(this.metricsUrl)).text()
    const value = (name) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? 0)
    return { started: value('tap_resyncs_started_total'), failed: value('tap_resyncs_failed_total') }
  }
}

// ---------------------------------------------------------------- goat

// Lets goat check the whole stream from its beginning up to a sequence number.
export async function goatFirehose({ pds, plc, lastSeq, logs }) {
  const child = start(
    'goat',
    bin('goat'),
    ['firehose', '--relay-host', pds.url, '--cursor', '0', '--verify-basic', '--verify-sig', '--verify-mst'],
    { logs, env: { ATP_PLC_HOST: plc }, stdio: ['ignore', 'pipe', fs.openSync(path.join(logs, 'goat.log'), 'a')] },
  )
  let events = 0
  const reached = new Promise((resolve) => {
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      events++
      if (JSON.parse(line).payload.seq >= lastSeq) resolve()
    })
    child.ended.then(resolve)
  })
  await withDeadline(reached, 60_000, 'goat at the end of the stream').finally(() => stop(child, 'SIGKILL'))
  const reasons = fs
    .readFileSync(child.log, 'utf8')
    .split('\n')
    .filter((line) => /WARN|ERROR|error|panic/.test(line) && !line.includes('prevData is nil, skipping MST check'))
  if (events === 0) reasons.push('goat saw no event')
  return { events, reasons }
}
