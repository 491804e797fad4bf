// Looks at the pages of pages.mjs. Each prints `ok NAME` or `not ok NAME: reason`; the exit code is 1 if one failed.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pages } from './pages.mjs'
import { addAuthenticator, createAccount, givePassword, launch, password, startServer } from './server.mjs'
import { addApp } from './totp.mjs'

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const pictures = path.resolve(import.meta.dirname, '../.cache/pages')
const adminPassword = 'admin' // of development servers

const VIEWS = [
  { name: 'desk-light', width: 1280, height: 900, colorScheme: 'light', locale: 'en' },
  { name: 'desk-dark', width: 1280, height: 900, colorScheme: 'dark', locale: 'fr' },
  { name: 'phone-light', width: 360, height: 740, colorScheme: 'light', locale: 'fr' },
  { name: 'phone-dark', width: 360, height: 740, colorScheme: 'dark', locale: 'en' },
  // A desk at 200 %.
  { name: 'large', width: 640, height: 450, scale: 2, colorScheme: 'light', locale: 'en' },
]

// Gives the account with second factors what it is for: an authenticator app and a passkey.
async function secure(page, url) {
  await givePassword(page, url, 'secured.test')
  const base = `${page.url()}/security`
  await addApp(page, base)
  await addAuthenticator(page)
  await page.goto(`${base}/passkeys`)
  await page.fill('[name=label]', 'Phone')
  await Promise.all([page.waitForURL(base), page.click('form[data-passkey] .btn.primary')])
}

// What makes pages about an account's data worth looking at.
async function furnish(url, did) {
  const call = async (method, body, token, type = 'application/json') => {
    const headers = { 'content-type': type, ...(token && { authorization: `Bearer ${token}` }) }
    const sent = type === 'application/json' ? JSON.stringify(body) : body
    const answer = await fetch(`${url}/xrpc/${method}`, { method: 'POST', headers, body: sent })
    if (!answer.ok) throw new Error(await answer.text())
    return answer.json()
  }
  const { accessJwt } = await call('com.atproto.server.createSession', { identifier: did, password })
  const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  const { blob } = await call('com.atproto.repo.uploadBlob', pixel, accessJwt, 'image/png')
  const post = (rkey, text, more) => ({
    $type: 'com.atproto.repo.applyWrites#create', collection: 'app.bsky.feed.post', rkey,
    value: { $type: 'app.bsky.feed.post', text, createdAt: '2026-11-20T10:00:00.000Z', ...more },
  })
  const first = `at://${did}/app.bsky.feed.post/3jzfcijpj2z2a`
  await call('com.atproto.repo.applyWrites', { repo: did, writes: [
    post('3jzfcijpj2z2a', 'A post with a picture', { embed: { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: 'One pixel' }] } }),
    post('3jzfcijpj2z2b', 'مرحبا بالعالم، هذا نص من اليمين إلى اليسار'),
    post('3jzfcijpj2z2c', 'Averyveryveryverylongwordthatdoesnotendandgoesonandonandonandonandonandonandonandonuntilnobodyreadsitanymore and then an end'),
    { $type: 'com.atproto.repo.applyWrites#create', collection: 'com.example.averylongname.ofacollection.that.nobodyknows', rkey: 'self',
      value: { $type: 'com.example.averylongname.ofacollection.that.nobodyknows', about: first, site: 'https://example.com/a/page' } },
  ] }, accessJwt)
}

// Cookies of who is signed in.
async function signIn(browser, url, who) {
  const context = await browser.newContext()
  const page = await context.newPage()
  const names = { alice: ['alice.test'], several: ['alice.test', 'bob-has-long-name.test'] }[who] ?? []
  for (const name of names) {
    await givePassword(page, url, name)
  }
  if (who === 'secured') {
    await secure(page, url)
  }
  if (who === 'admin') {
    await page.goto(`${url}/admin/sign-in`)
    await page.fill('[name=password]', adminPassword)
    await Promise.all([page.waitForResponse((answer) => answer.status() === 303), page.press('[name=password]', 'Enter')])
  }
  const state = await context.storageState()
  await context.close()
  return state
}

// What is wrong with a page in one view.
async function look(browser, url, view, it, storageState, names) {
  const { width, height, scale, colorScheme, locale } = view
  const context = await browser.newContext({
    viewport: { width, height }, deviceScaleFactor: scale ?? 1, colorScheme, locale, storageState, reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const problems = []
  page.on('console', (message) => {
    const text = message.text()
    const expected = /status of (4\d\d)/.exec(text)
    if (message.type() === 'error' && !expected) problems.push(`console: ${text}`)
  })
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`))
  const asked = typeof it.path === 'function' ? await it.path(url) : it.path
  const target = asked.replace(/\{(\w+)\}/g, (_, name) => names[name])
  const answer = await page.goto(url + target, { waitUntil: 'load' })
  if (answer.status() !== (it.status ?? 200)) problems.push(`status ${answer.status()}`)
  if (it.act) await it.act(page)
  const overflow = await page.evaluate(() => {
    const root = document.documentElement
    return root.scrollWidth - root.clientWidth
  })
  if (overflow > 0) problems.push(`wider than the window by ${overflow} px`)
  await page.screenshot({ path: path.join(pictures, `${it.name}.${view.name}.png`), fullPage: true })
  await page.evaluate(axe)
  const found = await page.evaluate(() => axe.run({ resultTypes: ['violations'] }))
  for (const violation of found.violations) {
    const where = violation.nodes.slice(0, 3).map((node) => `${node.target} (${node.failureSummary?.split('\n')[1]?.trim()})`)
    problems.push(`axe ${violation.id}: ${where.join(', ')}`)
  }
  await context.close()
  return problems.map((problem) => `${view.name}: ${problem}`)
}

async function main() {
  fs.rmSync(pictures, { recursive: true, force: true })
  fs.mkdirSync(pictures, { recursive: true })
  const { url, stop } = await startServer()
  const browser = await launch()
  let failed = 0
  try {
    const names = {
      alice: await createAccount(url, 'alice.test'),
      bob: await createAccount(url, 'bob-has-long-name.test'),
      secured: await createAccount(url, 'secured.test'),
    }
    await furnish(url, names.alice)
    const wanted = process.argv.slice(2)
    const chosen = pages.filter((it) => !wanted.length || wanted.some((name) => it.name.startsWith(name)))
    const states = {}
    for (const who of new Set(chosen.map((it) => it.as ?? 'nobody'))) {
      states[who] = who === 'nobody' ? undefined : await signIn(browser, url, who)
    }
    for (const it of chosen) {
      const seen = await Promise.all(
        VIEWS.map((view) => look(browser, url, view, it, states[it.as ?? 'nobody'], names).catch((error) => [`${view.name}: ${error.message}`])),
      )
      const problems = seen.flat()
      failed += problems.length ? 1 : 0
      console.log(problems.length ? `not ok page ${it.name}: ${problems.join('; ')}` : `ok page ${it.name}`)
    }
    console.log(`# pictures of ${chosen.length} pages in ${path.relative(process.cwd(), pictures)}`)
  } finally {
    await browser.close()
    stop()
  }
  process.exitCode = failed ? 1 : 0
}

await main()
