// The server under test. Cairn and the reference are started in the same way;
// only the command differs.
import crypto from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { freePort, healthy, home, note, start, stop } from './lib.mjs'

export const TARGET = process.env.INTEROP_TARGET ?? 'cairn'

function commandOf(kind) {
  if (kind === 'reference') return [process.env.NODE, path.join(home, 'reference', 'serve.mjs')]
  return [process.env.INTEROP_BIN]
}

// A server is configured by what it is given here, not by what surrounds the suite.
const nothingInherited = Object.fromEntries(
  Object.keys(process.env).filter((key) => /^(CAIRN|PDS)_/.test(key)).map((key) => [key, undefined]),
)

export async function startPlc({ work, logs, kind = TARGET }) {
  const [command, ...prefix] = commandOf(kind)
  const port = await freePort()
  const data = path.join(work, 'plc')
  fs.mkdirSync(data, { recursive: true })
  const child = start('plc', command, [...prefix, 'plc', '--port', String(port), '--data', data], { logs, env: nothingInherited })
  const url = `http://localhost:${port}`
  await healthy(url, 30_000, child, { anyStatus: true })
  return { url, child }
}

export class Pds {
  // `env` adds to the settings, or replaces them.
  static async create(name, { work, logs, plc, kind = TARGET, env = {} }) {
    const pds = new Pds()
    pds.name = name
    pds.kind = kind
    pds.logs = logs
    pds.port = await freePort()
    pds.url = `http://localhost:${pds.port}`
    pds.rotationKey = crypto.randomBytes(32).toString('hex')
    pds.adminPassword = crypto.randomBytes(12).toString('hex')
    const data = path.join(work, name)
    for (const folder of ['', 'blobs', 'blobs-tmp']) fs.mkdirSync(path.join(data, folder), { recursive: true })
    pds.env = {
      ...nothingInherited,
      PDS_PORT: String(pds.port),
      PDS_HOSTNAME: 'localhost',
      PDS_DEV_MODE: '1',
      PDS_DATA_DIRECTORY: data,
      PDS_BLOBSTORE_DISK_LOCATION: path.join(data, 'blobs'),
      PDS_BLOBSTORE_DISK_TMP_LOCATION: path.join(data, 'blobs-tmp'),
      PDS_DID_PLC_URL: plc,
      PDS_ADMIN_PASSWORD: pds.adminPassword,
      PDS_JWT_SECRET: crypto.randomBytes(24).toString('hex'),
      PDS_DPOP_SECRET: crypto.randomBytes(32).toString('hex'),
      PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: pds.rotationKey,
      PDS_SERVICE_HANDLE_DOMAINS: '.test',
      PDS_INVITE_REQUIRED: '0',
      PDS_RATE_LIMITS_ENABLED: '0',
      // Nothing listens there: what needs an AppView is not part of this suite.
      PDS_BSKY_APP_VIEW_URL: 'http://localhost:9',
      PDS_BSKY_APP_VIEW_DID: 'did:web:localhost%3A9',
      LOG_ENABLED: '0',
      ...env,
    }
    // The times in which it was not there: consumers may complain about those.
    pds.outages = []
    await pds.start()
    return pds
  }

  async start() {
    const [command, ...prefix] = commandOf(this.kind)
    this.child = start(this.name, command, [...prefix, 'serve'], { env: this.env, logs: this.logs })
    const { child } = this
    child.ended.then((code) => {
      if (!child.expected) note(`${this.name} has ended by itself with ${code}`)
    })
    await healthy(`${this.url}/xrpc/_health`, 30_000, child)
    const outage = this.outages.at(-1)
    if (outage && !outage.to) outage.to = Date.now()
  }

  async stop(signal) {
    this.outages.push({ from: Date.now() })
    this.child.expected = true
    return stop(this.child, signal)
  }

  async xrpc(method, nsid, { params, body, headers } = {}) {
    const url = new URL(`/xrpc/${nsid}`, this.url)
    for (const [key, value] of Object.entries(params ?? {})) url.searchParams.set(key, value)
    const response = await fetch(url, {
      method,
      headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    return response
  }

  async get(nsid, params) {
    const response = await this.xrpc('GET', nsid, { params })
    const text = await response.text()
    if (!response.ok) {
      let error
      try {
        error = JSON.parse(text).error
      } catch {}
      throw Object.assign(new Error(`${nsid} answered ${response.status} ${text.slice(0, 200)}`), { error, status: response.status })
    }
    return JSON.parse(text)
  }

  async admin(nsid, body) {
    const token = Buffer.from(`admin:${this.adminPassword}`).toString('base64')
    const response = await this.xrpc('POST', nsid, { body, headers: { authorization: `Basic ${token}` } })
    if (!response.ok) throw new Error(`${nsid} answered ${response.status} ${(await response.text()).slice(0, 200)}`)
  }

  async car(did, nsid, params) {
    return (await this.export(did, nsid, params))[0]
  }

  // The bytes of a CAR file, and the order of its blocks as far as a header names it.
  async export(did, nsid = 'com.atproto.sync.getRepo', params = {}) {
    const response = await this.xrpc('GET', nsid, { params: { did, ...params } })
    if (!response.ok) {
      const { error, message } = await response.json()
      throw Object.assign(new Error(`${nsid} answered ${response.status} ${error} ${message}`), { error })
    }
    const type = response.headers.get('content-type')
    if (type !== 'application/vnd.ipld.car') throw new Error(`${nsid} has content type ${type}`)
    return [new Uint8Array(await response.arrayBuffer()), response.headers.get('atproto-car-block-order')]
  }
}

// The sessions that an account has at a reference PDS, by what it stores: it has no method that tells them.
export function sessionsAt(pds, did) {
  const require = createRequire(path.join(process.env.INTEROP_REFERENCE, 'package.json'))
  const Database = require('better-sqlite3')
  const db = new Database(path.join(pds.env.PDS_DATA_DIRECTORY, 'account.sqlite'), { readonly: true })
  try {
    return db.prepare('SELECT id FROM refresh_token WHERE did = ?').pluck().all(did)
  } finally {
    db.close()
  }
}
