// A small AppView: the views that clients ask for, made from what the event stream brought.
import { refusal, Service } from './service.mjs'

const POST = 'app.bsky.feed.post'

// The server under test must know its address, so it comes first; `views.network`, which follows that
// server, and `views.feeds` are given to it later.
// The real AppView does not say with these how far it has come.
const silentAboutRev = new Set(['app.bsky.unspecced.getPostThreadV2'])

export async function startAppView({ plc }) {
  const views = new Views()
  const methods = {}
  for (const [nsid, make] of Object.entries(queries)) {
    methods[nsid] = ({ viewer, params, input, headers: { 'atproto-accept-labelers': labelers } }) => {
      const { rev } = views.network.account(viewer)
      const headers = { ...(rev && !silentAboutRev.has(nsid) && { 'atproto-repo-rev': rev }), ...(labelers && { 'atproto-content-labelers': labelers }) }
      try {
        return { body: make(views, { viewer, params, input }), headers }
      } catch (err) {
        throw Object.assign(err, { headers })
      }
    }
  }
  // Anybody may ask for a record, and a feed is asked for in the feed's name.
  methods['com.atproto.repo.getRecord'] = {
    open: true,
    handler: ({ params: { repo, collection, rkey } }) => {
      const entry = views.network.get(`at://${views.network.did(repo)}/${collection}/${rkey}`)
      if (!entry) throw refusal(400, 'RecordNotFound', 'no such record')
      return { body: { uri: entry.uri, cid: entry.cid, value: entry.record } }
    },
  }
  methods['app.bsky.feed.getFeed'] = {
    open: true,
    handler: async ({ params: { feed }, headers }) => {
      const response = await fetch(`${views.feeds.url}/xrpc/app.bsky.feed.getFeedSkeleton?${new URLSearchParams({ feed })}`, {
        headers: { authorization: headers.authorization },
      })
      const skeleton = await response.json()
      if (!response.ok) throw refusal(response.status, skeleton.error, skeleton.message)
      return { body: { feed: skeleton.feed.map(({ post }) => ({ post: views.post(views.network.get(post)) })) } }
    },
  }
  const service = await Service.start({ plc, methods, entries: { bsky_appview: 'BskyAppView', bsky_notif: 'BskyNotificationService' } })
  return { service, views }
}

export class Views {
  constructor() {
    this.seenAt = new Map()
    this.mutes = new Map()
  }

  profile(did, viewer) {
    const { handle, active } = this.network.account(did)
    if (!active) throw refusal(400, 'AccountDeactivated', 'the account is not active')
    const { displayName, description, avatar } = this.network.get(`at://${did}/app.bsky.actor.profile/self`)?.record ?? {}
    const link = (collection, from, to) => this.network.all(collection, (entry) => entry.did === from && entry.record.subject === to)[0]?.uri
    return {
      did,
      handle,
      ...(displayName && { displayName }),
      ...(description && { description }),
      ...(avatar && { avatar: `https://cdn.example.com/avatar/${did}/${avatar.ref.$link}` }),
      indexedAt: new Date(0).toISOString(),
      viewer: viewer && {
        muted: this.mutes.get(viewer)?.has(did) ?? false,
        blockedBy: Boolean(link('app.bsky.graph.block', did, viewer)),
        blocking: link('app.bsky.graph.block', viewer, did),
        following: link('app.bsky.graph.follow', viewer, did),
        followedBy: link('app.bsky.graph.follow', did, viewer),
      },
    }
  }

  detailed(did, viewer) {
    const count = (collection, which) => this.network.all(collection, which).length
    return {
      ...this.profile(did, viewer),
      followersCount: count('app.bsky.graph.follow', ({ record }) => record.subject === did),
      followsCount: count('app.bsky.graph.follow', (entry) => entry.did === did),
      postsCount: count(POST, (entry) => entry.did === did),
    }
  }

  about(uri, collection) {
    return this.network.all(collection, ({ record }) => record.subject?.uri === uri)
  }

  post(entry, viewer) {
    const [likes, reposts] = [this.about(entry.uri, 'app.bsky.feed.like'), this.about(entry.uri, 'app.bsky.feed.repost')]
    const mine = (list) => list.find(({ did }) => did === viewer)?.uri
    return {
      uri: entry.uri,
      cid: entry.cid,
      author: this.profile(entry.did, viewer),
      record: entry.record,
      likeCount: likes.length,
      repostCount: reposts.length,
      replyCount: this.replies(entry.uri).length,
      indexedAt: entry.at,
      viewer: { like: mine(likes), repost: mine(reposts) },
    }
  }

