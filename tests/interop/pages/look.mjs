// Looks at the pages of pages.mjs. Each prints `ok NAME` or `not ok NAME: reason`; the exit code is 1 if one failed.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pages, unseen } from './pages.mjs'
import { agree, ask, redeem } from './client.mjs'
import { moveIn, startNeighbour, startWaitingRoom } from './neighbour.mjs'
import { readyWithout, removePassword } from './nopassword.mjs'
import { addAuthenticator, createAccount, giveAdminPassword, givePassword, launch, mailCodes, openSession, startServer, xrpc } from './server.mjs'
import { addApp } from './totp.mjs'

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const pictures = path.resolve(import.meta.dirname, '../.cache/pages')

const VIEWS = [
  { name: 'desk-light', width: 1280, height: 900, colorScheme: 'light', locale: 'en' },
  { name: 'desk-dark', width: 1280, height: 900, colorScheme: 'dark', locale: 'fr' },
  { name: 'phone-light', width: 360, height: 740, colorScheme: 'light', locale: 'fr' },
  { name: 'phone-dark', width: 360, height: 740, colorScheme: 'dark', locale: 'en' },
  // A desk at 200 %.
  { name: 'large', width: 640, height: 450, scale: 2, colorScheme: 'light', locale: 'en' },
]

// What of the table of pages was looked at: each pattern with whether a path is of it. A fixed path comes before a pattern.
const table = JSON.parse(fs.readFileSync(new URL('table.json', import.meta.url), 'utf8'))
const rows = table.map((row) => ({ row, is: new RegExp(`^${row.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`) }))
const seenRows = new Set()
const note = (url) => {
  const found = rows.find(({ is }) => is.test(new URL(url).pathname))
  if (found) seenRows.add(found.row)
}

// What nobody has looked at, though it is no exception; and exceptions that are none.
function leftOut() {
  const missing = table.filter((row) => !seenRows.has(row) && !unseen[row])
  const needless = Object.keys(unseen).filter((row) => seenRows.has(row) || !table.includes(row))
  return [...missing.map((row) => `nobody looks at ${row}`), ...needless.map((row) => `${row} is no exception`)]
}

