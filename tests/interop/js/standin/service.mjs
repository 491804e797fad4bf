// A service that accounts of a PDS reach through it: it has a did:web of its own, and believes a
// request only if its token is for this service and this method, from the account's key, and new.
import http from 'node:http'
import { verifySignature } from '@atproto/crypto'
import { IdResolver } from '@atproto/identity'

const MAX_LIFETIME = 30 * 60

export class Service {
  // `entries` are the services in the DID document, by id.
  static async start({ plc, entries, methods }) {
    const service = new Service()
    service.methods = methods
    service.resolver = new IdResolver({ plcUrl: plc, fetch: globalThis.fetch })
    service.seen = new Set()
    service.requests = []
    const server = http.createServer((request, response) => service.answer(request, response))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    const { port } = server.address()
    service.url = `http://localhost:${port}`
    service.did = `did:web:localhost%3A${port}`
    service.document = {
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: service.did,
      service: Object.entries(entries).map(([id, type]) => ({ id: `#${id}`, type, serviceEndpoint: service.url })),
    }
    return service
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url)
    const send = (status, body, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(body))
    }
    try {
      if (url.pathname === '/.well-known/did.json') return send(200, this.document)
      const nsid = url.pathname.replace('/xrpc/', '')
      const method = this.methods[nsid]
      if (!method) throw refusal(501, 'MethodNotImplemented', nsid)
      const body = await collect(request)
      const viewer = method.open ? null : await this.caller(request, method.lxm ?? nsid, method.aud)
      this.requests.push({ nsid, viewer, headers: request.headers })
      const input = /json/.test(request.headers['content-type'] ?? '') ? JSON.parse(body) : body
      const call = method.handler ?? method
      const { body: output, headers } = await call({ viewer, params: params(url), input, headers: request.headers })
      send(200, output ?? {}, headers)
    } catch (err) {
      send(err.status ?? 500, { error: err.error ?? 'InternalServerError', message: err.stack ?? String(err) }, err.headers)
    }
  }

  // Who asks: https://atproto.com/specs/xrpc#inter-service-authentication-jwt
  async caller(request, lxm, aud = this.did) {
    const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
    if (!token) throw refusal(401, 'AuthMissing', `no token for ${lxm}`)
    const parts = token.split('.')
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')))
    const wrong = (what) => refusal(401, 'BadJwt', `${lxm}: ${what}: ${JSON.stringify([header, claims])}`)
    if (parts.length !== 3 || header.typ !== 'JWT') throw wrong('not a service token')
    if (claims.aud.split('#')[0] !== aud) throw wrong(`audience, expected ${aud}`)
    if (claims.lxm !== lxm) throw wrong('method')
    const now = Date.now() / 1000
    if (!(claims.exp > now && claims.exp <= now + MAX_LIFETIME && claims.iat <= now + 1)) throw wrong('time')
    if (!claims.jti || this.seen.has(claims.jti)) throw wrong('seen before')
    const key = await this.resolver.did.resolveAtprotoKey(claims.iss, true)
    const signed = Buffer.from(parts.slice(0, 2).join('.'))
    if (!(await verifySignature(key, signed, Buffer.from(parts[2], 'base64url'), { jwtAlg: header.alg }))) throw wrong('signature')
    this.seen.add(claims.jti)
    return claims.iss
  }

  // The last request for a method.
  last(nsid) {
    return this.requests.filter((request) => request.nsid === nsid).at(-1)
  }
}

export const refusal = (status, error, message) => Object.assign(new Error(message), { status, error })

function params(url) {
  const all = {}
  for (const key of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(key)
    all[key] = values.length > 1 || ['actors', 'uris', 'dids'].includes(key) ? values : values[0]
  }
  return all
}

async function collect(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}
