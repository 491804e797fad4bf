// Writing: text with facets, pictures, videos, answers, quotes, gates.
import { RichText } from '@atproto/api'
import { assert, assertEqual, rejects } from '../lib.mjs'

export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
export const now = () => new Date().toISOString()
export const say = (agent, text, more = {}) => agent.post({ text, langs: ['en'], createdAt: now(), ...more })
const strong = ({ uri, cid }) => ({ uri, cid })

async function richText({ alice, bob, network, level }) {
  const text = new RichText({ text: 'Grüße 🐦 @bobby.test, see https://example.com/a?b=c and #bird-watching' })
  await text.detectFacets(alice)
  const features = text.facets.flatMap(({ features }) => features)
  assertEqual(features.map(({ $type }) => $type.split('#')[1]).sort(), ['link', 'mention', 'tag'], 'facets found')
  assertEqual(features.find(({ did }) => did).did, bob.did, 'DID of the mention')
  const { uri, cid } = await say(alice, text.text, { facets: text.facets, tags: ['cairn'] })
  const { posts } = (await alice.getPosts({ uris: [uri] })).data
  await level()
  const entry = network.get(uri)
  const found = entry.record.facets.map(({ index, features }) => [index.byteStart, index.byteEnd, features[0].$type])
  const meant = text.facets.map(({ index, features }) => [index.byteStart, index.byteEnd, features[0].$type])
  assertEqual([entry.cid, found], [cid, meant], 'the post off the event stream')
  assert(posts.length <= 1, 'getPosts')
}
richText.title = 'rich text with mention, link and tag'