// Gives the account with second factors what it is for: an authenticator app, a passkey, and a browser that is trusted.
async function secure(page, url) {
  await givePassword(page, url, 'secured.test')
  const base = `${page.url()}/security`
  await addApp(page, base)
  const { setPresence } = await addAuthenticator(page)
  await page.goto(`${base}/passkeys`)
  await page.fill('[name=label]', 'Phone')
  await Promise.all([page.waitForURL(base), page.click('form[data-passkey] .btn.primary')])
  // Nobody touches it where it could stand for the password.
  await setPresence(false)
  await givePassword(page, url, 'secured.test')
  await page.click('[name=change][value=app]')
  await page.fill('[name=code]', '000000')
  await page.click('.btn.primary')
  await page.waitForSelector('#code-error')
  await page.click('[name=change][value=passkey]')
  await page.check('#trust')
  await setPresence(true)
  await Promise.all([page.waitForURL(/\/account\/u\//), page.click('form[data-passkey] .btn.primary')])
}

// Lets apps in, one of them twice.
async function connect(page, url) {
  await givePassword(page, url, 'connected.test')
  const wishes = [
    ['atproto account:email repo:app.bsky.feed.post repo:com.example.note?action=create blob:image/*', 8124, 2],
    ['atproto transition:generic transition:chat.bsky', 8125, 1],
    ['atproto identity:* account:repo?action=manage', 8126, 1],
  ]
  for (const [scope, port, sessions] of wishes) {
    for (let n = 0; n < sessions; n += 1) {
      const asked = await ask(url, scope, { port })
      await redeem(url, asked, await agree(page, url, asked))
    }
  }
}

// A record as no app writes it.
const ODD = {
  $type: 'com.example.odd', 'a key with spaces and <b>markup</b>': '<script>alert(1)</script> & "quotes" \\ and \u2028 a line',
  nothing: null, no: false, empty: {}, none: [], large: Number.MAX_SAFE_INTEGER, small: -1, bytes: { $bytes: 'AAECAwQF' },
  lines: 'one\ntwo\r\n\tthree\u0000four', both: 'left to right, ثم من اليمين إلى اليسار, and back \u202ereversed\u202c', signs: '👩‍👩‍👧‍👦🏳️‍🌈 Z̷̢͝a̵l̶g̷o̸',
  deep: { a: { b: { c: { d: { e: { f: { g: { h: { i: { j: 'k' } } } } } } } } } }, many: Array.from({ length: 60 }, (_, n) => n * n), word: 'x'.repeat(900),
}

// What makes pages about an account's data worth looking at.
async function furnish(url, did) {
  const session = await openSession(url, did)
  const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  const { blob } = await xrpc(url, 'com.atproto.repo.uploadBlob', pixel, session, 'image/png')
  const create = (collection, rkey, value) => ({
    $type: 'com.atproto.repo.applyWrites#create', collection, rkey, value: { $type: collection, ...value },
  })
  const post = (rkey, text, more) => create('app.bsky.feed.post', rkey, { text, createdAt: '2026-11-20T10:00:00.000Z', ...more })
  const first = `at://${did}/app.bsky.feed.post/3jzfcijpj2z2a`
  const writes = [
    post('3jzfcijpj2z2a', 'A post with a picture', { embed: { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: 'One pixel' }] } }),
    post('3jzfcijpj2z2b', 'مرحبا بالعالم، هذا نص من اليمين إلى اليسار'),
    post('3jzfcijpj2z2c', 'Averyveryveryverylongwordthatdoesnotendandgoesonandonandonandonandonandonandonandonuntilnobodyreadsitanymore and then an end'),
    create('com.example.averylongname.ofacollection.that.nobodyknows', 'self', { about: first, site: 'https://example.com/a/page' }),
    create('com.example.odd', 'a.key:of~odd_signs-', ODD),
    create('com.example.odd', `long-${'k'.repeat(200)}`, { text: '  \n ', createdAt: 'yesterday' }),
    create('com.example.odd', 'bare', {}),
  ]
  await xrpc(url, 'com.atproto.repo.applyWrites', { repo: did, writes }, session)
}

// Has an account ready to do without its password.
const ready = (page, url, names) => readyWithout(page, url, 'ready', names.ready)

// Has one do without it.
async function bare(page, url, names) {
  await readyWithout(page, url, 'bare', names.bare)
  await removePassword(page, url, names.bare)
}

// Cookies of who is signed in.
async function signIn(browser, url, who, names) {
  const context = await browser.newContext()
  const page = await context.newPage()
  const people = { alice: ['alice.test'], several: ['alice.test', 'bob-has-long-name.test'], paused: ['paused.test'], hanna: ['hanna.test'] }[who] ?? []
  for (const name of people) {
    await givePassword(page, url, name)
  }
  const ways = { secured: secure, ready, bare, connected: connect, mover: moveIn, admin: giveAdminPassword }
  await ways[who]?.(page, url, names)
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
  // What leads to an app leads nowhere: the page stays.
  await page.route((to) => to.port.startsWith('812') && to.pathname === '/callback', (route) => route.fulfill({ status: 204 }))
  const answer = await page.goto(url + target, { waitUntil: 'load' })
  if (answer.status() !== (it.status ?? 200)) problems.push(`status ${answer.status()}`)
  note(page.url())
  if (it.act) await it.act(page)
  note(page.url())
  for (const force of it.forced ?? []) await page.evaluate(force)
  // What sticks to the top stands there in the picture, too.
  await page.evaluate(() => scrollTo(0, 0))
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
  const first = await startServer()
  const browser = await launch()
  let neighbour
  let waitingRoom
  let failed = 0
  try {
    const names = {
      alice: await createAccount(first.url, 'alice.test'),
      bob: await createAccount(first.url, 'bob-has-long-name.test'),
      secured: await createAccount(first.url, 'secured.test'),
      connected: await createAccount(first.url, 'connected.test'),
      ready: await createAccount(first.url, 'ready.test'),
      bare: await createAccount(first.url, 'bare.test'),
      paused: await createAccount(first.url, 'paused.test'),
    }
    await xrpc(first.url, 'com.atproto.server.deactivateAccount', {}, await openSession(first.url, 'paused.test'))
    await mailCodes(first.url, await createAccount(first.url, 'mailed.test'))
    await furnish(first.url, names.alice)
    const wanted = process.argv.slice(2)
    const chosen = pages.filter((it) => !wanted.length || wanted.some((name) => it.name.startsWith(name)))
    if (chosen.some((it) => it.at === 'neighbour')) {
      neighbour = await startNeighbour(first)
      Object.assign(names, neighbour.names)
    }
    if (chosen.some((it) => it.at === 'waiting')) {
      waitingRoom = await startWaitingRoom(first)
      Object.assign(names, waitingRoom.names)
    }
    const states = {}
    for (const it of chosen) {
      const { url } = { neighbour, waiting: waitingRoom }[it.at] ?? first
      const who = it.as && `${it.as} ${url}`
      if (who && !states[who]) states[who] = await signIn(browser, url, it.as, names)
      await it.before?.(first)
      const seen = await Promise.all(
        VIEWS.map((view) => look(browser, url, view, it, states[who], names).catch((error) => [`${view.name}: ${error.message}`])),
      )
      await it.after?.(first)
      const problems = seen.flat()
      failed += problems.length ? 1 : 0
      console.log(problems.length ? `not ok page ${it.name}: ${problems.join('; ')}` : `ok page ${it.name}`)
    }
    if (!wanted.length) {
      const faults = leftOut()
      failed += faults.length ? 1 : 0
      console.log(faults.length ? `not ok page table: ${faults.join('; ')}` : 'ok page table')
    }
    console.log(`# pictures of ${chosen.length} pages in ${path.relative(process.cwd(), pictures)}`)
  } finally {
    await browser.close()
    neighbour?.stop()
    waitingRoom?.stop()
    first.stop()
  }
  process.exitCode = failed ? 1 : 0
}

await main()
