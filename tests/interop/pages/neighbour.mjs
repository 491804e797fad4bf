// A second server, as operators run them: people need an invite code, the name is long, three relays are asked to follow, and
// somebody of the first server moves in.
import http from 'node:http'
import { asAdmin, createAccount, openSession, password, startServer, xrpc } from './server.mjs'

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

// A relay: it follows whoever asks, and tells how far it has come.
async function startRelay() {
  const sockets = []
  let seq
  const follow = (hostname) => {
    const socket = new WebSocket(`ws://${hostname}/xrpc/com.atproto.sync.subscribeRepos`, { headers: { 'user-agent': 'relay/1.2.3 (interop; keeps everything; +https://relay.example.com/about)' } })
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => {
      const frame = Buffer.from(data)
      const at = frame.lastIndexOf('cseq') + 4 // a text of three letters in CBOR, then an integer of eight bytes
      if (frame[at] === 0x1b) seq = Number(frame.readBigUInt64BE(at + 1))
    })
    sockets.push(socket)
  }
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    let answer = { hostname: searchParams.get('hostname'), seq, accountCount: 3, status: 'active' }
    if (pathname.endsWith('.requestCrawl')) {
      const chunks = []
      for await (const chunk of request) chunks.push(chunk)
      follow(JSON.parse(Buffer.concat(chunks)).hostname)
      answer = {}
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    for (const socket of sockets) socket.close()
    server.close()
  }
  return { url: `http://localhost:${server.address().port}`, stop }
}

// An account of the first server with three pictures, one of which that server no longer gives out.
async function furnishMover(url) {
  const did = await createAccount(url, 'mover.test')
  const session = await openSession(url, did)
  const writes = []
  let last
  for (const bytes of ['', ' ', '  ']) {
    const { blob } = await xrpc(url, 'com.atproto.repo.uploadBlob', Buffer.concat([Buffer.from(PIXEL, 'base64'), Buffer.from(bytes)]), session, 'image/png')
    const embed = { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: 'One pixel' }] }
    const value = { $type: 'app.bsky.feed.post', text: 'A picture', createdAt: '2026-11-20T10:00:00.000Z', embed }
    writes.push({ $type: 'com.atproto.repo.applyWrites#create', collection: 'app.bsky.feed.post', value })
    last = blob.ref.$link
  }
  await xrpc(url, 'com.atproto.repo.applyWrites', { repo: did, writes }, session)
  const subject = { $type: 'com.atproto.admin.defs#repoBlobRef', did, cid: last }
  await xrpc(url, 'com.atproto.admin.updateSubjectStatus', { subject, takedown: { applied: true, ref: 'interop' } }, asAdmin)
  return did
}

// Invite codes with uses left and without, in the hands of people and of nobody.
async function furnish({ url }, first) {
  const make = async (input) => (await xrpc(url, 'com.atproto.server.createInviteCodes', input, asAdmin)).codes.flatMap(({ codes }) => codes)
  const [arrival] = await make({ codeCount: 1, useCount: 3 })
  const hanna = await createAccount(url, 'hanna.test', { inviteCode: arrival })
  const [twice] = await make({ codeCount: 1, useCount: 2, forAccounts: [hanna] })
  const [once, invite] = await make({ codeCount: 2, useCount: 1, forAccounts: [hanna] })
  const guests = { 'a-friend-of-hanna.test': twice, 'other-friend.test': twice, 'third-friend.test': once }
  for (const [handle, inviteCode] of Object.entries(guests)) await createAccount(url, handle, { inviteCode })
  const codes = await make({ codeCount: 1, useCount: 5 })
  await xrpc(url, 'com.atproto.admin.disableInviteCodes', { codes }, asAdmin)
  return { hanna, invite, arrival, mover: await furnishMover(first.url) }
}

// Starts it beside the first server.
export async function startNeighbour(first) {
  const relay = await startRelay()
  const relays = [relay.url, first.url, 'http://a-relay-of-a-rather-long-name-that-nobody-has-registered.invalid']
  const server = await startServer({
    CAIRN_LOG: 'error', CAIRN_HOSTNAME: 'localhost', CAIRN_LISTEN: '127.0.0.1', CAIRN_PORT: '0', CAIRN_DEV_MODE: 'true',
    CAIRN_PLC_URL: first.plc, CAIRN_RATE_LIMITS_ENABLED: 'false', CAIRN_SIGN_UP: 'invite', CAIRN_CRAWLERS: relays.join(','),
    CAIRN_SERVICE_NAME: 'Genossenschaft für selbstverwaltete Netzwerkdienstleistungen', CAIRN_INVITE_INTERVAL_MS: '3600000',
    CAIRN_SUPPORT_URL: 'https://example.com/help', CAIRN_TERMS_OF_SERVICE_URL: 'https://example.com/terms', CAIRN_PRIVACY_POLICY_URL: 'https://example.com/privacy',
  })
  const follower = new WebSocket(`${server.url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`)
  const stop = () => {
    follower.close()
    relay.stop()
    server.stop()
  }
  try {
    return { url: server.url, names: await furnish(server, first), stop }
  } catch (error) {
    stop()
    throw error
  }
}

// A third one, where people wait for an account: somebody does, and calls are counted.
export async function startWaitingRoom(first) {
  const server = await startServer({
    CAIRN_LOG: 'error', CAIRN_HOSTNAME: 'localhost', CAIRN_LISTEN: '127.0.0.1', CAIRN_PORT: '0', CAIRN_DEV_MODE: 'true',
    CAIRN_PLC_URL: first.plc, CAIRN_SIGN_UP: 'approval',
  })
  try {
    return { ...server, names: { applicant: await createAccount(server.url, 'a-person-who-waits.test') } }
  } catch (error) {
    server.stop()
    throw error
  }
}

// Moves somebody in, as far as it goes by itself: one picture does not come.
export async function moveIn(page, url, { mover, arrival }) {
  await page.goto(`${url}/account/move-in`)
  const typed = { from: mover, old_password: password, invite: arrival, handle: 'moved-here.test', password }
  for (const [name, value] of Object.entries(typed)) await page.fill(`[name=${name}]`, value)
  await Promise.all([page.waitForURL('**/data/move-in'), page.click('.btn.primary')])
  // The page looks again by itself while the server works.
  await page.waitForSelector('[value=skip]')
}
