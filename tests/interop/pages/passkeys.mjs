// Passkeys in a real browser, with authenticators that it pretends to have. Each check prints `ok NAME` or
// `not ok NAME: reason`; the exit code is 1 if one failed.
import fs from 'node:fs'
import path from 'node:path'
import { ask } from './client.mjs'
import { mailedCode, readyWithout, removePassword } from './nopassword.mjs'
import { addAuthenticator, createAccount, givePassword, launch, openSession, password, startServer, xrpc } from './server.mjs'

const pictures = path.resolve(import.meta.dirname, '../.cache/pages')
const HOME = /\/account\/u\/did/
const SIGN_IN_FORM = 'form[action="/account/sign-in/passkey"]'

async function expectText(page, text) {
  await page.getByText(text).first().waitFor({ timeout: 10_000 })
}

async function addPasskey(page, url, did, name) {
  await page.goto(`${url}/account/u/${did}/security/passkeys`)
  await page.fill('[name=label]', name)
  await page.click('form[data-passkey] .btn.primary')
}

// Whether the browser offers passkeys by itself on the pages that are opened from now on.
async function setOffers(page, offers) {
  await page.evaluate((value) => sessionStorage.setItem('offers', value), String(offers))
}

// The choice of setOffers, for each page before its own scripts run.
function keepOffers() {
  if (sessionStorage.getItem('offers') !== 'false') return
  PublicKeyCredential.isConditionalMediationAvailable = async () => false
}

async function startAnew(page, url) {
  await page.context().clearCookies()
  await page.goto(`${url}/account/sign-in`)
}

// One person, one phone.
async function phone(page, url, check) {
  const did = await createAccount(url, 'peggy.test')
  const { setPresence, cdp, authenticatorId } = await addAuthenticator(page)
  await page.addInitScript(keepOffers)
  // Or the sign-in page would take the passkey before anybody asks for it.
  await setPresence(false)
  await givePassword(page, url, 'peggy.test')
  await check('registers', async () => {
    await setPresence(true)
    await addPasskey(page, url, did, 'Phone')
    await expectText(page, 'Your recovery codes')
    await page.screenshot({ path: path.join(pictures, 'passkeys.codes.png'), fullPage: true })
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
    if (credentials.length !== 1 || !credentials[0].isResidentCredential) throw new Error(JSON.stringify(credentials))
  })
  await check('does not register the same device twice', async () => {
    await addPasskey(page, url, did, 'Phone again')
    await expectText(page, 'This device has a passkey of your account already.')
  })
  await check('is the second factor', async () => {
    await setPresence(false)
    await startAnew(page, url)
    await givePassword(page, url, 'peggy.test')
    await page.waitForURL('**/account/sign-in/code?**with=passkey**')
    await setPresence(true)
    await Promise.all([page.waitForURL(HOME), page.click('form[data-passkey] .btn.primary')])
  })
  await check('signs in alone, by its button', async () => {
    await setPresence(true)
    // Else the browser's own offer could be answered before the button is pressed.
    await setOffers(page, false)
    await startAnew(page, url)
    await Promise.all([page.waitForURL(HOME), page.click(`${SIGN_IN_FORM} .btn`)])
    await setOffers(page, true)
    await page.goto(`${url}/account/u/${did}/security`)
    await expectText(page, 'last used')
  })
  await check('signs in alone, where the browser offers it', async () => {
    await setPresence(true)
    await page.context().clearCookies()
    // The offer may be answered before the page is whole. Only then may the address be looked at: the last page's fits too.
    await page.goto(`${url}/account/sign-in`).catch(() => null)
    await page.waitForURL(HOME)
  })
  await check('is refused once it is removed', async () => {
    await page.goto(`${url}/account/u/${did}/security`)
    await page.click('a[href$="/remove"]')
    await page.click('.btn.danger')
    await expectText(page, 'The passkey is removed.')
    await page.context().clearCookies()
    // The page with the refusal asks anew, and the authenticator answers at once: only the first answer is looked at.
    const refused = page.waitForResponse((answer) => answer.url().endsWith('/account/sign-in/passkey'))
    await page.goto(`${url}/account/sign-in`).catch(() => null)
    const status = (await refused).status()
    if (status !== 422) throw new Error(`status ${status}`)
  })
}

// A security key that checks nobody, and stores nothing.
async function securityKey(page, url, check) {
  const did = await createAccount(url, 'walter.test')
  const { setPresence } = await addAuthenticator(page, {
    protocol: 'u2f', transport: 'usb', hasResidentKey: false, hasUserVerification: false, isUserVerified: false,
  })
  await givePassword(page, url, 'walter.test')
  await check('registers without a PIN', async () => {
    await addPasskey(page, url, did, 'Key')
    await expectText(page, 'Your recovery codes')
  })
  await check('without a PIN is the second factor', async () => {
    await setPresence(true)
    await startAnew(page, url)
    await givePassword(page, url, 'walter.test')
    await Promise.all([page.waitForURL(HOME), page.click('form[data-passkey] .btn.primary')])
  })
}

