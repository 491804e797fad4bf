// goat, the command line of the network: the commands of an account's owner.
import fs from 'node:fs'
import path from 'node:path'
import { assert, assertEqual, bin, run } from './lib.mjs'
import { PASSWORD, post } from './load.mjs'
import { signIn } from './move.mjs'

// A goat with a memory of its own.
function goat(name, { plc, work }) {
  const home = path.join(work, `goat-${name}`)
  fs.mkdirSync(home, { recursive: true })
  const env = { ATP_PLC_HOST: plc, XDG_STATE_HOME: home, HOME: home }
  const call = async (...args) => {
    const { code, stdout, stderr } = await run(bin('goat'), args, { env, ms: 60_000 })
    assert(code === 0, `goat ${args.join(' ')}: ${stderr.trim() || stdout.trim()}`)
    return stdout
  }
  call.refused = async (...args) => {
    const { code, stderr } = await run(bin('goat'), args, { env, ms: 60_000 })
    assert(code !== 0, `goat ${args.join(' ')} was not refused`)
    return stderr
  }
  call.login = (pds, did) => call('account', 'login', '--pds-host', pds.url, '-u', did, '-p', PASSWORD)
  call.file = (file, content) => {
    const to = path.join(home, file)
    fs.writeFileSync(to, typeof content === 'string' ? content : JSON.stringify(content))
    return to
  }
  return call
}

// `goat account migrate`, from one server to another.
export async function migrate(way, { plc, work }) {
  const call = goat(`migrate-${way.to.name}`, { plc, work })
  await call.login(way.from, way.did)
  const letters = way.mail.count(way.account.email)
  await call('account', 'plc', 'request-token')
  const token = await way.mail.code(way.account.email, letters)
  await call(
    'account', 'migrate', '--pds-host', way.to.url, '--new-handle', way.handle, '--new-password', PASSWORD,
    '--new-email', way.account.email, '--plc-token', token,
  )
  way.session = await signIn(way.to, way.did)
  const { data: status } = await way.session.com.atproto.server.checkAccountStatus()
  assertEqual([status.activated, status.validDid], [true, true], 'account status after goat account migrate')
  const { data } = await way.session.app.bsky.actor.getPreferences()
  assertEqual(data.preferences.length, way.preferences.length, 'preferences after goat account migrate')
}

// Records, files and exports.
export async function data(pds, { plc, work }) {
  const call = goat('data', { plc, work })
  const handle = 'client-goat.test'
  await call('account', 'create', '--pds-host', pds.url, '--handle', handle, '--password', PASSWORD, '--email', 'goat@example.com')
  const { did } = await pds.get('com.atproto.identity.resolveHandle', { handle })
  await call.login(pds, did)

  const note = call.file('note.json', post('a goat was here'))
  const created = await call('record', 'create', '--no-validate', '--rkey', '3jzfcijpj2z2a', note)
  assert(created.includes('3jzfcijpj2z2a'), `goat record create said ${created}`)
  await call('record', 'update', '--no-validate', '--rkey', '3jzfcijpj2z2a', call.file('note.json', post('a goat was here twice')))
  const uri = `at://${did}/app.bsky.feed.post/3jzfcijpj2z2a`
  assert((await call('get', uri)).includes('twice'), 'goat get')
  assert((await call('record', 'get', uri)).includes('twice'), 'goat record get')
  assert((await call('ls', did)).includes('3jzfcijpj2z2a'), 'goat ls')
  assert((await call('record', 'ls', '--collections', did)).includes('app.bsky.feed.post'), 'goat record ls --collections')
  const said = await call('bsky', 'post', 'a goat says hello')
  const [, rkey, cid] = /app\.bsky\.feed\.post\/(\S+)\s+(\S+)/.exec(said) ?? []
  const { cid: there, value } = await pds.get('com.atproto.repo.getRecord', { repo: did, collection: 'app.bsky.feed.post', rkey })
  assertEqual([there, value.text], [cid, 'a goat says hello'], 'the post of goat bsky post')

  const bytes = 'some bytes of a goat'
  const blob = JSON.parse(await call('blob', 'upload', call.file('blob.txt', bytes)))
  assertEqual(blob.size, bytes.length, 'size in the answer to goat blob upload')
  await call('record', 'create', '--no-validate', call.file('file.json', { $type: 'com.example.interop.file', blob }))
  assertEqual((await call('blob', 'ls', did)).trim(), blob.ref.$link, 'goat blob ls')
  const copy = path.join(work, 'goat-copy.txt')
  await call('blob', 'download', '--output', copy, did, blob.ref.$link)
  assertEqual(fs.readFileSync(copy, 'utf8'), bytes, 'goat blob download')
  const folder = path.join(work, 'goat-blobs')
  await call('blob', 'export', '--output', folder, did)
  assertEqual(fs.readdirSync(folder), [blob.ref.$link], 'goat blob export')

  const car = path.join(work, 'goat.car')
  await call('repo', 'export', '--output', car, did)
  assert((await call('repo', 'inspect', car)).includes(did), 'goat repo inspect')
  assert((await call('repo', 'ls', car)).includes('app.bsky.feed.post/3jzfcijpj2z2a'), 'goat repo ls')
  await call('repo', 'mst', car)
  await call('repo', 'unpack', '--output', path.join(work, 'goat-repo'), car)
  await call('repo', 'import', car)
  await call('record', 'delete', '--collection', 'app.bsky.feed.post', '--rkey', '3jzfcijpj2z2a')
  await call('pds', 'describe', pds.url)

  const preferences = [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }]
  await call('bsky', 'prefs', 'import', call.file('preferences.json', preferences))
  assertEqual(JSON.parse(await call('bsky', 'prefs', 'export')), preferences, 'goat bsky prefs export')
}

