// An app in a browser, with @atproto/oauth-client-browser.
import { BrowserOAuthClient } from '@atproto/oauth-client-browser'
import { report, post } from './report.mjs'

const scope = 'atproto repo:app.bsky.feed.post'
const redirect_uri = location.origin + location.pathname
const client = new BrowserOAuthClient({
  clientMetadata: {
    client_id: `http://localhost?${new URLSearchParams({ redirect_uri, scope })}`,
    redirect_uris: [redirect_uri],
    scope,
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    dpop_bound_access_tokens: true,
  },
  handleResolver: PDS,
  plcDirectoryUrl: PLC,
  allowHttp: true,
})

await report(async () => {
  const found = await client.init()
  if (!found) return client.signInRedirect('alice.test')
  const { session } = found
  const call = async (path, init) => (await session.fetchHandler(path, init)).json()
  const who = await call('/xrpc/com.atproto.server.getSession')
  const { uri } = await call('/xrpc/com.atproto.repo.createRecord', post(session.did))
  const before = await session.getTokenInfo()
  const after = await session.getTokenInfo(true)
  const again = await call('/xrpc/com.atproto.server.getSession')
  await session.signOut()
  const ended = await client.restore(session.did).then(() => false, () => true)
  return { did: session.did, handle: who.handle, email: who.email ?? null, uri, refreshed: after.expiresAt >= before.expiresAt && again.did === session.did, ended }
})