// Somebody who does without a password, to the end of the account.
async function noPassword(page, url, check) {
  const did = await createAccount(url, 'trent.test')
  const session = await openSession(url, did)
  let appPassword
  const refusedBy = async (nsid, input) => {
    const error = await xrpc(url, nsid, input).then(() => null, ({ message }) => JSON.parse(message))
    if (error?.error !== 'AuthenticationRequired') throw new Error(`not refused: ${JSON.stringify(error)}`)
    return error.message
  }
  await page.addInitScript(keepOffers)
  const { setPresence } = await readyWithout(page, url, 'trent', did)
  await setOffers(page, false)
  await check('takes the place of the password', async () => {
    await removePassword(page, url, did)
    await expectText(page, 'The password is removed.')
  })
  await check('the password is a wrong one then', async () => {
    const ours = await refusedBy('com.atproto.server.createSession', { identifier: did, password })
    const usual = await refusedBy('com.atproto.server.createSession', { identifier: 'nobody.test', password })
    if (ours !== usual) throw new Error(`${ours} is not ${usual}`)
    await page.context().clearCookies()
    await page.goto(`${url}/account/sign-in`)
    await page.fill('[name=username]', 'trent.test')
    await page.fill('[name=password]', password)
    await Promise.all([page.waitForSelector('#password-error'), page.press('[name=password]', 'Enter')])
  })
  await check('app passwords go on', async () => {
    ({ password: appPassword } = await xrpc(url, 'com.atproto.server.createAppPassword', { name: 'phone' }, session))
    const made = await xrpc(url, 'com.atproto.server.createSession', { identifier: did, password: appPassword })
    if (made.did !== did) throw new Error(JSON.stringify(made))
  })
  await check('opens the account that has no password', async () => {
    await setPresence(true)
    await startAnew(page, url)
    await Promise.all([page.waitForURL(HOME), page.click(`${SIGN_IN_FORM} .btn`)])
  })
  await check('stays as the last way in', async () => {
    await page.goto(`${url}/account/u/${did}/security`)
    await page.click('a[href$="/remove"]')
    await expectText(page, 'This is the last passkey that opens your account')
    if (await page.$('.btn.danger')) throw new Error('there is a button')
  })
  await check('sets a password, and takes its place again', async () => {
    await page.goto(`${url}/account/u/${did}/password`)
    await page.fill('[name=password]', password)
    await Promise.all([page.waitForURL(HOME), page.click('form[data-passkey] .btn.primary')])
    await expectText(page, 'Your new password is set.')
    await removePassword(page, url, did)
  })
  await check('deletes the account', async () => {
    await page.goto(`${url}/account/u/${did}/data/delete`)
    await Promise.all([page.waitForURL(/sent=1/), page.click('[name=send]')])
    await page.fill('[name=code]', await mailedCode(url, 'trent@mail.test'))
    await page.fill('[name=name]', 'trent.test')
    await Promise.all([page.waitForURL(/\/account\/sign-in/), page.click('form[data-passkey] .btn.danger')])
    await expectText(page, 'The account is deleted.')
  })
}

// Somebody who never had a password.
async function newcomer(page, url, check) {
  const { setPresence, cdp, authenticatorId } = await addAuthenticator(page)
  await page.addInitScript(keepOffers)
  const signUp = async (name) => {
    await page.fill('[name=handle]', name)
    await page.fill('[name=email]', `${name}@mail.test`)
    await Promise.all([page.waitForSelector('form[data-passkey]:not([hidden])'), page.click('[name=by_passkey]')])
    await Promise.all([page.waitForSelector('#codes'), page.click('form[data-passkey] .btn.primary')])
  }
  await check('makes an account', async () => {
    await setPresence(true)
    await page.goto(`${url}/account/sign-up`)
    await setOffers(page, false)
    await signUp('victor')
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
    if (credentials.length !== 1 || !credentials[0].isResidentCredential) throw new Error(JSON.stringify(credentials))
    await Promise.all([page.waitForURL(HOME), page.click('.btn.primary')])
  })
  await check('opens what it has made', async () => {
    await startAnew(page, url)
    await Promise.all([page.waitForURL(HOME), page.click(`${SIGN_IN_FORM} .btn`)])
    await page.goto(`${page.url()}/password`)
    await expectText(page, 'This account has no password')
  })
  await check('makes an account on the way from an app', async () => {
    await page.context().clearCookies()
    await page.goto(url + (await ask(url, 'atproto', { prompt: 'create' })).at)
    await signUp('oscar')
    await Promise.all([page.waitForURL(/\/oauth\/authorize/), page.click('.btn.primary')])
    await page.waitForSelector('[value=allow]')
    await expectText(page, 'oscar.test')
  })
}

async function main() {
  fs.mkdirSync(pictures, { recursive: true })
  const { url, stop } = await startServer()
  const browser = await launch()
  let failed = 0
  const check = async (name, run) => {
    try {
      await run()
      console.log(`ok passkey ${name}`)
    } catch (error) {
      failed += 1
      console.log(`not ok passkey ${name}: ${error.message.split('\n')[0]}`)
    }
  }
  try {
    for (const scenario of [phone, securityKey, noPassword, newcomer]) {
      const page = await (await browser.newContext({ locale: 'en' })).newPage()
      page.on('pageerror', (error) => console.log(`# script: ${error.message}`))
      await scenario(page, url, check)
      await page.context().close()
    }
  } finally {
    await browser.close()
    stop()
  }
  process.exitCode = failed ? 1 : 0
}

await main()
