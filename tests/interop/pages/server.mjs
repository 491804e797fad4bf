// A development server and a browser, for what looks at pages.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { chromium } from 'playwright-core'

export const password = 'correct horse battery staple'

// Starts a server on a folder of its own, with a PLC directory. `stop` ends it and removes the folder.
export async function startServer() {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-pages-'))
  const args = ['dev', '--port', '0', '--plc-port', '0', '--data', data]
  const env = { ...process.env, CAIRN_LOG: 'warn' }
  const child = spawn(process.env.INTEROP_BIN, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)))
    child.stdout.on('data', (chunk) => {
      said += chunk
      const found = said.match(/http:\/\/localhost:\d+(?=\/xrpc\/com\.atproto\.server\.createAccount)/)
      if (found) resolve(found[0])
    })
  })
  const stop = () => {
    child.removeAllListeners('exit')
    child.kill()
    fs.rmSync(data, { recursive: true, force: true })
  }
  const plc = said.match(/http:\/\/localhost:\d+/g).find((other) => other !== url)
  return { url, plc, stop }
}

export async function createAccount(url, handle) {
  const body = JSON.stringify({ handle, email: `${handle.split('.')[0]}@mail.test`, password })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/xrpc/com.atproto.server.createAccount`, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(await answer.text())
  return (await answer.json()).did
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
