// The other services of the network, as small as they can be: chat, video, a feed, a labeler.
import crypto from 'node:crypto'
import { refusal, Service } from './service.mjs'

export function startChat({ plc }) {
  const convos = new Map()
  const find = (viewer, id) => {
    const convo = convos.get(id)
    if (!convo?.members.includes(viewer)) throw refusal(400, 'InvalidConvo', 'no such conversation')
    return convo
  }
  const view = ({ id, members, messages }) => ({
    id, rev: String(messages.length), muted: false, unreadCount: 0, status: 'accepted',
    members: members.map((did) => ({ did, handle: 'handle.invalid' })),
    ...(messages.length && { lastMessage: { $type: 'chat.bsky.convo.defs#messageView', ...messages.at(-1) } }),
  })
  return Service.start({
    plc,
    entries: { bsky_chat: 'BskyChatService' },
    methods: {
      'chat.bsky.convo.getConvoForMembers': ({ viewer, params }) => {
        const members = [...new Set([viewer, ...[params.members].flat()])].sort()
        const id = crypto.createHash('sha256').update(members.join()).digest('hex').slice(0, 16)
        if (!convos.has(id)) convos.set(id, { id, members, messages: [] })
        return { body: { convo: view(convos.get(id)) } }
      },
      'chat.bsky.convo.listConvos': ({ viewer }) => ({
        body: { convos: [...convos.values()].filter(({ members }) => members.includes(viewer)).map(view) },
      }),
      'chat.bsky.convo.sendMessage': ({ viewer, input }) => {
        const { messages } = find(viewer, input.convoId)
        messages.push({ id: String(messages.length), rev: String(messages.length), text: input.message.text, sender: { did: viewer }, sentAt: new Date().toISOString() })
        return { body: messages.at(-1) }
      },
      'chat.bsky.convo.getMessages': ({ viewer, params }) => ({
        body: { messages: find(viewer, params.convoId).messages.map((message) => ({ $type: 'chat.bsky.convo.defs#messageView', ...message })).reverse() },
      }),
    },
  })
}

// Takes a file with a token that is meant for the PDS, and uploads what it makes of it with that token.
export function startVideo({ plc, pds }) {
  const jobs = new Map()
  return Service.start({
    plc,
    entries: { bsky_video: 'BskyVideoService' },
    methods: {
      'app.bsky.video.getUploadLimits': () => ({ body: { canUpload: true, remainingDailyVideos: 25, remainingDailyBytes: 10_000_000 } }),
      'app.bsky.video.uploadVideo': {
        open: true,
        handler: async ({ params: { did }, input, headers }) => {
          const response = await fetch(`${pds().url}/xrpc/com.atproto.repo.uploadBlob`, {
            method: 'POST',
            headers: { authorization: headers.authorization, 'content-type': 'video/mp4' },
            body: Buffer.concat([input, Buffer.from('made smaller')]),
          })
          const answer = await response.json()
          if (!response.ok) throw refusal(response.status, answer.error, answer.message)
          const jobStatus = { jobId: crypto.randomUUID(), did, state: 'JOB_STATE_COMPLETED', progress: 100, blob: answer.blob }
          jobs.set(jobStatus.jobId, jobStatus)
          return { body: { jobStatus: { ...jobStatus, state: 'JOB_STATE_CREATED', blob: undefined } } }
        },
      },
      'app.bsky.video.getJobStatus': { open: true, handler: ({ params: { jobId } }) => ({ body: { jobStatus: jobs.get(jobId) } }) },
    },
  })
}

// A feed of the posts that it is told of. The AppView asks it with the reader's token for the feed.
export async function startFeed({ plc }) {
  const posts = []
  const service = await Service.start({
    plc,
    entries: { bsky_fg: 'BskyFeedGenerator' },
    methods: { 'app.bsky.feed.getFeedSkeleton': () => ({ body: { feed: posts.map((post) => ({ post })) } }) },
  })
  return { service, posts }
}

export async function startLabeler({ plc }) {
  const reports = []
  const service = await Service.start({
    plc,
    entries: { atproto_labeler: 'AtprotoLabeler' },
    methods: {
      'com.atproto.moderation.createReport': ({ viewer, input }) => {
        reports.push({ viewer, ...input })
        return { body: { ...input, id: reports.length, reportedBy: viewer, createdAt: new Date().toISOString() } }
      },
    },
  })
  return { service, reports }
}
