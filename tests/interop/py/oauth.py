"""An app on the person's own machine, in Python: PyPI's atproto-oauth.

    oauth.py SERVICE AT PLC DID

It prints the page to go to, reads with which query the browser was sent back, and prints what came of it. SERVICE is the
server's public URL, AT where it listens: the proxy at which TLS ends is played here.
"""

import asyncio
import json
import sys
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlencode

import httpx
from atproto_identity.resolver import AsyncIdResolver

service, at, plc, did = sys.argv[1:5]
public, listens = httpx.URL(service), httpx.URL(at)


class BehindProxy(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request):
        if request.url.host == public.host:
            request.url = request.url.copy_with(scheme=listens.scheme, host=listens.host, port=listens.port)
        return await super().handle_async_request(request)


httpx.AsyncHTTPTransport = BehindProxy

from atproto_oauth import OAuthClient  # noqa: E402
from atproto_oauth.stores.memory import MemorySessionStore, MemoryStateStore  # noqa: E402

SCOPE = 'atproto repo:app.bsky.feed.post'
REDIRECT_URI = 'http://127.0.0.1:8999/callback'


def emit(value):
    print(json.dumps(value), flush=True)


async def main():
    client_id = 'http://localhost?' + urlencode({'scope': SCOPE, 'redirect_uri': REDIRECT_URI})
    client = OAuthClient(client_id, REDIRECT_URI, SCOPE, MemoryStateStore(), MemorySessionStore())
    client._id_resolver = AsyncIdResolver(plc_url=plc)
    page, _ = await client.start_authorization(did)
    emit({'page': page})
    answer = {name: values[0] for name, values in parse_qs(sys.stdin.readline().strip()).items()}
    session = await client.handle_callback(answer['code'], answer['state'], answer['iss'])

    async def call(method, nsid, **more):
        response = await client.make_authenticated_request(session, method, f'{service}/xrpc/{nsid}', **more)
        return response.status_code, response.json()

    status, who = await call('GET', 'com.atproto.server.getSession')
    assert status == 200, who
    post = {'$type': 'app.bsky.feed.post', 'text': 'by an app in Python', 'createdAt': datetime.now(timezone.utc).isoformat()}
    record = {'repo': did, 'collection': 'app.bsky.feed.post', 'record': post}
    status, created = await call('POST', 'com.atproto.repo.createRecord', json=record)
    assert status == 200, created
    before = session.access_token
    session = await client.refresh_session(session)
    status, again = await call('GET', 'com.atproto.server.getSession')
    assert status == 200, again
    await client.revoke_session(session)
    status, _ = await call('GET', 'com.atproto.server.getSession')
    emit({
        'did': who['did'],
        'handle': who['handle'],
        'email': who.get('email', ''),
        'uri': created['uri'],
        'scopes': session.scope,
        'refreshed': before != session.access_token,
        'ended': status == 401,
    })


asyncio.run(main())
