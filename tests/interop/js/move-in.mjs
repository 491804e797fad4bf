// A person brings an account to Cairn on its pages, with a browser that runs no scripts: what js/move.mjs does by hand.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Browser } from './browser.mjs'
import { assert, assertEqual, settle, until } from './lib.mjs'
import { PASSWORD, pool } from './load.mjs'
import { Move, signIn } from './move.mjs'
import { sessionsAt } from './target.mjs'
import { signingKey } from './verify.mjs'

// Another one than at the old server.
const NEW_PASSWORD = 'a horse of another colour'
const WELCOME = 'you live here now'

export class MoveIn extends Move {
  // `watcher` follows the new server.
  constructor({ plc, watcher, ...options }) {
    super(options)
    Object.assign(this, { plc, watcher })
    this.browser = new Browser(this.to.url)
    this.page = `${this.to.url}/account/u/${this.did}/data/move-in`
    this.password = this.returns ? PASSWORD : NEW_PASSWORD
  }

  async takeStock() {
    await super.takeStock()
    this.sessions = sessionsAt(this.from, this.did)
    // Who comes back has been heard of: the last word was that the account is asleep.
    if (this.returns) await until(async () => (await this.heard()).at(-1) === '#account deactivated', 20_000, 'the account was not heard to leave')
    this.known = (await this.heard()).length
    this.oldKeys = (await this.old.com.atproto.identity.getRecommendedDidCredentials()).data.rotationKeys
  }

  // The sessions at the old server that Cairn has open.
  opened() {
    return sessionsAt(this.from, this.did).filter((id) => !this.sessions.includes(id))
  }

  says(text) {
    assert(this.browser.text.includes(text), `the page does not say "${text}": ${this.browser.text.slice(0, 1500)}`)
  }

  async act(act) {
    await this.browser.submit('name="act"', { act })
    await this.settled()
  }

  // All that the new server has announced of the account.
  async heard() {
    return (await this.watcher.report()).repos[this.did]?.events ?? []
  }

  // Since the move began the new server has announced this, in this order, and nothing besides.
  async announced(events) {
    const reasons = await settle(async () => {
      const heard = (await this.heard()).slice(this.known)
      return heard.join() === events.join() ? [] : [`heard ${heard.join(', ')}; expected ${events.join(', ')}`]
    }, 20_000)
    assertEqual(reasons, [], `what ${this.to.name} announced`)
  }

  // The form, with what is refused in `wrong`.
  async begin(wrong) {
    await this.browser.go(`${this.to.url}/account/move-in`)
    const right = { from: this.did, old_password: PASSWORD, handle: this.handle, password: this.password }
    await this.browser.submit('name="old_password"', { ...right, ...wrong }, wrong && 422)
    if (!wrong) assertEqual(this.browser.url.href, this.page, 'the page after the form')
  }

  async refused(wrong, text) {
    await this.begin(wrong)
    this.says(text)
    const { status } = await this.to.xrpc('GET', 'com.atproto.sync.getRepoStatus', { params: { did: this.did } })
    assertEqual(status, 400, `getRepoStatus on the new server, to which nobody has come`)
    await until(async () => this.opened().length === 0, 5000, `a refused move (${text}) has a session at the old server`)
  }

  // For an account that is here: signs in to it, and from there to the old server.
  async beginAgain() {
    await this.browser.go(`${this.to.url}/account/sign-in`)
    await this.browser.submit('current-password', { username: this.did, password: this.password })
    await this.browser.go(this.page)
    await this.browser.submit('value="sign-in"', { old_password: 'not this one' }, 422)
    this.says('The old server does not accept this password.')
    await this.browser.submit('value="sign-in"', { old_password: PASSWORD })
  }

  // Looks at the page until the server has no more to do by itself.
  async settled() {
    await until(async () => !(await this.browser.go(this.page)).html.includes('http-equiv="refresh"'), 30_000, 'the page still says that the server works')
  }

