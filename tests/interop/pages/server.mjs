// Servers and a browser, for what looks at pages.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { chromium } from 'playwright-core'

export const password = 'correct horse battery staple'
const adminPassword = 'admin' // of development servers

// Starts a server on a folder of its own: a development server with a PLC directory or, with settings, one as operators run
// it. `stop` ends it and removes the folder; in between it can be paused, as one that hangs.
export async function startServer(settings) {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-pages-'))
  const args = settings ? ['serve'] : ['dev', '--port', '0', '--plc-port', '0', '--data', data]
  const env = { ...process.env, CAIRN_LOG: 'warn', ...(settings && { CAIRN_DATA_DIRECTORY: data, CAIRN_ADMIN_PASSWORD: adminPassword, ...settings }) }
  const child = spawn(process.env.INTEROP_BIN, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const tells = settings ? /(?<=listening on )http:\/\/localhost:\d+/ : /http:\/\/localhost:\d+(?=\/xrpc\/com\.atproto\.server\.createAccount)/
  let said = ''
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)))
    child.stdout.on('data', (chunk) => {
      said += chunk
      const found = said.match(tells)
      if (found) resolve(found[0])
    })
  })
  const pause = () => child.kill('SIGSTOP')
  const resume = () => child.kill('SIGCONT')
  const stop = () => {
    child.removeAllListeners('exit')
    child.kill()
    resume()
    fs.rmSync(data, { recursive: true, force: true })
  }
  const plc = said.match(/http:\/\/localhost:\d+/g).find((other) => other !== url)
  return { url, plc, stop, pause, resume }
}

export const asAdmin = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`

// Calls a procedure; a body that is no bytes goes as JSON.
export async function xrpc(url, nsid, body, authorization, type = 'application/json') {
  const headers = { 'content-type': type, ...(authorization && { authorization }) }
  const sent = Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const answer = await fetch(`${url}/xrpc/${nsid}`, { method: 'POST', headers, body: sent })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text && JSON.parse(text)
}

export async function createAccount(url, handle, more) {
  const account = { handle, email: `${handle.split('.')[0]}@mail.test`, password, ...more }
  return (await xrpc(url, 'com.atproto.server.createAccount', account)).did
}

// What the methods of somebody's account want to be called with.
export async function openSession(url, identifier) {
  const session = await xrpc(url, 'com.atproto.server.createSession', { identifier, password })
  return `Bearer ${session.accessJwt}`
}

// Has a code mailed whenever somebody signs in to an account of a development server.
export async function mailCodes(url, did) {
  const session = await openSession(url, did)
  const answer = await fetch(`${url}/xrpc/com.atproto.server.getSession`, { headers: { authorization: session } })
  const { email } = await answer.json()
  await xrpc(url, 'com.atproto.server.requestEmailConfirmation', undefined, session)
  const letters = await (await fetch(`${url}/dev/mail`, { headers: { accept: 'text/html' } })).text()
  const [token] = letters.slice(letters.indexOf(email)).match(/\b[A-Z2-7]{5}-[A-Z2-7]{5}\b/)
  await xrpc(url, 'com.atproto.server.confirmEmail', { email, token }, session)
  await xrpc(url, 'com.atproto.server.updateEmail', { email, emailAuthFactor: true }, session)
}

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
})

// Signs in with the password, as far as that goes.
export async function givePassword(page, url, name) {
  await page.goto(`${url}/account/sign-in`)
  await page.fill('[name=username]', name)
  await page.fill('[name=password]', password)
  await Promise.all([page.waitForURL(/\/account\/(u\/|sign-in\/code)/), page.press('[name=password]', 'Enter')])
}

// Opens the console.
export async function giveAdminPassword(page, url) {
  await page.goto(`${url}/admin/sign-in`)
  await page.fill('[name=password]', adminPassword)
  await Promise.all([page.waitForResponse((answer) => answer.status() === 303), page.press('[name=password]', 'Enter')])
}

// Gives a page an authenticator; `presses` tells whether somebody touches it.
export async function addAuthenticator(page, options = {}) {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true, ...options,
  } })
  const set = (enabled) => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
  return { cdp, authenticatorId, setPresence: set }
}