  replies(uri) {
    return this.network.all(POST, ({ record }) => record.reply?.parent.uri === uri)
  }

  thread(entry, viewer) {
    return {
      $type: 'app.bsky.feed.defs#threadViewPost',
      post: this.post(entry, viewer),
      replies: this.replies(entry.uri).map((reply) => this.thread(reply, viewer)),
    }
  }

  /** What is above the anchor, the anchor, and below it each answer before the answers to it. */
  flatThread(uri, viewer) {
    const anchor = this.network.get(uri)
    if (!anchor) return [{ uri, depth: 0, value: { $type: 'app.bsky.unspecced.defs#threadItemNotFound' } }]
    const above = []
    for (let it = anchor; (it = this.network.get(it.record.reply?.parent.uri)); ) above.unshift(it)
    const items = above.map((entry, n) => this.flatItem(entry, n - above.length, viewer))
    const below = (entry, depth) => {
      items.push(this.flatItem(entry, depth, viewer))
      for (const reply of this.replies(entry.uri)) below(reply, depth + 1)
    }
    below(anchor, 0)
    return items
  }

  flatItem(entry, depth, viewer) {
    const rest = { moreParents: false, moreReplies: 0, opThread: false, hiddenByThreadgate: false, mutedByViewer: false }
    const value = { $type: 'app.bsky.unspecced.defs#threadItemPost', post: this.post(entry, viewer), ...rest }
    return { uri: entry.uri, depth, value }
  }

  list(entry, viewer) {
    const { name, purpose, description } = entry.record
    return { uri: entry.uri, cid: entry.cid, creator: this.profile(entry.did, viewer), name, purpose, description, indexedAt: entry.at }
  }

  notifications(viewer) {
    const seen = this.seenAt.get(viewer) ?? ''
    const owns = (uri) => uri?.startsWith(`at://${viewer}/`)
    const reason = ({ collection, record }) => {
      if (collection === 'app.bsky.graph.follow' && record.subject === viewer) return ['follow']
      if (collection === 'app.bsky.feed.like' && owns(record.subject.uri)) return ['like', record.subject.uri]
      if (collection === 'app.bsky.feed.repost' && owns(record.subject.uri)) return ['repost', record.subject.uri]
      if (collection !== POST) return null
      if (owns(record.reply?.parent.uri)) return ['reply', record.reply.parent.uri]
      if (owns(record.embed?.record?.uri)) return ['quote', record.embed.record.uri]
      const mentioned = record.facets?.some(({ features }) => features.some(({ did }) => did === viewer))
      return mentioned ? ['mention'] : null
    }
    return [...this.network.records.values()]
      .filter(({ did }) => did !== viewer && this.network.account(did).active)
      .map((entry) => [entry, reason(entry)])
      .filter(([, why]) => why)
      .map(([{ uri, cid, did, record, at }, [why, subject]]) => ({
        uri, cid, author: this.profile(did, viewer), reason: why, ...(subject && { reasonSubject: subject }), record, isRead: at <= seen, indexedAt: at,
      }))
      .reverse()
  }
}

const known = (views, actor) => {
  const did = views.network.did(actor)
  if (!did || !views.network.accounts.has(did)) throw refusal(400, 'InvalidRequest', 'Profile not found')
  return did
}
const existing = (views, uri) => {
  const entry = views.network.get(uri)
  if (!entry) throw refusal(400, 'NotFound', `no such record: ${uri}`)
  return entry
}
const feed = (views, entries, viewer) => ({ feed: entries.map((entry) => ({ post: views.post(entry, viewer) })) })
const people = (views, dids, viewer) => dids.map((did) => views.profile(did, viewer))
const changeMutes = (views, viewer, change) => {
  const mutes = views.mutes.get(viewer) ?? new Set()
  change(mutes)
  views.mutes.set(viewer, mutes)
}

