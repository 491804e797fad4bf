// What an AppView knows: everything that it has read off the event stream, and nothing else. It can
// be told to fall behind.
import { IdResolver } from '@atproto/identity'
import { Firehose, MemoryRunner } from '@atproto/sync'

export class Network {
  constructor({ pds, plc }) {
    this.records = new Map()
    this.accounts = new Map()
    this.faults = []
    this.gate = Promise.resolve()
    this.firehose = new Firehose({
      service: pds.url.replace('http', 'ws'),
      // Without a cache, which would keep names and keys from before a change.
      idResolver: new IdResolver({ plcUrl: plc, fetch: globalThis.fetch }),
      runner: new MemoryRunner({ startCursor: 0 }),
      unauthenticatedHandles: true, // .test names resolve nowhere
      handleEvent: async (event) => {
        await this.gate
        this.take(event)
      },
      onError: (err) => this.faults.push(`${err.message}: ${err.cause?.message ?? err.cause}`),
    })
    this.firehose.start()
  }

  account(did) {
    if (!this.accounts.has(did)) this.accounts.set(did, { did, handle: 'handle.invalid', active: true, rev: '' })
    return this.accounts.get(did)
  }

  take(event) {
    const account = this.account(event.did)
    if (event.rev) account.rev = event.rev
    switch (event.event) {
      case 'create':
      case 'update':
        this.records.set(event.uri.toString(), {
          uri: event.uri.toString(),
          cid: event.cid.toString(),
          did: event.did,
          collection: event.collection,
          rkey: event.rkey,
          record: plain(event.record),
          at: new Date().toISOString(),
          order: this.records.size,
        })
        break
      case 'delete':
        this.records.delete(event.uri.toString())
        break
      case 'identity':
        account.handle = event.handle ?? event.didDocument?.alsoKnownAs?.[0]?.slice(5) ?? account.handle
        break
      case 'account':
        account.active = event.active
        account.status = event.status
        if (event.status === 'deleted') {
          for (const [uri, { did }] of this.records) if (did === event.did) this.records.delete(uri)
        }
    }
  }

  // From here on nothing is taken up, until the returned function is called.
  fallBehind() {
    let catchUp
    this.gate = new Promise((resolve) => (catchUp = resolve))
    return catchUp
  }

  // Records of active accounts, newest first.
  all(collection, which = () => true) {
    return [...this.records.values()]
      .filter((entry) => entry.collection === collection && this.account(entry.did).active && which(entry))
      .reverse()
  }

  get(uri) {
    const entry = this.records.get(uri)
    return entry && this.account(entry.did).active ? entry : undefined
  }

  did(actor) {
    if (actor.startsWith('did:')) return actor
    return [...this.accounts.values()].find(({ handle }) => handle === actor)?.did
  }
}

// Data as JSON has it: links as {$link}, bytes as {$bytes}.
function plain(value) {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64').replace(/=+$/, '') }
  if (Array.isArray(value)) return value.map(plain)
  if (!value || typeof value !== 'object') return value
  if (value.code !== undefined && value.multihash) return { $link: value.toString() }
  if (value.constructor?.name === 'BlobRef') return plain(value.toJSON?.() ?? value.ipld())
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}
