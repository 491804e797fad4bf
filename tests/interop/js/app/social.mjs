// Between people: likes, follows, lists, notifications, messages, reports.
import { assert, assertEqual, rejects } from '../lib.mjs'
import { PASSWORD } from '../load.mjs'
import { AtpAgent } from '@atproto/api'
import { now, say } from './posts.mjs'

async function approval({ alice, bob, level }) {
  const post = await say(alice, 'like this')
  const like = await bob.like(post.uri, post.cid)
  // Whoever likes it again has lost the answer: the new like takes the place of the old one.
  const again = await bob.like(post.uri, post.cid)
  const repost = await bob.repost(post.uri, post.cid)
  await level()
  const { posts } = (await bob.getPosts({ uris: [post.uri] })).data
  assertEqual([posts[0].likeCount, posts[0].repostCount, posts[0].viewer.like, posts[0].viewer.repost], [1, 1, again.uri, repost.uri], 'counts of a post')
  assert(again.uri !== like.uri, 'the first like is still there')
  assertEqual((await alice.getLikes({ uri: post.uri })).data.likes.map(({ actor }) => actor.did), [bob.did], 'getLikes')
  assertEqual((await alice.getRepostedBy({ uri: post.uri })).data.repostedBy.map(({ did }) => did), [bob.did], 'getRepostedBy')
  await bob.deleteLike(again.uri)
  await bob.deleteRepost(repost.uri)
  await level()
  assertEqual((await bob.getPosts({ uris: [post.uri] })).data.posts[0].likeCount, 0, 'likes after the like was taken back')
}
approval.title = 'likes and reposts'

async function company({ alice, bob, carla, level }) {
  const follow = await alice.follow(bob.did)
  await carla.follow(alice.did)
  await alice.app.bsky.graph.block.create({ repo: alice.did }, { subject: carla.did, createdAt: now() })
  await alice.mute(carla.did)
  await level()
  assertEqual((await alice.getFollows({ actor: alice.did })).data.follows.map(({ did }) => did), [bob.did], 'getFollows')
  assertEqual((await alice.getFollowers({ actor: 'alice.test' })).data.followers.map(({ did }) => did), [carla.did], 'getFollowers')
  const { viewer } = (await alice.getProfile({ actor: 'carla.test' })).data
  assert(viewer.blocking && viewer.muted && viewer.followedBy, `what alice sees of carla: ${JSON.stringify(viewer)}`)
  assertEqual((await alice.app.bsky.graph.getBlocks()).data.blocks.map(({ did }) => did), [carla.did], 'getBlocks')
  assertEqual((await alice.app.bsky.graph.getMutes()).data.mutes.map(({ did }) => did), [carla.did], 'getMutes')
  await alice.unmute(carla.did)
  await alice.app.bsky.graph.block.delete({ repo: alice.did, rkey: viewer.blocking.split('/').at(-1) })
  await alice.deleteFollow(follow.uri)
  await alice.follow(bob.did)
  await level()
  const after = (await alice.getProfile({ actor: carla.did })).data.viewer
  assertEqual([after.blocking, after.muted], [undefined, false], 'what alice sees of carla afterwards')
  assertEqual((await alice.searchActorsTypeahead({ q: 'bob' })).data.actors.map(({ handle }) => handle), ['bobby.test'], 'searchActorsTypeahead')
}
company.title = 'follows, blocks and mutes'

async function lists({ alice, bob, carla, level }) {
  const list = await alice.app.bsky.graph.list.create(
    { repo: alice.did },
    { name: 'birds', purpose: 'app.bsky.graph.defs#curatelist', description: 'people who watch birds', createdAt: now() },
  )
  for (const { did } of [bob, carla]) {
    await alice.app.bsky.graph.listitem.create({ repo: alice.did }, { list: list.uri, subject: did, createdAt: now() })
  }
  const pack = await alice.app.bsky.graph.starterpack.create({ repo: alice.did }, { name: 'begin here', list: list.uri, feeds: [], createdAt: now() })
  await level()
  assertEqual((await bob.app.bsky.graph.getLists({ actor: alice.did })).data.lists.map(({ name }) => name), ['birds'], 'getLists')
  const { items } = (await bob.app.bsky.graph.getList({ list: list.uri })).data
  assertEqual(items.map(({ subject }) => subject.did).sort(), [bob.did, carla.did].sort(), 'getList')
  await alice.app.bsky.graph.listitem.delete({ repo: alice.did, rkey: items[0].uri.split('/').at(-1) })
  await level()
  assertEqual((await bob.app.bsky.graph.getList({ list: list.uri })).data.items.length, 1, 'items after one was taken out')
  const { starterPack } = (await bob.app.bsky.graph.getStarterPack({ starterPack: pack.uri })).data
  assertEqual([starterPack.uri, starterPack.record.list], [pack.uri, list.uri], 'getStarterPack')
}
lists.title = 'lists and starter packs'

