import crypto from 'node:crypto'
import { Browser } from '../js/browser.mjs'
import { ask } from './client.mjs'
import { addAuthenticator, openSession, password as given, xrpc } from './server.mjs'

// The pages to look at. `as` names who is signed in (nobody, alice, several, secured, ready, bare, connected, paused, admin;
// hanna and mover at the neighbour); {alice} in a path is her DID. `at` names the server, if it is not the first. `act` does something on the page
// before it is looked at, and `forced` turns or fills it as no request can; `before` and `after` do something to the first
// server. `status` is expected where it is not 200; a function makes a path anew for each look.

// The page that an app on the person's own device sends them to, with a request for these scopes.
const asks = (scope, more) => async (url) => (await ask(url, scope, more)).at
const much = 'atproto account:email repo:app.bsky.feed.post repo:app.bsky.feed.like repo:app.bsky.graph.follow repo:com.example.note?action=create '
  + 'blob:image/* blob:video/mp4 rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app%23bsky_appview account:repo?action=manage identity:*'
// Fills fields in, presses a button, and waits for what comes of it.
const press = (button, then, fields = {}) => async (page) => {
  for (const [name, value] of Object.entries(fields)) await page.fill(`[name=${name}]`, value)
  await page.click(button)
  await page.waitForSelector(then)
}

// The same after another browser has opened the request.
const openedElsewhere = async (url) => {
  const { at } = await ask(url, 'atproto')
  await new Browser(url).go(url + at)
  return at
}
const refuse = press('[value=deny]', 'main a[href*="access_denied"]')
// Asks too often for the operator's password.
const tooOften = async (page) => {
  const { origin } = new URL(page.url())
  for (let n = 0; n < 100; n += 1) {
    await page.fill('[name=password]', 'a guess')
    const [answer] = await Promise.all([page.waitForResponse(`${origin}/admin/sign-in`), page.press('[name=password]', 'Enter')])
    await page.waitForLoadState()
    if (answer.status() === 429) return
  }
  throw new Error('one may guess for ever')
}
// The at-uri of a profile that somebody with a long text has.
const written = async (url) => {
  const record = { $type: 'app.bsky.actor.profile', displayName: 'Alice', description: 'A description that goes on and on. '.repeat(7) }
  const input = { repo: 'alice.test', collection: 'app.bsky.actor.profile', rkey: 'self', record }
  return (await xrpc(url, 'com.atproto.repo.putRecord', input, await openSession(url, 'alice.test'))).uri
}
const open = (selector) => (page) => page.click(selector)

const wrong = async (page) => {
  await page.fill('[name=username]', 'alice.test')
  await page.fill('[name=password]', 'not the password')
  await page.press('[name=password]', 'Enter')
  await page.waitForSelector('#password-error')
}

// The page that asks for more than the password, in one of its forms.
const asksForMore = (way, who = 'secured.test') => async (page) => {
  await page.fill('[name=username]', who)
  await page.fill('[name=password]', 'correct horse battery staple')
  await page.press('[name=password]', 'Enter')
  await page.waitForSelector(way === 'mail' ? '[name=code]' : 'form[data-passkey]')
  if (way && way !== 'mail') await press(`[name=change][value=${way}]`, '[name=code]')(page)
}
const password = 'a password that is long enough'

// A move whose old server hangs: the page goes on looking again, which would take it away from whoever looks at it.
const untilItRuns = async (page) => {
  const again = await page.$('[value=again]')
  if (again) await press('[value=again]', 'p[role=status]')(page)
  await page.route('**/*', (route) => (route.request().isNavigationRequest() ? route.fulfill({ status: 204 }) : route.continue()))
}

// As in a language that is written from right to left.
const turned = () => { document.documentElement.dir = 'rtl' }
// As in a language that makes one word of several: each long word is there twice.
const lengthened = () => {
  const texts = document.createTreeWalker(document.querySelector('body'), NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/\p{L}{6,}/gu, (word) => word + word.toLowerCase())
}
// As if the app had this name.
const named = () => {
  const name = 'an-app-of-a-name-that-is-long-enough-for-two-lines.staging.example-cooperative.community'
  const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/An app on your device|Une application de votre appareil/, name)
}