// The account itself, its identity, and tokens in its name.
export async function account(pds, { plc, work, mail, did, email }) {
  const call = goat('account', { plc, work })
  await call.refused('account', 'login', '--pds-host', pds.url, '-u', did, '-p', 'wrong')
  await call.login(pds, did)
  const status = await call('account', 'status')
  assert(status.includes(did) && /"activated": true/.test(status) && /"validDid": true/.test(status), `goat account status said ${status}`)
  assert(/Active: true/.test(await call('account', 'lookup', did)), 'goat account lookup of an active account')

  // A record whose blob was never uploaded can only come with an import; here none is missing.
  assertEqual((await call('account', 'missing-blobs')).trim(), '', 'goat account missing-blobs')

  await call('account', 'update-handle', 'goat-renamed.test')
  const { did: found } = await pds.get('com.atproto.identity.resolveHandle', { handle: 'goat-renamed.test' })
  assertEqual(found, did, 'DID of the handle that goat has set')

  const aud = 'did:web:api.example.com'
  const token = (await call('account', 'service-auth', '--aud', aud, '--lxm', 'app.bsky.feed.getTimeline', '--duration-sec', '120')).trim()
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
  assertEqual([claims.iss, claims.aud, claims.lxm], [did, aud, 'app.bsky.feed.getTimeline'], 'claims of goat account service-auth')
  const lifetime = claims.exp - Date.now() / 1000
  assert(lifetime > 60 && lifetime <= 121, `a service token for ${lifetime} s`)
  await call.refused('account', 'service-auth', '--aud', aud, '--duration-sec', '120')

  const recommended = JSON.parse(await call('account', 'plc', 'recommended'))
  const current = JSON.parse(await call('account', 'plc', 'current'))
  assertEqual(current.verificationMethods, recommended.verificationMethods, 'signing key by goat account plc current')
  assertEqual(current.rotationKeys, recommended.rotationKeys, 'rotation keys by goat account plc current')
  const code = async () => {
    const letters = mail.count(email)
    await call('account', 'plc', 'request-token')
    return mail.code(email, letters)
  }
  const own = /did:key:\S+/.exec(await call('key', 'generate'))[0]
  await call('account', 'plc', 'add-rotation-key', '--token', await code(), '--first', own)
  assertEqual(JSON.parse(await call('account', 'plc', 'current')).rotationKeys, [own, ...recommended.rotationKeys], 'rotation keys after goat added one')
  const wish = { ...recommended, rotationKeys: [...recommended.rotationKeys] }
  const operation = await call('account', 'plc', 'sign', '--token', await code(), call.file('wish.json', wish))
  await call('account', 'plc', 'submit', call.file('operation.json', operation))
  assertEqual(JSON.parse(await call('account', 'plc', 'current')).rotationKeys, recommended.rotationKeys, 'rotation keys after goat submitted an operation')
  await call.refused('account', 'plc', 'sign', '--token', 'AAAAA-AAAAA', call.file('wish.json', wish))

  await call('account', 'deactivate')
  assert(/Active: false\nStatus: deactivated/.test(await call('account', 'lookup', did)), 'goat account lookup of a deactivated account')
  await call.refused('bsky', 'post', 'from the grave')
  await call('account', 'activate')
  await call('bsky', 'post', 'back again')
  await call('account', 'logout')
  await call.refused('account', 'status')
}
