// A way to a server that can be held shut, so that a program can be killed while it waits for an answer.
import http from 'node:http'

export class Gate {
  static async before(url) {
    const gate = new Gate()
    gate.server = http.createServer((request, response) => {
      // Either side may be gone in the middle.
      gate.pass(url, request, response).catch(() => response.destroy())
    })
    await new Promise((resolve) => gate.server.listen(0, '127.0.0.1', resolve))
    gate.server.unref()
    gate.url = `http://localhost:${gate.server.address().port}`
    return gate
  }

  async pass(url, request, response) {
    const body = Buffer.concat(await request.toArray())
    const { method, headers } = request
    const sent = { method, headers: { 'content-type': headers['content-type'] ?? '' }, ...(body.length && { body }) }
    const answer = await fetch(new URL(request.url, url), sent)
    const bytes = Buffer.from(await answer.arrayBuffer())
    if (this.isShutFor?.(method)) return this.holds()
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(bytes)
  }

  // From here on requests of this method are done, and their answers kept. Gives a promise of the first one.
  shut(method) {
    this.isShutFor = (other) => other === method
    return new Promise((resolve) => (this.holds = resolve))
  }

  open() {
    this.isShutFor = undefined
  }
}