async function notifications({ alice, bob, level, appview }) {
  const before = (await alice.countUnreadNotifications()).data.count
  const post = await say(alice, 'tell me')
  await bob.like(post.uri, post.cid)
  await say(bob, 'yes', { reply: { root: post, parent: post } })
  await level()
  assertEqual((await alice.countUnreadNotifications()).data.count, before + 2, 'unread notifications')
  const { notifications } = (await alice.listNotifications({ limit: 50 })).data
  assertEqual(notifications.slice(0, 2).map(({ reason, author, isRead }) => [reason, author.did, isRead]), [['reply', bob.did, false], ['like', bob.did, false]], 'the newest notifications')
  assert(notifications.some(({ reason }) => reason === 'follow'), 'no notification of a follow')
  await alice.updateSeenNotifications()
  assertEqual((await alice.countUnreadNotifications()).data.count, 0, 'unread notifications after all were seen')
  assertEqual(appview.last('app.bsky.notification.updateSeen').viewer, alice.did, 'whose notifications were seen')
}
notifications.title = 'notifications'

async function messages({ alice, bob, chat, pds }) {
  const proxied = (agent) => agent.withProxy('bsky_chat', chat.did)
  const [hers, his] = [proxied(alice), proxied(bob)]
  const { convo } = (await hers.chat.bsky.convo.getConvoForMembers({ members: [bob.did] })).data
  await hers.chat.bsky.convo.sendMessage({ convoId: convo.id, message: { text: 'between us 🐦' } })
  await his.chat.bsky.convo.sendMessage({ convoId: convo.id, message: { text: 'yes' } })
  const { messages } = (await his.chat.bsky.convo.getMessages({ convoId: convo.id })).data
  assertEqual(messages.map(({ text, sender }) => [text, sender.did]), [['yes', bob.did], ['between us 🐦', alice.did]], 'getMessages')
  assertEqual((await his.chat.bsky.convo.listConvos()).data.convos.length, 1, 'listConvos')

  // Messages are not for every app.
  for (const [name, privileged] of [['plain', false], ['trusted', true]]) {
    const { data } = await alice.com.atproto.server.createAppPassword({ name, privileged })
    const app = new AtpAgent({ service: pds.url })
    await app.login({ identifier: alice.did, password: data.password })
    const listed = proxied(app).chat.bsky.convo.listConvos()
    if (privileged) assertEqual((await listed).data.convos.length, 1, 'listConvos with a privileged app password')
    else await rejects(listed, 'InvalidToken', 'listConvos with an app password')
  }
  await rejects(new AtpAgent({ service: pds.url }).login({ identifier: alice.did, password: `${PASSWORD}!` }), 'AuthenticationRequired', 'a wrong password')
}
messages.title = 'direct messages'

async function labels({ alice, bob, labeler, appview }) {
  alice.configureLabelers([labeler.service.did])
  const { headers } = await alice.getProfile({ actor: bob.did })
  const sent = appview.last('app.bsky.actor.getProfile').headers['atproto-accept-labelers']
  assert(sent.includes(labeler.service.did), `the AppView was asked for labels of ${sent}`)
  assert(headers['atproto-content-labelers'].includes(labeler.service.did), 'the labelers in the answer')
  const report = await alice.withProxy('atproto_labeler', labeler.service.did).createModerationReport({
    reasonType: 'com.atproto.moderation.defs#reasonSpam',
    subject: { $type: 'com.atproto.admin.defs#repoRef', did: bob.did },
  })
  assertEqual([report.data.reportedBy, labeler.reports[0].subject.did], [alice.did, bob.did], 'a report at the labeler')
}
labels.title = 'labelers and reports'

export const flows = [approval, company, lists, notifications, messages, labels]
