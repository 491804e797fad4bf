// Reading: what the AppView shows, completed by the server where the AppView is behind.
import { assert, assertEqual } from '../lib.mjs'
import { PNG, now, say } from './posts.mjs'

// Not part of the profile: pictures are found by what is in their address.
const shows = (address, blob) => address?.includes(blob.ref.toString())

async function behind({ alice, bob, network, level }) {
  await say(alice, 'the AppView knows this')
  const question = await say(bob, 'a question')
  await level()
  const { headers: fresh } = await alice.getTimeline()
  assertEqual(fresh['atproto-upstream-lag'], undefined, 'the lag of an AppView that is level')

  const catchUp = network.fallBehind()
  const { data: avatar } = await alice.uploadBlob(Buffer.concat([PNG, Buffer.from('new')]), { encoding: 'image/png' })
  await alice.upsertProfile((old) => ({ ...old, displayName: 'Alice, a moment ago', avatar: avatar.blob }))
  const { data: image } = await alice.uploadBlob(Buffer.concat([PNG, Buffer.from('newer')]), { encoding: 'image/png' })
  const post = await say(alice, 'the AppView does not know this', {
    embed: { $type: 'app.bsky.embed.images', images: [{ image: image.blob, alt: 'newer' }] },
  })
  const answer = await say(alice, 'nor this', { reply: { root: question, parent: question } })

  const profile = await alice.getProfile({ actor: alice.did })
  assertEqual(profile.data.displayName, 'Alice, a moment ago', 'name in one’s own profile')
  assert(shows(profile.data.avatar, avatar.blob), `picture in one’s own profile: ${profile.data.avatar}`)
  assert(Number(profile.headers['atproto-upstream-lag']) >= 0, 'no lag is told')
  const { profiles } = (await alice.app.bsky.actor.getProfiles({ actors: [bob.did, alice.did] })).data
  assertEqual(profiles[1].displayName, 'Alice, a moment ago', 'name among profiles')
  for (const [name, { data }] of Object.entries({ getTimeline: await alice.getTimeline(), getAuthorFeed: await alice.getAuthorFeed({ actor: alice.did }) })) {
    const found = data.feed.find((item) => item.post.uri === post.uri)
    assert(found, `${name} lacks the new post`)
    assertEqual(found.post.author.displayName, 'Alice, a moment ago', `name of the author in ${name}`)
    assert(shows(found.post.embed.images[0].fullsize, image.blob), `picture of the new post in ${name}`)
  }
  const { thread } = (await alice.getPostThread({ uri: question.uri })).data
  assertEqual(thread.replies[0]?.post.uri, answer.uri, 'the new answer in its thread')
  assertEqual((await alice.getPostThread({ uri: post.uri })).data.thread.post.uri, post.uri, 'a thread that begins with the new post')
  const flat = async (anchor) => (await alice.app.bsky.unspecced.getPostThreadV2({ anchor })).data.thread
  const answered = await flat(question.uri)
  assertEqual(answered.map(({ uri, depth }) => `${depth} ${uri}`), [`0 ${question.uri}`, `1 ${answer.uri}`], 'the new answer in its flat thread')
  const own = await flat(post.uri)
  assertEqual(own[0].value.$type, 'app.bsky.unspecced.defs#threadItemPost', 'a flat thread that begins with the new post')
  assertEqual((await flat(answer.uri)).map(({ depth }) => depth), [-1, 0], 'what is above the new answer')
  // Others see what the AppView knows.
  assert((await bob.getProfile({ actor: alice.did })).data.displayName !== 'Alice, a moment ago', 'others see what the AppView does not know')

  catchUp()
  await level()
  const { data, headers } = await alice.getAuthorFeed({ actor: alice.did })
  assertEqual(data.feed.filter((item) => item.post.uri === post.uri).length, 1, 'the post when the AppView knows it')
  assertEqual(headers['atproto-upstream-lag'], undefined, 'the lag when the AppView is level again')
  assertEqual((await bob.getProfile({ actor: alice.did })).data.displayName, 'Alice, a moment ago', 'what others see then')
}
behind.title = 'read-after-write, and an AppView that is behind'

async function feeds({ alice, bob, feed, level }) {
  const { uri } = await say(bob, 'in the feed')
  feed.posts.push(uri)
  await bob.app.bsky.feed.generator.create(
    { repo: bob.did, rkey: 'birds' },
    { did: feed.service.did, displayName: 'Birds', createdAt: now() },
  )
  await level()
  const { data } = await alice.app.bsky.feed.getFeed({ feed: `at://${bob.did}/app.bsky.feed.generator/birds` })
  assertEqual(data.feed.map(({ post }) => post.uri), [uri], 'getFeed')
  assertEqual(feed.service.last('app.bsky.feed.getFeedSkeleton').viewer, alice.did, 'who reads the feed')
}
feeds.title = 'a feed of somebody else'

async function preferences({ alice }) {
  await alice.setAdultContentEnabled(true)
  await alice.setContentLabelPref('nudity', 'warn')
  await alice.addSavedFeeds([{ type: 'timeline', value: 'following', pinned: true }])
  await alice.addSavedFeeds([{ type: 'feed', value: `at://${alice.did}/app.bsky.feed.generator/birds`, pinned: false }])
  await alice.addMutedWords([{ value: 'spoiler', targets: ['content', 'tag'], actorTarget: 'all' }])
  await alice.setInterestsPref({ tags: ['birds', 'code'] })
  await alice.setThreadViewPrefs({ sort: 'newest' })
  await alice.setPersonalDetails({ birthDate: '1990-02-03T00:00:00.000Z' })
  const preferences = await alice.getPreferences()
  assertEqual(preferences.savedFeeds.map(({ type, pinned }) => [type, pinned]).slice(-2), [['timeline', true], ['feed', false]], 'saved feeds')
  const { moderationPrefs, interests, threadViewPrefs, birthDate } = preferences
  assertEqual(moderationPrefs.mutedWords.map(({ value }) => value), ['spoiler'], 'muted words')
  assertEqual([moderationPrefs.adultContentEnabled, moderationPrefs.labels.nudity], [true, 'warn'], 'what is shown')
  assertEqual([interests.tags, threadViewPrefs.sort, birthDate.getUTCFullYear()], [['birds', 'code'], 'newest', 1990], 'the rest')
  await alice.removeMutedWords(moderationPrefs.mutedWords)
  assertEqual((await alice.getPreferences()).moderationPrefs.mutedWords, [], 'muted words after their removal')
}
preferences.title = 'preferences'

export const flows = [behind, feeds, preferences]
