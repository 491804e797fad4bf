// An app in a browser, with @atcute/oauth-browser-client.
import { CompositeDidDocumentResolver, LocalActorResolver, PlcDidDocumentResolver, XrpcHandleResolver } from '@atcute/identity-resolver'
import { OAuthUserAgent, configureOAuth, createAuthorizationUrl, finalizeAuthorization, getSession } from '@atcute/oauth-browser-client'
import { report, post } from './report.mjs'

const scope = 'atproto repo:app.bsky.feed.post'
const redirect_uri = location.origin + location.pathname
configureOAuth({
  metadata: { client_id: `http://localhost?${new URLSearchParams({ redirect_uri, scope })}`, redirect_uri },
  identityResolver: new LocalActorResolver({
    handleResolver: new XrpcHandleResolver({ serviceUrl: PDS }),
    didDocumentResolver: new CompositeDidDocumentResolver({ methods: { plc: new PlcDidDocumentResolver({ apiUrl: PLC }) } }),
  }),
})

await report(async () => {
  const answer = new URLSearchParams(location.hash.slice(1))
  if (!answer.has('state')) {
    location.assign(await createAuthorizationUrl({ target: { type: 'account', identifier: 'alice.test' }, scope }))
    return
  }
  history.replaceState(null, '', location.pathname)
  const { session } = await finalizeAuthorization(answer)
  const agent = new OAuthUserAgent(session)
  const did = agent.sub
  const call = async (path, init) => (await agent.handle(path, init ?? {})).json()
  const who = await call('/xrpc/com.atproto.server.getSession')
  const { uri } = await call('/xrpc/com.atproto.repo.createRecord', post(did))
  const fresh = await getSession(did, { noCache: true })
  const again = await new OAuthUserAgent(fresh).handle('/xrpc/com.atproto.server.getSession', {})
  await new OAuthUserAgent(fresh).signOut()
  const ended = await getSession(did, { allowStale: false }).then(() => false, () => true)
  return { did, handle: who.handle, email: who.email ?? null, uri, refreshed: fresh.token.access !== session.token.access && again.ok, ended }
})
