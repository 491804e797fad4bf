// Follows a server with @atproto/sync, verification on: each operation is
// proven against the signed commit, or it does not get here.
import { IdResolver, MemoryCache } from '@atproto/identity'
import { Firehose, MemoryRunner } from '@atproto/sync'
import { account, cursor, fault, plc, seen, service, state } from './protocol.mjs'

const idResolver = new IdResolver({ plcUrl: plc, didCache: new MemoryCache(), fetch: globalThis.fetch })

const firehose = new Firehose({
  service: service.replace('http', 'ws'),
  idResolver,
  runner: new MemoryRunner({ startCursor: Number(cursor) }),
  unauthenticatedCommits: false,
  unauthenticatedHandles: true, // .test names resolve nowhere
  subscriptionReconnectDelay: 200,
  maxReconnectSeconds: 1,
  handleEvent(event) {
    seen(event.event, event.seq)
    switch (event.event) {
      case 'create':
      case 'update': {
        const { records } = state(event.did)
        const path = `${event.collection}/${event.rkey}`
        if ((event.event === 'update') !== path in records) fault(event.seq, event.did, `${event.event} of ${path}`)
        records[path] = event.cid.toString()
        break
      }
      case 'delete':
        delete state(event.did).records[`${event.collection}/${event.rkey}`]
        break
      case 'account':
        account(event.did, event.active, event.status)
        break
      case 'sync':
      case 'identity':
        state(event.did)
    }
  },
  onError(err) {
    // A server that restarts breaks the connection: that alone is no fault.
    if (err.constructor.name === 'FirehoseSubscriptionError') return
    const event = err.event ?? err.value
    fault(event?.seq, event?.repo ?? event?.did, `${err.message}: ${err.cause?.message ?? err.cause}`)
  },
})
firehose.start()