  // All but the identity is here, and nothing has happened that others see.
  async fetched() {
    await this.settled()
    this.says(`${this.before.size} records, ${this.blobs.length} of ${this.blobs.length} files`)
    this.browser.form('name="code"')
    assertEqual(this.opened().length, 1, 'sessions at the old server during the move')
    this.session = await signIn(this.to, this.did, this.password)
    await this.complete()
    assertEqual((await this.heard()).slice(this.known), [], 'what the new server announced before the identity moves')
    const old = await this.from.get('com.atproto.sync.getRepoStatus', { did: this.did })
    assertEqual(old.active, true, 'the account on the old server before the identity moves')
    assertEqual((await this.document()).endpoint, this.from.url, 'the server in the DID document before the identity moves')
  }

  async code() {
    const letters = this.mail.count(this.account.email)
    await this.browser.go(this.page)
    await this.browser.submit('value="code"', {})
    this.says('The old server mails you a code.')
    return this.mail.code(this.account.email, letters)
  }

  confirm(code) {
    return this.browser.submit('value="confirm"', { code })
  }

  async document() {
    const document = await (await fetch(`${this.plc}/${this.did}`)).json()
    const { serviceEndpoint } = document.service.find(({ id }) => id === '#atproto_pds')
    return { endpoint: serviceEndpoint, names: document.alsoKnownAs }
  }

  // The account lives here by all that anybody can ask.
  async arrived() {
    await this.settled()
    this.says(WELCOME)
    const { session } = this
    assertEqual(await this.document(), { endpoint: this.to.url, names: [`at://${this.handle}`] }, 'the DID document')
    const { data: credentials } = await session.com.atproto.identity.getRecommendedDidCredentials()
    const operation = await (await fetch(`${this.plc}/${this.did}/log/last`)).json()
    for (const part of Object.keys(credentials)) assertEqual(operation[part], credentials[part], `${part} in the directory`)
    assertEqual(await signingKey(this.plc, this.did), credentials.verificationMethods.atproto, 'the key in the DID document')
    assertEqual(this.oldKeys.filter((key) => operation.rotationKeys.includes(key)), [], 'keys of the old server in the directory')

    const { data: status } = await session.com.atproto.server.checkAccountStatus()
    assertEqual(
      [status.activated, status.validDid, status.indexedRecords, status.expectedBlobs, status.importedBlobs],
      [true, true, this.before.size, this.blobs.length, this.blobs.length],
      'account status on the new server',
    )
    const { data: who } = await session.com.atproto.server.getSession()
    assertEqual([who.handle, who.email, who.active], [this.handle, this.account.email, true], 'getSession on the new server')
    await this.samePreferences()
    await this.left()
    await until(async () => this.opened().length === 0, 5000, 'the session at the old server is open')
  }

  async verify() {
    await super.verify()
    await pool(this.blobs, 8, async (cid) => {
      const [here, there] = await Promise.all([this.session, this.old].map((agent) => agent.com.atproto.sync.getBlob({ did: this.did, cid })))
      // The reference adds the charset that its HTTP library takes for granted.
      const [type] = there.headers['content-type'].split(';')
      assertEqual(here.headers['content-type'], type, `media type of blob ${cid}`)
    })
  }

  // A file of this account at the old server.
  file() {
    return path.join(this.from.env.PDS_BLOBSTORE_DISK_LOCATION, this.did, this.blobs.at(-1))
  }

  // Takes one file away from the old server. Gives back what brings it back.
  lose() {
    const file = this.file()
    fs.renameSync(file, `${file}.lost`)
    return () => fs.renameSync(`${file}.lost`, file)
  }

  // One file comes to its half and no further: a pipe stands in its place at the old server. Gives back what
  // puts the file there again.
  stall() {
    const file = this.file()
    const whole = fs.readFileSync(file)
    const found = this.lose()
    execFileSync('mkfifo', [file])
    const pipe = fs.openSync(file, 'r+')
    fs.writeSync(pipe, whole, 0, Math.min(whole.length >> 1, 32_768))
    return () => {
      found()
      fs.closeSync(pipe)
    }
  }

  // The server works, and has all files but the one that is stalled.
  async halfway() {
    const all = this.blobs.length
    const here = `${all - 1} of ${all} files`
    await until(async () => (await this.browser.go(this.page)).text.includes(here), 20_000, `the page does not say ${here}`)
    assert(this.browser.html.includes('http-equiv="refresh"'), `the server does not work on it: ${this.browser.text.slice(0, 1500)}`)
  }
}
