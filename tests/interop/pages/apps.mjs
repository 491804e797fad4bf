// Apps that sign somebody in by OAuth in a real browser, scripts and all: the demonstration client of a development server,
// and the libraries that apps in browsers use. Each prints `ok NAME` or `not ok NAME: reason`.
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { build } from 'esbuild'
import { createAccount, launch, password, startServer } from './server.mjs'

const pictures = path.resolve(import.meta.dirname, '../.cache/pages')

// A page of one script, made of a file of ours with a library in it, at a loopback address of its own.
async function serve(name, plc, pds) {
  const settings = { PLC: JSON.stringify(plc), PDS: JSON.stringify(pds) }
  const entry = path.join(import.meta.dirname, 'apps', `${name}.mjs`)
  const { outputFiles: [script] } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false, define: settings, logLevel: 'error' })
  const server = http.createServer((request, response) => {
    const isScript = request.url === '/app.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script.text : '<!doctype html><title>app</title><pre id="said"></pre><script type="module" src="/app.js"></script>')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() }
}

// A browser of somebody who is signed in nowhere. Whatever a script complains about is remembered.
async function visitor(browser, problems) {
  const context = await browser.newContext({ locale: 'en' })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`))
  page.on('console', (message) => {
    const isAsked = /status of (400|401)/.test(message.text()) // for another nonce
    if (message.type() === 'error' && !isAsked) problems.push(`console: ${message.text()}`)
  })
  return { context, page }
}

// The person's part, on the server's pages.
async function agree(page, decision = 'allow') {
  await page.waitForSelector('[name=password], [value=allow]')
  if (await page.$('[name=password]')) {
    if (await page.$('[name=username]:not([readonly])')) await page.fill('[name=username]', 'alice.test')
    await page.fill('[name=password]', password)
    await page.press('[name=password]', 'Enter')
    await page.waitForSelector('[value=allow]')
  }
  await page.click(`[value=${decision}]`)
}

async function demonstration(browser, { url, did }, from) {
  const problems = []
  const { context, page } = await visitor(browser, problems)
  await page.goto(from)
  if (new URL(page.url()).hostname !== '127.0.0.1') problems.push(`the app lives at ${page.url()}`)
  await page.click('#start .btn')
  await agree(page, 'deny')
  await page.waitForSelector('#trouble:not([hidden])')
  const refused = await page.textContent('#trouble-text')
  if (!refused.includes('access_denied')) problems.push(`after a refusal: ${refused}`)
  await page.fill('#start [name=hint]', 'alice.test')
  await page.click('#start .btn')
  await agree(page)
  await page.waitForSelector('#signed-in:not([hidden])')
  if ((await page.textContent('#did')) !== did) problems.push(`signed in as ${await page.textContent('#did')}`)
  const last = (title) => page.waitForFunction((title) => document.querySelector('#steps li:last-child')?.textContent.startsWith(title), title)
  for (const [act, says] of [['session', 'Who is signed in: 200'], ['post', 'Writing a post: 200'], ['refresh', 'Refreshing: 200'], ['session', 'Who is signed in: 200']]) {
    await page.click(`[data-act=${act}]`)
    await last(says)
  }
  // The key stays in the browser, and so does the session: a reload changes nothing.
  await page.reload()
  await page.waitForSelector('#signed-in:not([hidden])')
  fs.mkdirSync(pictures, { recursive: true })
  await page.screenshot({ path: path.join(pictures, 'dev-client.signed-in.png'), fullPage: true })
  await page.click('[data-act=sign-out]')
  await page.waitForSelector('#start:not([hidden])')
  await context.close()
  const posts = await fetch(`${url}/xrpc/com.atproto.repo.listRecords?repo=${did}&collection=app.bsky.feed.post`)
  if (!(await posts.text()).includes('demonstration client')) problems.push('the post is not there')
  return problems
}

async function library(browser, { url, plc, did }, name) {
  const problems = []
  const app = await serve(name, plc, url)
  const { context, page } = await visitor(browser, problems)
  try {
    await page.goto(app.url)
    await agree(page)
    await page.waitForURL((at) => at.href.startsWith(app.url))
    await page.waitForFunction(() => document.getElementById('said').textContent !== '')
    const said = JSON.parse(await page.textContent('#said'))
    if (said.error) problems.push(said.error)
    else {
      const expected = { did, handle: 'alice.test', email: null, refreshed: true, ended: true }
      for (const [key, value] of Object.entries(expected)) {
        if (said[key] !== value) problems.push(`${key} is ${JSON.stringify(said[key])}`)
      }
      if (!said.uri?.startsWith(`at://${did}/app.bsky.feed.post/`)) problems.push(`wrote ${said.uri}`)
    }
  } finally {
    await context.close()
    app.close()
  }
  return problems
}