async function pictures({ alice, network, level, pds }) {
  const images = []
  for (const alt of ['one', 'two']) {
    const { data } = await alice.uploadBlob(Buffer.concat([PNG, Buffer.from(alt)]), { encoding: 'image/png' })
    images.push({ image: data.blob, alt, aspectRatio: { width: 4, height: 3 } })
  }
  const { uri } = await say(alice, 'two pictures', { embed: { $type: 'app.bsky.embed.images', images } })
  await level()
  const links = network.get(uri).record.embed.images.map(({ image }) => image.ref.$link)
  assertEqual(links, images.map(({ image }) => image.ref.toString()), 'pictures off the event stream')
  for (const cid of links) {
    const { data } = await alice.com.atproto.sync.getBlob({ did: alice.did, cid })
    assert(Buffer.from(data).subarray(0, PNG.length).equals(PNG), 'a picture came back changed')
  }
  const { data } = await alice.com.atproto.repo.listMissingBlobs()
  assertEqual(data.blobs, [], 'missing blobs')
  const unknown = { ...images[0], image: { $type: 'blob', ref: { $link: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' }, mimeType: 'image/png', size: 5 } }
  const refused = await pds.xrpc('POST', 'com.atproto.repo.createRecord', {
    headers: { authorization: `Bearer ${alice.session.accessJwt}` },
    body: { repo: alice.did, collection: 'app.bsky.feed.post', record: { $type: 'app.bsky.feed.post', text: 'x', createdAt: now(), embed: { $type: 'app.bsky.embed.images', images: [unknown] } } },
  })
  assertEqual([refused.status, (await refused.json()).error], [400, 'BlobNotFound'], 'a post with a picture that nobody uploaded')
}
pictures.title = 'pictures'

async function videos({ alice, video, pds, network, level }) {
  const { did: server } = (await alice.com.atproto.server.describeServer()).data
  const token = async (aud, lxm) => (await alice.com.atproto.server.getServiceAuth({ aud, lxm, exp: Math.floor(Date.now() / 1000) + 1500 })).data.token
  const limits = await fetch(`${video.url}/xrpc/app.bsky.video.getUploadLimits`, {
    headers: { authorization: `Bearer ${await token(video.did, 'app.bsky.video.getUploadLimits')}` },
  })
  assertEqual((await limits.json()).canUpload, true, 'getUploadLimits')

  // The video service uploads in the account's name, with a token that is for this alone.
  const upload = async (bearer) => {
    const response = await fetch(`${video.url}/xrpc/app.bsky.video.uploadVideo?${new URLSearchParams({ did: alice.did, name: 'a.mp4' })}`, {
      method: 'POST', headers: { authorization: `Bearer ${bearer}`, 'content-type': 'video/mp4' }, body: Buffer.alloc(300_000, 7),
    })
    const body = await response.json()
    if (!response.ok) throw Object.assign(new Error(body.message), body)
    return body.jobStatus
  }
  const { jobId } = await upload(await token(server, 'com.atproto.repo.uploadBlob'))
  await rejects(upload(await token(server, 'com.atproto.repo.getRecord')), 'BadJwtLexiconMethod', 'an upload with a token for something else')
  await rejects(upload(await token(video.did, 'com.atproto.repo.uploadBlob')), 'BadJwtAudience', 'an upload with a token for somebody else')
  const { jobStatus } = await (await fetch(`${video.url}/xrpc/app.bsky.video.getJobStatus?jobId=${jobId}`)).json()
  assertEqual([jobStatus.state, jobStatus.blob.mimeType], ['JOB_STATE_COMPLETED', 'video/mp4'], 'getJobStatus')

  const record = {
    $type: 'app.bsky.feed.post', text: 'a video', createdAt: now(),
    embed: { $type: 'app.bsky.embed.video', video: jobStatus.blob, alt: 'nothing to see', aspectRatio: { width: 16, height: 9 } },
  }
  // As JSON: the blob came from another service than the library's own upload.
  const created = await pds.xrpc('POST', 'com.atproto.repo.createRecord', {
    headers: { authorization: `Bearer ${alice.session.accessJwt}` }, body: { repo: alice.did, collection: record.$type, record },
  })
  const { uri } = await created.json()
  await level()
  assertEqual(network.get(uri).record.embed.video.ref, jobStatus.blob.ref, 'the video off the event stream')
}
videos.title = 'a video, uploaded by another service'

async function threads({ alice, bob, carla, level, network }) {
  const root = await say(alice, 'a thread')
  const answer = await say(bob, 'an answer', { reply: { root: strong(root), parent: strong(root) } })
  const second = await say(carla, 'an answer to it', { reply: { root: strong(root), parent: strong(answer) } })
  const quote = await say(bob, 'a quotation', { embed: { $type: 'app.bsky.embed.record', record: strong(root) } })
  const { data: thumb } = await bob.uploadBlob(PNG, { encoding: 'image/png' })
  await say(bob, 'with a link and a quotation', {
    embed: {
      $type: 'app.bsky.embed.recordWithMedia',
      record: { $type: 'app.bsky.embed.record', record: strong(quote) },
      media: { $type: 'app.bsky.embed.external', external: { uri: 'https://example.com', title: 'An example', description: 'of a card', thumb: thumb.blob } },
    },
  })
  const rkey = root.uri.split('/').at(-1)
  await alice.app.bsky.feed.threadgate.create({ repo: alice.did, rkey }, { post: root.uri, allow: [{ $type: 'app.bsky.feed.threadgate#mentionRule' }], createdAt: now() })
  await alice.app.bsky.feed.postgate.create({ repo: alice.did, rkey }, { post: root.uri, createdAt: now(), embeddingRules: [{ $type: 'app.bsky.feed.postgate#disableRule' }] })
  await rejects(
    alice.app.bsky.feed.threadgate.create({ repo: alice.did, rkey: '3jzfcijpj2z2a' }, { createdAt: now() }),
    null,
    'a gate for no post',
  )
  await level()
  const { thread } = (await carla.getPostThread({ uri: root.uri })).data
  assertEqual(
    [thread.post.uri, thread.replies[0].post.uri, thread.replies[0].replies[0].post.uri],
    [root.uri, answer.uri, second.uri],
    'getPostThread',
  )
  await carla.deletePost(second.uri)
  await level()
  assertEqual(network.get(second.uri), undefined, 'a post after its deletion')
}
threads.title = 'threads, quotations, cards and gates'

export const flows = [richText, pictures, videos, threads]
