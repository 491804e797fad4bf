"""What a bot in Python does: PyPI's atproto against a server.

    client.py SERVICE PASSWORD
"""

import sys
from datetime import datetime, timezone

from atproto import CAR, AtUri, Client, models
from atproto.exceptions import BadRequestError, UnauthorizedError

service, password = sys.argv[1:3]
handle = 'client-python.test'


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(kind, call, what):
    try:
        call()
    except kind:
        return
    raise AssertionError(f'{what} was not refused')


Client(service).com.atproto.server.create_account(
    models.ComAtprotoServerCreateAccount.Data(handle=handle, email='python@example.com', password=password)
)
client = Client(service)
client.login(handle, password, fetch_bsky_profile=False)
session = client.com.atproto.server.get_session()
check(session.handle == handle and session.active, f'the session is {session}')
did = session.did
refused(UnauthorizedError, lambda: Client(service).login(handle, 'wrong', fetch_bsky_profile=False), 'a wrong password')

# Resumed from the exported string, as bots do between runs.
again = Client(service)
again.login(session_string=client.export_session_string(), fetch_bsky_profile=False)
check(again.com.atproto.server.get_session().did == did, 'the resumed session')

check(client.resolve_handle(handle).did == did, 'resolve_handle')
created = client.send_post('hello from Python 🐍', profile_identify=did)
uri = AtUri.from_str(created.uri)
got = client.com.atproto.repo.get_record({'repo': did, 'collection': uri.collection, 'rkey': uri.rkey})
check(got.cid == created.cid and got.value.text == 'hello from Python 🐍', 'get_record')

image = bytes.fromhex(
    '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6364'
    '60f85f0f0002870180eb47ba920000000049454e44ae426082'
)
blob = client.upload_blob(image).blob
embedded = client.send_post(
    'with a picture',
    profile_identify=did,
    embed=models.AppBskyEmbedImages.Main(images=[models.AppBskyEmbedImages.Image(alt='dot', image=blob)]),
)
fetched = client.com.atproto.sync.get_blob({'did': did, 'cid': str(blob.ref.link)})
check(fetched == image, 'get_blob')

client.app.bsky.actor.profile.create(did, models.AppBskyActorProfile.Record(display_name='Python'), rkey='self')
profile = client.app.bsky.actor.profile.get(did, 'self')
check(profile.value.display_name == 'Python', 'the profile')
listed = client.com.atproto.repo.list_records({'repo': did, 'collection': 'app.bsky.feed.post', 'limit': 50})
check({r.uri for r in listed.records} == {created.uri, embedded.uri}, 'list_records')
check(client.delete_post(created.uri), 'delete_post')
refused(
    BadRequestError,
    lambda: client.com.atproto.repo.get_record({'repo': did, 'collection': uri.collection, 'rkey': uri.rkey}),
    'a deleted record',
)

now = datetime.now(timezone.utc).isoformat()
writes = [
    models.ComAtprotoRepoApplyWrites.Create(
        collection='com.example.interop.python', rkey=f'r{i}', value={'$type': 'com.example.interop.python', 'at': now, 'i': i}
    )
    for i in range(10)
]
client.com.atproto.repo.apply_writes(models.ComAtprotoRepoApplyWrites.Data(repo=did, writes=writes))

repo = CAR.from_bytes(client.com.atproto.sync.get_repo({'did': did}))
commit = repo.blocks[repo.root]
latest = client.com.atproto.sync.get_latest_commit({'did': did})
check(str(repo.root) == latest.cid and commit['rev'] == latest.rev and commit['did'] == did, 'get_repo')
kinds = [block.get('$type') for block in repo.blocks.values() if isinstance(block, dict)]
check(kinds.count('com.example.interop.python') == 10 and kinds.count('app.bsky.feed.post') == 1, f'records in the export: {kinds}')
print('ok')