// A server of an app, where people come back to, which sends them on to another site of its own.
async function sendingOn() {
  const listen = (answer) => new Promise((resolve) => {
    const server = http.createServer(answer)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
  const home = await listen((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>home</title>home'))
  const there = `http://localhost:${home.address().port}/`
  const callback = await listen((_, response) => response.writeHead(302, { location: there }).end())
  const close = () => [home, callback].forEach((server) => server.close())
  return { callback: `http://127.0.0.1:${callback.address().port}/callback`, there, close }
}

// Browsers hold the redirects after a form against the policy of its page, the app's own too.
async function elsewhere(browser, { url }) {
  const problems = []
  const app = await sendingOn()
  const client = `http://localhost?${new URLSearchParams({ redirect_uri: 'http://127.0.0.1/callback', scope: 'atproto' })}`
  const push = async (mode) => {
    const challenge = crypto.randomBytes(32).toString('base64url')
    const asked = { client_id: client, redirect_uri: app.callback, response_type: 'code', response_mode: mode, scope: 'atproto', state: 'x', code_challenge: challenge, code_challenge_method: 'S256' }
    const answer = await fetch(`${url}/oauth/par`, { method: 'POST', body: new URLSearchParams(asked) })
    const { request_uri: uri } = await answer.json()
    return `${url}/oauth/authorize?${new URLSearchParams({ client_id: client, request_uri: uri })}`
  }
  for (const javaScriptEnabled of [true, false]) {
    for (const mode of ['query', 'fragment', 'form_post']) {
      for (const decision of ['allow', 'deny']) {
        const context = await browser.newContext({ javaScriptEnabled, locale: 'en' })
        const page = await context.newPage()
        page.setDefaultTimeout(15_000)
        page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`))
        await page.goto(await push(mode))
        await agree(page, decision)
        if (!javaScriptEnabled && mode === 'form_post') await page.click(`form[action="${app.callback}"] button`)
        await page.waitForURL((at) => at.href.startsWith(app.there)).catch(() => {
          problems.push(`${mode}, ${decision}, scripts ${javaScriptEnabled ? 'on' : 'off'}: ended at ${page.url()}`)
        })
        await context.close()
      }
    }
  }
  app.close()
  return problems
}

const { url, plc, stop } = await startServer()
const browser = await launch()
let failed = 0
try {
  const server = { url, plc, did: await createAccount(url, 'alice.test') }
  const lives = url.replace('localhost', '127.0.0.1')
  const all = {
    'demonstration client': () => demonstration(browser, server, `${lives}/dev/client`),
    'demonstration client, found at localhost': () => demonstration(browser, server, `${url}/dev/client`),
    'that sends people on to another site': () => elsewhere(browser, server),
    '@atproto/oauth-client-browser': () => library(browser, server, 'atproto'),
    '@atcute/oauth-browser-client': () => library(browser, server, 'atcute'),
  }
  for (const [name, run] of Object.entries(all)) {
    const problems = await run().catch((error) => [error.message.split('\n').slice(0, 3).join(' | ')])
    failed += problems.length ? 1 : 0
    console.log(problems.length ? `not ok app ${name}: ${problems.join('; ')}` : `ok app ${name}`)
  }
} finally {
  await browser.close()
  stop()
}
process.exitCode = failed ? 1 : 0