const queries = {
  'app.bsky.actor.getProfile': (views, { viewer, params }) => views.detailed(known(views, params.actor), viewer),
  'app.bsky.actor.getProfiles': (views, { viewer, params }) => ({
    profiles: params.actors.map((actor) => views.detailed(known(views, actor), viewer)),
  }),
  'app.bsky.actor.searchActorsTypeahead': (views, { viewer, params }) => ({
    actors: people(views, [...views.network.accounts.values()].filter(({ handle, active }) => active && handle.startsWith(params.q)).map(({ did }) => did), viewer),
  }),
  'app.bsky.feed.getTimeline': (views, { viewer }) => {
    const followed = new Set(views.network.all('app.bsky.graph.follow', ({ did }) => did === viewer).map(({ record }) => record.subject))
    return feed(views, views.network.all(POST, ({ did }) => did === viewer || followed.has(did)), viewer)
  },
  'app.bsky.feed.getAuthorFeed': (views, { viewer, params }) => {
    const author = known(views, params.actor)
    return feed(views, views.network.all(POST, ({ did }) => did === author), viewer)
  },
  'app.bsky.feed.getActorLikes': (views, { viewer, params }) => {
    const actor = known(views, params.actor)
    const likes = views.network.all('app.bsky.feed.like', ({ did }) => did === actor)
    return feed(views, likes.map(({ record }) => views.network.get(record.subject.uri)).filter(Boolean), viewer)
  },
  'app.bsky.feed.getPosts': (views, { viewer, params }) => ({
    posts: params.uris.map((uri) => views.network.get(uri)).filter(Boolean).map((entry) => views.post(entry, viewer)),
  }),
  'app.bsky.feed.getPostThread': (views, { viewer, params }) => ({ thread: views.thread(existing(views, params.uri), viewer) }),
  'app.bsky.unspecced.getPostThreadV2': (views, { viewer, params }) => ({
    thread: views.flatThread(params.anchor, viewer),
    hasOtherReplies: false,
  }),
  'app.bsky.feed.getLikes': (views, { viewer, params }) => ({
    uri: params.uri,
    likes: views.about(params.uri, 'app.bsky.feed.like').map(({ did, at, record }) => ({ actor: views.profile(did, viewer), createdAt: record.createdAt, indexedAt: at })),
  }),
  'app.bsky.feed.getRepostedBy': (views, { viewer, params }) => ({
    uri: params.uri,
    repostedBy: people(views, views.about(params.uri, 'app.bsky.feed.repost').map(({ did }) => did), viewer),
  }),
  'app.bsky.graph.getFollows': (views, { viewer, params }) => {
    const actor = known(views, params.actor)
    const follows = views.network.all('app.bsky.graph.follow', ({ did }) => did === actor)
    return { subject: views.profile(actor, viewer), follows: people(views, follows.map(({ record }) => record.subject), viewer) }
  },
  'app.bsky.graph.getFollowers': (views, { viewer, params }) => {
    const actor = known(views, params.actor)
    const follows = views.network.all('app.bsky.graph.follow', ({ record }) => record.subject === actor)
    return { subject: views.profile(actor, viewer), followers: people(views, follows.map(({ did }) => did), viewer) }
  },
  'app.bsky.graph.getBlocks': (views, { viewer }) => ({
    blocks: people(views, views.network.all('app.bsky.graph.block', ({ did }) => did === viewer).map(({ record }) => record.subject), viewer),
  }),
  'app.bsky.graph.getMutes': (views, { viewer }) => ({ mutes: people(views, [...(views.mutes.get(viewer) ?? [])], viewer) }),
  'app.bsky.graph.muteActor': (views, { viewer, input }) => changeMutes(views, viewer, (mutes) => mutes.add(known(views, input.actor))),
  'app.bsky.graph.unmuteActor': (views, { viewer, input }) => changeMutes(views, viewer, (mutes) => mutes.delete(known(views, input.actor))),
  'app.bsky.graph.getLists': (views, { viewer, params }) => {
    const actor = known(views, params.actor)
    return { lists: views.network.all('app.bsky.graph.list', ({ did }) => did === actor).map((entry) => views.list(entry, viewer)) }
  },
  'app.bsky.graph.getList': (views, { viewer, params }) => ({
    list: views.list(existing(views, params.list), viewer),
    items: views.network
      .all('app.bsky.graph.listitem', ({ record }) => record.list === params.list)
      .map(({ uri, record }) => ({ uri, subject: views.profile(record.subject, viewer) })),
  }),
  'app.bsky.graph.getStarterPack': (views, { viewer, params }) => {
    const { uri, cid, did, record, at } = existing(views, params.starterPack)
    return { starterPack: { uri, cid, record, creator: views.profile(did, viewer), indexedAt: at } }
  },
  'app.bsky.notification.listNotifications': (views, { viewer }) => ({ notifications: views.notifications(viewer), seenAt: views.seenAt.get(viewer) }),
  'app.bsky.notification.getUnreadCount': (views, { viewer }) => ({ count: views.notifications(viewer).filter(({ isRead }) => !isRead).length }),
  'app.bsky.notification.updateSeen': (views, { viewer, input }) => void views.seenAt.set(viewer, input.seenAt),
}
