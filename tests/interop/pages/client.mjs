// An app on somebody's own device, with requests made by hand: RFC 9126 (PAR), 7636 (PKCE), 9449 (DPoP).
import crypto from 'node:crypto'
import http from 'node:http'

const base64url = (text) => Buffer.from(text).toString('base64url')

// Asks for these scopes, to be answered at a port of the device. `at` is the page that the person is sent to.
export async function ask(url, scope, { port = 8123, ...more } = {}) {
  const redirect = `http://127.0.0.1:${port}/callback`
  const client = `http://localhost?${new URLSearchParams({ scope, redirect_uri: redirect })}`
  const verifier = crypto.randomBytes(32).toString('base64url')
  const challenge = crypto.createHash('sha256').update(verifier).digest('base64url')
  const params = {
    client_id: client, redirect_uri: redirect, response_type: 'code', scope, state: 'x', code_challenge: challenge, code_challenge_method: 'S256', ...more,
  }
  const answer = await fetch(`${url}/oauth/par`, { method: 'POST', body: new URLSearchParams(params) })
  if (answer.status !== 201) throw new Error(await answer.text())
  const { request_uri } = await answer.json()
  return { client, redirect, verifier, at: `/oauth/authorize?${new URLSearchParams({ client_id: client, request_uri })}` }
}

// Has the person on the page agree; returns the code that the app gets.
export async function agree(page, url, asked) {
  const app = http.createServer((_, response) => response.end('back in the app'))
  await new Promise((resolve) => app.listen(new URL(asked.redirect).port, '127.0.0.1', resolve))
  await page.goto(url + asked.at)
  await Promise.all([page.waitForURL(`${asked.redirect}**`), page.click('[value=allow]')]).finally(() => app.close())
  const answer = new URL(page.url()).searchParams
  if (!answer.has('code')) throw new Error(`the app got ${answer}`)
  return answer.get('code')
}

// Changes the code for tokens, under a key of its own: the app is signed in from then on.
export async function redeem(url, asked, code) {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const proof = (nonce) => {
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
    const claims = { jti: crypto.randomUUID(), htm: 'POST', htu: `${url}/oauth/token`, iat: Math.floor(Date.now() / 1000), nonce }
    const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`
    return `${signed}.${crypto.sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
  const body = { grant_type: 'authorization_code', code, client_id: asked.client, redirect_uri: asked.redirect, code_verifier: asked.verifier }
  let nonce
  // The first answer only tells the nonce.
  for (let turn = 0; turn < 2; turn += 1) {
    const answer = await fetch(`${url}/oauth/token`, { method: 'POST', headers: { dpop: proof(nonce) }, body: new URLSearchParams(body) })
    if (answer.ok) return answer.json()
    nonce = answer.headers.get('dpop-nonce')
    if (turn === 1) throw new Error(await answer.text())
  }
}
