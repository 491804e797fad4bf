// The account itself: handle, passwords, address, and its end.
import { AtpAgent } from '@atproto/api'
import { assert, assertEqual, rejects, settle } from '../lib.mjs'
import { PASSWORD } from '../load.mjs'
import { say } from './posts.mjs'

const login = async (pds, identifier, password = PASSWORD) => {
  const agent = new AtpAgent({ service: pds.url })
  await agent.login({ identifier, password })
  return agent
}

async function handle({ bob, pds, plc, network }) {
  await bob.com.atproto.identity.updateHandle({ handle: 'robert.test' })
  await rejects(bob.com.atproto.identity.updateHandle({ handle: 'alice.test' }), null, 'a handle that somebody has')
  await rejects(bob.com.atproto.identity.updateHandle({ handle: 'admin.test' }), 'HandleNotAvailable', 'a reserved handle')
  assertEqual((await bob.resolveHandle({ handle: 'robert.test' })).data.did, bob.did, 'resolveHandle')
  const { alsoKnownAs } = await (await fetch(`${plc}/${bob.did}`)).json()
  assertEqual(alsoKnownAs, ['at://robert.test'], 'names in the DID document')
  assertEqual((await login(pds, 'robert.test')).session.handle, 'robert.test', 'handle of a session')
  const reasons = await settle(async () => (network.account(bob.did).handle === 'robert.test' ? [] : ['the AppView does not hear of it']), 10_000, 50)
  assertEqual(reasons, [], 'the new handle')
}
handle.title = 'a new handle'

async function appPasswords({ alice, pds }) {
  const { data } = await alice.com.atproto.server.createAppPassword({ name: 'phone' })
  await rejects(alice.com.atproto.server.createAppPassword({ name: 'phone' }), null, 'a second app password of a name')
  const app = await login(pds, alice.did, data.password)
  await say(app, 'from an app')
  await rejects(app.com.atproto.server.createAppPassword({ name: 'more' }), null, 'an app password that makes another')
  await rejects(app.com.atproto.server.requestAccountDelete(), null, 'an app password that deletes the account')
  await alice.com.atproto.server.revokeAppPassword({ name: 'phone' })
  await rejects(login(pds, alice.did, data.password), 'AuthenticationRequired', 'a revoked app password')
}
appPasswords.title = 'app passwords'

async function address({ carla, mail, pds }) {
  const session = async () => (await carla.com.atproto.server.getSession()).data
  const code = async (request, to = carla.email) => {
    const letters = mail.count(to)
    const answer = await request()
    return [await mail.code(to, letters), answer]
  }
  assertEqual((await session()).emailConfirmed, false, 'an address that nobody confirmed')
  const [first] = await code(() => carla.com.atproto.server.requestEmailConfirmation())
  await rejects(carla.com.atproto.server.confirmEmail({ email: carla.email, token: 'AAAAA-AAAAA' }), 'InvalidToken', 'a wrong code')
  await carla.com.atproto.server.confirmEmail({ email: carla.email, token: first })
  assertEqual((await session()).emailConfirmed, true, 'a confirmed address')
  const [second, { data }] = await code(() => carla.com.atproto.server.requestEmailUpdate())
  assertEqual(data.tokenRequired, true, 'tokenRequired')
  await rejects(carla.com.atproto.server.updateEmail({ email: 'other@example.com' }), 'TokenRequired', 'a new address without a code')
  await carla.com.atproto.server.updateEmail({ email: 'other@example.com', token: second })
  carla.email = 'other@example.com'
  assertEqual([(await session()).email, (await session()).emailConfirmed], ['other@example.com', false], 'the new address')

  const [reset] = await code(() => new AtpAgent({ service: pds.url }).com.atproto.server.requestPasswordReset({ email: carla.email }))
  const password = 'another battery staple'
  await new AtpAgent({ service: pds.url }).com.atproto.server.resetPassword({ token: reset, password })
  await rejects(login(pds, carla.email), 'AuthenticationRequired', 'the password from before')
  await rejects(carla.sessionManager.refreshSession(), null, 'a session from before the reset')
  carla.sessionManager.session = (await login(pds, carla.email, password)).session
}
address.title = 'address and password by mail'

async function pause({ bob, carla, network, pds }) {
  const heard = (status) => settle(async () => (network.account(bob.did).status === status ? [] : [`the AppView holds it for ${network.account(bob.did).status}`]), 10_000, 50)
  await bob.com.atproto.server.deactivateAccount({})
  assertEqual(await heard('deactivated'), [], 'deactivation')
  await rejects(say(bob, 'from nowhere'), null, 'a post of a deactivated account')
  await rejects(carla.getProfile({ actor: bob.did }), 'AccountDeactivated', 'getProfile of a deactivated account')
  const again = await login(pds, bob.did)
  assertEqual([again.session.active, again.session.status], [false, 'deactivated'], 'the session of a deactivated account')
  await again.com.atproto.server.activateAccount()
  assertEqual(await heard(undefined), [], 'activation')
  await say(bob, 'back again')
  assertEqual((await carla.getProfile({ actor: bob.did })).data.did, bob.did, 'getProfile after activation')
}
pause.title = 'deactivation and back'

async function end({ carla, mail, network, pds }) {
  const letters = mail.count(carla.email)
  await carla.com.atproto.server.requestAccountDelete()
  const token = await mail.code(carla.email, letters)
  const { did } = carla
  const password = 'another battery staple'
  await rejects(carla.com.atproto.server.deleteAccount({ did, password: 'wrong', token }), 'AuthenticationRequired', 'deletion with a wrong password')
  await rejects(carla.com.atproto.server.deleteAccount({ did, password, token: 'AAAAA-AAAAA' }), 'InvalidToken', 'deletion with a wrong code')
  await carla.com.atproto.server.deleteAccount({ did, password, token })
  await rejects(login(pds, did, password), 'AuthenticationRequired', 'a session after deletion')
  await rejects(pds.get('com.atproto.sync.getLatestCommit', { did }), 'RepoNotFound', 'the repository after deletion')
  const reasons = await settle(async () => (network.account(did).status === 'deleted' ? [] : ['the AppView does not hear of it']), 10_000, 50)
  assertEqual(reasons, [], 'deletion')
  assert(![...network.records.values()].some((entry) => entry.did === did), 'records after deletion')
}
end.title = 'the end of an account'

export const flows = [handle, appPasswords, address, pause, end]