export const pages = [
  { name: 'front', path: '/' },
  { name: 'not-found', path: '/account/nothing-here', status: 404 },
  { name: 'dev-mailbox', path: '/dev/mail' },
  { name: 'dev-client', path: '/dev/client' },
  { name: 'gallery', path: '/dev/gallery' },
  { name: 'gallery-rtl', path: '/dev/gallery?dir=rtl' },
  { name: 'gallery-solo', path: '/dev/gallery?layout=solo' },
  { name: 'gallery-solo-rtl', path: '/dev/gallery?layout=solo&dir=rtl' },
  { name: 'sign-in', path: '/account/sign-in' },
  { name: 'sign-in-wrong', path: '/account/sign-in', act: wrong },
  { name: 'sign-in-passkey', path: '/account/sign-in/passkey' },
  { name: 'sign-up', path: '/account/sign-up' },
  { name: 'sign-up-taken', path: '/account/sign-up', act: async (page) => {
    await page.fill('[name=handle]', 'alice')
    await page.waitForSelector('#handle-said .wrong')
  } },
  { name: 'sign-up-empty', path: '/account/sign-up', act: async (page) => {
    await page.$eval('form[action="/account/sign-up"]', (form) => { form.noValidate = true })
    await page.click('.btn.primary')
    await page.waitForSelector('#handle-error')
  } },
  { name: 'sign-up-passkey-reloaded', path: '/account/sign-up/passkey' },
  { name: 'sign-up-passkey', path: '/account/sign-up', act: press('[name=by_passkey]', 'form[data-passkey]', { handle: 'someone-by-passkey', email: 'someone@mail.test' }) },
  { name: 'sign-up-passkey-codes', path: '/account/sign-up', act: async (page) => {
    await addAuthenticator(page)
    const name = `new-${crypto.randomBytes(5).toString('hex')}`
    await press('[name=by_passkey]', 'form[data-passkey]:not([hidden])', { handle: name, email: `${name}@mail.test` })(page)
    await press('form[data-passkey] .btn.primary', '#codes')(page)
  } },
  { name: 'sign-up-waiting', path: '/account/sign-up/waiting' },
  { name: 'reset-password', path: '/account/reset-password' },
  { name: 'reset-password-sent', path: '/account/reset-password/confirm?sent=1' },
  { name: 'reset-password-confirm', path: '/account/reset-password/confirm?code=ABCDE-FGHIJ' },
  { name: 'confirm-email', path: '/account/confirm-email?account={alice}&code=ABCDE-FGHIJ' },
  { name: 'move-in', path: '/account/move-in' },
  { name: 'move-in-turned', path: '/account/move-in', forced: [turned, lengthened] },
  { name: 'move-in-wrong', path: '/account/move-in', act: press('.btn.primary', '#from-error', { from: 'alice.test', old_password: password, password }) },
  { name: 'picker', path: '/account', as: 'several' },
  { name: 'overview', path: '/account/u/{alice}', as: 'alice' },
  { name: 'overview-turned', path: '/account/u/{alice}', as: 'alice', forced: [turned, lengthened] },
  { name: 'handle', path: '/account/u/{alice}/handle', as: 'alice' },
  { name: 'handle-taken', path: '/account/u/{alice}/handle', as: 'alice', act: async (page) => {
    await page.fill('[name=handle]', 'bob-has-long-name')
    await page.waitForSelector('#handle-said .wrong')
    await page.click('.btn.primary')
    await page.waitForSelector('#handle-error')
  } },
  { name: 'handle-turned', path: '/account/u/{alice}/handle', as: 'alice', forced: [turned, lengthened] },
  { name: 'handle-domain', path: '/account/u/{alice}/handle/domain', as: 'alice' },
  { name: 'handle-domain-records', path: '/account/u/{alice}/handle/domain?domain=alice.a-rather-long-name-of-somebody.invalid.com', as: 'alice' },
  { name: 'handle-domain-unproven', path: '/account/u/{alice}/handle/domain?domain=alice.example.com', as: 'alice', act: press('form.end .btn.primary', '.notice.error') },
  { name: 'email', path: '/account/u/{alice}/email', as: 'alice' },
  { name: 'email-code', path: '/account/u/{alice}/email', as: 'alice', act: async (page) => {
    await page.click('.btn.primary')
    await page.waitForSelector('[name=code]')
    await page.fill('[name=code]', 'ABCDE-FGHIJ')
    await page.click('.btn.primary')
    await page.waitForSelector('#code-error')
  } },
  { name: 'email-change', path: '/account/u/{alice}/email/change', as: 'alice', act: press('.btn.primary', '#email-error', { email: 'bob-has-long-name@mail.test' }) },
  { name: 'password', path: '/account/u/{alice}/password', as: 'alice' },
  { name: 'password-wrong', path: '/account/u/{alice}/password', as: 'alice', act: press('.btn.primary', '#current-error', { current: 'not the password', password: 'three words more' }) },
  { name: 'password-none', path: '/account/u/{bare}/password', as: 'bare' },
  { name: 'password-none-turned', path: '/account/u/{bare}/password', as: 'bare', forced: [turned, lengthened] },
  { name: 'password-remove-first', path: '/account/u/{alice}/password/remove', as: 'alice' },
  { name: 'password-remove', path: '/account/u/{ready}/password/remove', as: 'ready' },
  { name: 'password-remove-turned', path: '/account/u/{ready}/password/remove', as: 'ready', forced: [turned, lengthened] },
  { name: 'password-remove-failed', path: '/account/u/{ready}/password/remove', as: 'ready', act: async (page) => {
    // As if the challenge were too old.
    await page.fill('[name=current]', given)
    await page.$eval('form[data-passkey]', (form) => form.submit())
    await page.waitForSelector('.notice.error:not([data-says])')
  } },
  { name: 'sign-in-no-password', path: '/account/sign-in?login_hint={bare}', as: 'bare' },
  { name: 'data-delete-no-password', path: '/account/u/{bare}/data/delete?sent=1', as: 'bare' },
  { name: 'data-move-out-no-password', path: '/account/u/{bare}/data/move-out', as: 'bare' },
  { name: 'security-no-password', path: '/account/u/{bare}/security', as: 'bare' },
  { name: 'security-passkey-last', path: '/account/u/{bare}/security', as: 'bare', act: press('.folds a.warn', '.notice.error') },
  { name: 'console-account-no-password', path: '/admin/accounts/{bare}', as: 'admin' },
  { name: 'sessions', path: '/account/u/{alice}/sessions', as: 'alice' },
  { name: 'history', path: '/account/u/{alice}/sessions/history', as: 'alice' },
  { name: 'history-full', path: '/account/u/{secured}/sessions/history', as: 'secured' },
  { name: 'history-turned', path: '/account/u/{secured}/sessions/history', as: 'secured', forced: [turned, lengthened] },
  { name: 'history-none', path: '/account/u/{alice}/sessions/history?page=9', as: 'alice' },
  { name: 'sessions-trusted', path: '/account/u/{secured}/sessions', as: 'secured' },
  { name: 'sessions-trusted-turned', path: '/account/u/{secured}/sessions', as: 'secured', forced: [turned, lengthened] },
  { name: 'apps-none', path: '/account/u/{alice}/apps', as: 'alice' },
  { name: 'apps-connected', path: '/account/u/{connected}/apps', as: 'connected', act: open('details summary') },
  { name: 'apps-connected-turned', path: '/account/u/{connected}/apps', as: 'connected', act: open('details summary'), forced: [turned, lengthened, named] },
  { name: 'app-passwords-none', path: '/account/u/{alice}/app-passwords', as: 'alice' },
  { name: 'app-passwords-new', path: '/account/u/{alice}/app-passwords/new', as: 'alice' },
  { name: 'app-passwords-limits', path: '/account/u/{alice}/app-passwords/new', as: 'alice', act: async (page) => {
    await page.fill('[name=name]', 'Bot')
    await page.check('#kind-limited')
    await page.click('.btn.primary')
    await page.waitForSelector('#may-error')
  } },
  { name: 'app-passwords-made', path: '/account/u/{alice}/app-passwords/new', as: 'alice', act: async (page) => {
    await page.fill('[name=name]', `Phone ${crypto.randomUUID()}`)
    await page.check('#kind-limited')
    await page.check('#may-posts')
    await page.check('#may-files')
    await page.click('.btn.primary')
    await page.waitForSelector('#password')
  } },
  { name: 'app-passwords', path: '/account/u/{alice}/app-passwords', as: 'alice', act: open('details summary') },
  { name: 'records', path: '/account/u/{alice}/records', as: 'alice' },
  { name: 'records-posts', path: '/account/u/{alice}/records/app.bsky.feed.post', as: 'alice' },
  { name: 'records-none', path: '/account/u/{alice}/records/com.example.none', as: 'alice' },
  { name: 'record', path: '/account/u/{alice}/records/app.bsky.feed.post/3jzfcijpj2z2a', as: 'alice' },
  { name: 'record-long', path: '/account/u/{alice}/records/com.example.averylongname.ofacollection.that.nobodyknows/self', as: 'alice' },
  { name: 'records-odd', path: '/account/u/{alice}/records/com.example.odd', as: 'alice' },
  { name: 'record-odd', path: '/account/u/{alice}/records/com.example.odd/a.key:of~odd_signs-', as: 'alice' },
  { name: 'record-odd-turned', path: '/account/u/{alice}/records/com.example.odd/a.key:of~odd_signs-', as: 'alice', forced: [turned, lengthened] },
  { name: 'record-delete', path: '/account/u/{alice}/records/app.bsky.feed.post/3jzfcijpj2z2a/delete', as: 'alice' },
  { name: 'data', path: '/account/u/{alice}/data', as: 'alice' },
  { name: 'data-turned', path: '/account/u/{alice}/data', as: 'alice', forced: [turned, lengthened] },
  { name: 'data-blobs', path: '/account/u/{alice}/data/blobs', as: 'alice' },
  { name: 'data-move-in', path: '/account/u/{alice}/data/move-in', as: 'alice' },
  { name: 'data-restore', path: '/account/u/{alice}/data/restore', as: 'alice' },
  { name: 'data-move-out', path: '/account/u/{alice}/data/move-out', as: 'alice' },
  { name: 'data-recovery-key', path: '/account/u/{alice}/data/recovery-key', as: 'alice' },
  { name: 'data-recovery-key-made', path: '/account/u/{alice}/data/recovery-key?sent=1', as: 'alice', act: async (page) => {
    await page.click('[data-makes-key]')
    await page.waitForSelector('#made:not([hidden])')
    const key = await page.inputValue('[name=key]')
    if (!/^did:key:zDna[1-9A-HJ-NP-Za-km-z]{44,45}$/.test(key)) throw new Error(`not a key of P-256: ${key}`)
    await page.check('#kept')
    await page.fill('[name=code]', 'AAAAA-AAAAA')
    await page.click('.btn.primary')
    await page.waitForSelector('#code-error')
    if (await page.$('#key-error')) throw new Error('the key was refused')
    await page.click('[data-makes-key]')
  } },
  { name: 'data-recovery-key-remove', path: '/account/u/{alice}/data/recovery-key?sent=1&remove=did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme', as: 'alice' },
  { name: 'data-deactivate', path: '/account/u/{alice}/data/deactivate', as: 'alice' },
  { name: 'data-delete', path: '/account/u/{alice}/data/delete', as: 'alice' },
  { name: 'data-delete-sent', path: '/account/u/{alice}/data/delete?sent=1', as: 'alice', act: press('.btn.danger', '#name-error', { code: 'AAAAA-AAAAA', password: 'wrong', name: 'alice' }) },
  { name: 'security', path: '/account/u/{alice}/security', as: 'alice' },
  { name: 'security-all', path: '/account/u/{secured}/security', as: 'secured' },
  { name: 'security-turned', path: '/account/u/{secured}/security', as: 'secured', forced: [turned, lengthened] },
  { name: 'security-app', path: '/account/u/{alice}/security', as: 'alice', act: press('form[action$="/security/app"] .btn', '.qr') },
  { name: 'security-app-intro', path: '/account/u/{bob}/security/app', as: 'several' },
  { name: 'security-app-remove', path: '/account/u/{secured}/security/app/remove', as: 'secured' },
  { name: 'security-passkey-new', path: '/account/u/{alice}/security/passkeys', as: 'alice' },
  { name: 'security-passkey', path: '/account/u/{secured}/security', as: 'secured', act: press('.folds a.btn', '[name=label]') },
  { name: 'security-passkey-remove', path: '/account/u/{secured}/security', as: 'secured', act: press('.folds a.warn', '.btn.danger') },
  { name: 'security-mail', path: '/account/u/{alice}/security/mail', as: 'alice' },
  { name: 'security-codes', path: '/account/u/{secured}/security/codes', as: 'secured' },
  { name: 'security-codes-made', path: '/account/u/{secured}/security/codes', as: 'secured', act: press('.btn.primary', '#codes') },
  { name: 'second-factor-passkey', path: '/account/sign-in', act: asksForMore() },
  { name: 'second-factor-app', path: '/account/sign-in', act: asksForMore('app') },
  { name: 'second-factor-recovery', path: '/account/sign-in', act: asksForMore('recovery') },
  { name: 'second-factor-mail', path: '/account/sign-in', act: asksForMore('mail', 'mailed.test') },
  { name: 'second-factor-turned', path: '/account/sign-in', act: asksForMore('app'), forced: [turned, lengthened] },
  { name: 'console-remove-factors', path: '/admin/accounts/{secured}/remove-factors', as: 'admin' },
  { name: 'admin-sign-in', path: '/admin/sign-in' },
  { name: 'console-overview', path: '/admin', as: 'admin' },
  { name: 'console-overview-day', path: '/admin?span=day', as: 'admin', act: open('figure summary') },
  { name: 'console-outbox', path: '/admin/outbox', as: 'admin' },
  { name: 'console-mail-test', path: '/admin/outbox/test', as: 'admin', act: press('.btn.primary', '.notice', { to: 'someone@mail.test' }) },
  { name: 'console-accounts', path: '/admin/accounts', as: 'admin' },
  { name: 'console-accounts-turned', path: '/admin/accounts', as: 'admin', forced: [turned, lengthened] },
  { name: 'console-accounts-second', path: '/admin/accounts?after=1', as: 'admin' },
  { name: 'console-accounts-none', path: '/admin/accounts?q=zzz', as: 'admin' },
  { name: 'console-account', path: '/admin/accounts/{alice}', as: 'admin' },
  { name: 'console-change-handle', path: '/admin/accounts/{alice}/change-handle', as: 'admin', act: press('.btn.primary', '#handle-error', { handle: 'al' }) },
  { name: 'console-change-email', path: '/admin/accounts/{alice}/change-email', as: 'admin' },
  { name: 'console-account-new', path: '/admin/accounts/new', as: 'admin' },
  { name: 'console-account-new-wrong', path: '/admin/accounts/new', as: 'admin', act: async (page) => {
    await page.fill('[name=handle]', 'alice')
    await page.waitForSelector('#handle-said .wrong')
    await page.fill('[name=email]', 'carol@mail.test')
    await page.check('#kind-given')
    await page.fill('[name=password]', 'much too long to be found out')
    await page.click('.btn.primary')
    await page.waitForSelector('#handle-error')
  } },
  { name: 'console-account-made', path: '/admin/accounts/new', as: 'admin', act: async (page) => {
    const name = `n${crypto.randomBytes(6).toString('hex')}`
    await page.fill('[name=handle]', name)
    await page.fill('[name=email]', `${name}@mail.test`)
    await page.click('.btn.primary')
    await page.waitForSelector('#password')
  } },
  { name: 'console-take-down', path: '/admin/accounts/{alice}/take-down', as: 'admin' },
  { name: 'console-set-password', path: '/admin/accounts/{alice}/set-password', as: 'admin' },
  { name: 'console-delete', path: '/admin/accounts/{alice}/delete', as: 'admin' },
  { name: 'console-limits', path: '/admin/accounts/{alice}/limits', as: 'admin' },
  { name: 'console-approvals', path: '/admin/approvals', as: 'admin' },
  { name: 'console-invites', path: '/admin/invites', as: 'admin', act: press('.btn.primary', '.copy', { count: '2' }) },
  { name: 'console-invites-wrong', path: '/admin/invites', as: 'admin', act: press('.btn.primary', '#uses-error', { uses: 'many' }) },
  { name: 'console-accounts-sorted', path: '/admin/accounts?status=active&order=largest', as: 'admin' },
  { name: 'console-moderation', path: '/admin/moderation?show=records', as: 'admin' },
  { name: 'console-moderation-nothing', path: '/admin/moderation?q=nonsense', as: 'admin', status: 422 },
  { name: 'console-record', path: async (url) => `/admin/moderation/record?uri=${encodeURIComponent(await written(url))}`, as: 'admin' },
  { name: 'console-firehose', path: '/admin/firehose', as: 'admin', act: async (page) => {
    await page.waitForFunction(() => document.getElementById('state').textContent === document.getElementById('state').dataset.live)
  } },
  { name: 'console-relays', path: '/admin/relays', as: 'admin' },
  { name: 'console-settings', path: '/admin/settings', as: 'admin' },
  { name: 'console-checks', path: '/admin/settings/checks', as: 'admin', act: press('main .btn.primary', '.rows') },
  { name: 'console-log', path: '/admin/log', as: 'admin' },
  { name: 'authorize', path: asks('atproto transition:generic transition:chat.bsky transition:email'), as: 'alice' },
  { name: 'authorize-much', path: asks(much), as: 'alice', act: open('form.in details summary') },
  { name: 'authorize-choice', path: asks('atproto'), as: 'several' },
  { name: 'authorize-sign-in', path: asks('atproto', { login_hint: 'alice.test' }) },
  { name: 'authorize-over', path: '/oauth/authorize?client_id=http://localhost&request_uri=urn:x', status: 400 },
  { name: 'authorize-inactive', path: asks('atproto'), as: 'paused' },
  { name: 'authorize-going-on', path: asks('atproto'), as: 'alice', act: refuse },
  { name: 'authorize-leaving', path: asks('atproto', { response_mode: 'form_post' }), as: 'alice', act: press('[value=deny]', 'form[data-goes-on]') },
  { name: 'authorize-elsewhere', path: openedElsewhere, as: 'alice', status: 400 },
  { name: 'authorize-answered', path: asks('atproto'), as: 'alice', act: async (page) => {
    const asked = page.url()
    await refuse(page)
    const answer = await page.goto(asked)
    if (answer.status() !== 400) throw new Error(`status ${answer.status()}`)
  } },
  { name: 'error-forbidden', path: '/account/sign-in', act: async (page) => {
    await page.$eval('form[action="/account/sign-in"]', (form) => {
      form.noValidate = true
      form.querySelector('[name=csrf]').value = ''
    })
    await press('.btn.primary', 'main a[href="/account/sign-in"]', { username: 'alice.test', password })(page)
  } },
  { name: 'authorize-named', path: asks('atproto transition:generic transition:email'), as: 'alice', forced: [named] },
  { name: 'authorize-turned', path: asks(much), as: 'alice', forced: [turned, lengthened, named] },
  { name: 'authorize-sign-in-named', path: asks('atproto', { login_hint: 'alice.test' }), forced: [named] },
  { name: 'sign-up-turned', path: '/account/sign-up', forced: [turned, lengthened] },
  { name: 'console-overview-turned', path: '/admin', as: 'admin', forced: [turned, lengthened] },
  { name: 'console-account-turned', path: '/admin/accounts/{connected}', as: 'admin', forced: [turned, lengthened] },
  { name: 'console-account-new-turned', path: '/admin/accounts/new', as: 'admin', act: (page) => page.check('#kind-given'), forced: [turned, lengthened] },
  { name: 'console-log-turned', path: '/admin/log', as: 'admin', forced: [turned, lengthened] },
  { name: 'console-settings-turned', path: '/admin/settings', as: 'admin', forced: [turned, lengthened] },
  { name: 'neighbour-sign-in', at: 'neighbour', path: '/account/sign-in' },
  { name: 'neighbour-sign-up', at: 'neighbour', path: '/account/sign-up?invite={invite}' },
  { name: 'neighbour-overview', at: 'neighbour', path: '/account/u/{hanna}', as: 'hanna' },
  { name: 'neighbour-invites', at: 'neighbour', path: '/account/u/{hanna}/invites', as: 'hanna' },
  { name: 'neighbour-console-invite-disable', at: 'neighbour', path: '/admin/invites/{invite}/disable', as: 'admin' },
  { name: 'neighbour-console-invites', at: 'neighbour', path: '/admin/invites', as: 'admin' },
  { name: 'neighbour-console-account', at: 'neighbour', path: '/admin/accounts/{hanna}', as: 'admin' },
  { name: 'neighbour-console-relays', at: 'neighbour', path: '/admin/relays', as: 'admin', act: async (page) => {
    for (const relay of [0, 1]) {
      await Promise.all([page.waitForNavigation(), page.click(`[action="/admin/relays/${relay}/look"] .btn`)])
    }
    await page.waitForSelector('[action$="/hang-up"]')
  } },
  { name: 'neighbour-console-relays-refused', at: 'neighbour', path: '/admin/relays', as: 'admin', act: press('[action="/admin/relays/1/ask"] .btn', '.notice.warning') },
  { name: 'neighbour-console-relays-turned', at: 'neighbour', path: '/admin/relays', as: 'admin', forced: [turned, lengthened] },
  { name: 'neighbour-move-stopped', at: 'neighbour', path: '/account/u/{mover}/data/move-in', as: 'mover' },
  { name: 'neighbour-move-turned', at: 'neighbour', path: '/account/u/{mover}/data/move-in', as: 'mover', forced: [turned, lengthened] },
  { name: 'neighbour-move-runs', at: 'neighbour', path: '/account/u/{mover}/data/move-in', as: 'mover', act: untilItRuns,
    before: (first) => first.pause(), after: (first) => first.resume() },
  { name: 'neighbour-data', at: 'neighbour', path: '/account/u/{mover}/data', as: 'mover' },
  { name: 'neighbour-data-restore', at: 'neighbour', path: '/account/u/{mover}/data/restore', as: 'mover' },
  { name: 'neighbour-console-outbox', at: 'neighbour', path: '/admin/outbox', as: 'admin', act: open('details summary') },
  { name: 'waiting-console-approvals', at: 'waiting', path: '/admin/approvals', as: 'admin' },
  { name: 'waiting-console-reject', at: 'waiting', path: '/admin/approvals/{applicant}/reject', as: 'admin' },
  { name: 'error-too-many', at: 'waiting', path: '/admin/sign-in', act: tooOften },
]

// Rows of the table of pages (table.json) that nobody looks at, and what they are.
export const unseen = {
  '/.well-known/change-password': 'leads to the page for a new password',
  '/account/sign-up/handle': "an answer to a page's script",
  '/account/u/{account}/handle/check': "an answer to a page's script",
  '/account/u/{account}/handle/domain/check': "an answer to a page's script",
  '/account/u/{account}/data/archive.tar': 'a file',
  '/account/u/{account}/data/repo.car': 'a file',
  '/account/u/{account}/data/blobs/{cid}': 'a file',
  '/admin/accounts/new/handle': "an answer to a page's script",
  '/admin/figures': "an answer to a page's script",
  '/admin/firehose/events': "events for a page's script",
}
