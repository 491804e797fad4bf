// What a Bluesky app does all day, with its own client library: against the server under test, an
// AppView that follows it, and the services around.
import { AtpAgent } from '@atproto/api'
import { flows as accounts } from './app/accounts.mjs'
import { flows as posts } from './app/posts.mjs'
import { flows as social } from './app/social.mjs'
import { flows as views } from './app/views.mjs'
import * as clients from './clients.mjs'
import * as goat from './goat.mjs'
import { check, note, settle, verdict } from './lib.mjs'
import { PASSWORD } from './load.mjs'
import { MailServer } from './mail.mjs'
import { finish, setting } from './setting.mjs'
import { startAppView } from './standin/appview.mjs'
import { Network } from './standin/network.mjs'
import { startChat, startFeed, startLabeler, startVideo } from './standin/others.mjs'
import { Pds, startPlc } from './target.mjs'

const { work, logs } = setting('app')
const { url: plc } = await startPlc({ work, logs })
const mail = await MailServer.start()
const { service: appview, views: shown } = await startAppView({ plc })
const pds = await Pds.create('pds', {
  work, logs, plc,
  env: { ...mail.env, PDS_BSKY_APP_VIEW_URL: appview.url, PDS_BSKY_APP_VIEW_DID: appview.did },
})
const network = new Network({ pds, plc })
shown.network = network
const [chat, video, feed, labeler] = await Promise.all([
  startChat({ plc }),
  startVideo({ plc, pds: () => pds }),
  startFeed({ plc }),
  startLabeler({ plc }),
])
shown.feeds = feed.service

async function person(name) {
  const agent = new AtpAgent({ service: pds.url })
  agent.email = `${name}@example.com`
  await agent.createAccount({ handle: `${name}.test`, email: agent.email, password: PASSWORD })
  return agent
}
const [alice, bob, carla, goatling] = await Promise.all(['alice', 'bobby', 'carla', 'goatling'].map(person))

// Waits until the AppView knows all that the server has.
async function level() {
  const reasons = await settle(async () => {
    const late = []
    for (const { did } of [alice, bob, carla]) {
      const status = await pds.get('com.atproto.sync.getRepoStatus', { did })
      if (status.active && network.account(did).rev !== status.rev) late.push(`${did} at ${network.account(did).rev}, the server at ${status.rev}`)
    }
    return late
  }, 20_000, 50)
  if (reasons.length) throw new Error(`the AppView does not follow: ${reasons}`)
}
const world = { pds, plc, mail, network, level, alice, bob, carla, appview, chat, video, feed, labeler, work }
note('a server, an AppView and three people')

for (const [part, flows] of Object.entries({ posts, social, views, accounts })) {
  for (const flow of flows) await check(`app: ${part}: ${flow.title}`, () => flow(world))
}
await check('app: PyPI atproto', () => clients.python('app.py', pds.url, PASSWORD, alice.did, chat.did, appview.did))
await check('goat: account, identity and tokens', () => goat.account(pds, { plc, work, mail, did: goatling.did, email: goatling.email }))
verdict('the AppView finds no fault with the event stream', network.faults)
finish()
