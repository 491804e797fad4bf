"""What an app in Python does, with an AppView behind the server: PyPI's atproto.

    app.py SERVICE PASSWORD OTHER_DID CHAT_DID AUDIENCE
"""

import base64
import json
import sys
import time

from atproto import AtUri, Client, SessionEvent, client_utils, models
from atproto.exceptions import BadRequestError

service, password, other, chat_did, audience = sys.argv[1:6]
handle = 'app-python.test'
image = bytes.fromhex(
    '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6364'
    '60f85f0f0002870180eb47ba920000000049454e44ae426082'
)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(call, error, what):
    try:
        call()
    except BadRequestError as err:
        check(err.response.content.error == error, f'{what}: {err.response.content}')
        return
    raise AssertionError(f'{what} was not refused')


def eventually(probe, what):
    """The AppView is a moment behind."""
    for _ in range(200):
        if probe():
            return
        time.sleep(0.05)
    raise AssertionError(f'the AppView does not know: {what}')


def fetch(uri):
    uri = AtUri.from_str(uri)
    return client.com.atproto.repo.get_record({'repo': uri.host, 'collection': uri.collection, 'rkey': uri.rkey}).value


Client(service).com.atproto.server.create_account(
    models.ComAtprotoServerCreateAccount.Data(handle=handle, email='app-python@example.com', password=password)
)
client = Client(service)
client.login(handle, password, fetch_bsky_profile=False)
did = client.com.atproto.server.get_session().did
client.app.bsky.actor.profile.create(did, models.AppBskyActorProfile.Record(display_name='Python'), rkey='self')
eventually(lambda: client.get_profile(did).display_name == 'Python', 'the profile')
profile = client.login(handle, password)
check(profile.display_name == 'Python', 'the profile of a session')

# Rich text, pictures, a video, answers and quotations.
text = client_utils.TextBuilder().text('Grüße 🐦 ').mention('you', other).text(' ').link('here', 'https://example.com').text(' ').tag('#birds', 'birds')
root = client.send_post(text)
facets = fetch(root.uri).facets
check([facet.features[0].py_type.split('#')[1] for facet in facets] == ['mention', 'link', 'tag'], f'facets: {facets}')
check(facets[0].index.byte_start == len('Grüße 🐦 '.encode()), 'the place of the mention')
pictures = client.send_images(
    'pictures',
    [image, image + b'2'],
    image_alts=['one', 'two'],
    image_aspect_ratios=[models.AppBskyEmbedDefs.AspectRatio(width=1, height=1)] * 2,
)
stored = fetch(pictures.uri).embed.images
check([i.alt for i in stored] == ['one', 'two'], 'send_images')
check(client.com.atproto.sync.get_blob({'did': did, 'cid': str(stored[1].image.ref.link)}) == image + b'2', 'get_blob')
video = client.send_video('a video', b'\0\0\0\x18ftypmp42' + bytes(5000), video_alt='nothing')
check(fetch(video.uri).embed.video.size == 5012, 'send_video')

strong = models.create_strong_ref
answer = client.send_post('an answer', reply_to=models.AppBskyFeedPost.ReplyRef(parent=strong(root), root=strong(root)))
second = client.send_post('and one more', reply_to=models.AppBskyFeedPost.ReplyRef(parent=strong(answer), root=strong(root)))
client.send_post('a quotation', embed=models.AppBskyEmbedRecord.Main(record=strong(root)))
thread = client.get_post_thread(root.uri).thread
check(thread.replies[0].post.uri == answer.uri, 'get_post_thread')
eventually(lambda: client.get_post_thread(root.uri).thread.replies[0].replies[0].post.uri == second.uri, 'the thread')
check(any(item.post.uri == root.uri for item in client.get_author_feed(did).feed), 'get_author_feed')
check(any(item.post.uri == root.uri for item in client.get_timeline().feed), 'get_timeline')

# Others.
like = client.like(root.uri, root.cid)
repost = client.repost(root.uri, root.cid)
follow = client.follow(other)
eventually(lambda: client.get_posts([root.uri]).posts[0].like_count == 1, 'a like')
eventually(lambda: client.get_profile(other).viewer.following == follow.uri, 'a follow')
client.unlike(like.uri)
client.unrepost(repost.uri)
client.unfollow(follow.uri)
eventually(lambda: client.get_profile(other).viewer.following is None, 'the end of a follow')
client.mute(other)
check(client.get_profile(other).viewer.muted, 'mute')
client.unmute(other)
client.app.bsky.notification.update_seen({'seen_at': client.get_current_time_iso()})
check(client.app.bsky.notification.get_unread_count().count == 0, 'get_unread_count')

# Lists.
now = client.get_current_time_iso()
created = client.app.bsky.graph.list.create(
    did, models.AppBskyGraphList.Record(name='people', purpose='app.bsky.graph.defs#modlist', created_at=now)
)
item = client.app.bsky.graph.listitem.create(did, models.AppBskyGraphListitem.Record(list=created.uri, subject=other, created_at=now))
eventually(lambda: client.app.bsky.graph.get_lists({'actor': did}).lists, 'a list')
eventually(lambda: [i.subject.did for i in client.app.bsky.graph.get_list({'list': created.uri}).items] == [other], 'an item')
check(client.app.bsky.graph.listitem.delete(did, AtUri.from_str(item.uri).rkey), 'listitem.delete')

# Preferences.
wanted = [
    models.AppBskyActorDefs.AdultContentPref(enabled=True),
    models.AppBskyActorDefs.MutedWordsPref(items=[models.AppBskyActorDefs.MutedWord(value='spoiler', targets=['content'])]),
]
client.app.bsky.actor.put_preferences({'preferences': wanted})
kept = client.app.bsky.actor.get_preferences().preferences
check({p.py_type for p in kept} == {p.py_type for p in wanted}, f'preferences: {kept}')

# Tokens for other services, and what they may not be for.
token = client.com.atproto.server.get_service_auth({'aud': audience, 'lxm': 'app.bsky.feed.getTimeline'}).token
claims = json.loads(base64.urlsafe_b64decode(token.split('.')[1] + '=='))
check((claims['iss'], claims['aud'], claims['lxm']) == (did, audience, 'app.bsky.feed.getTimeline'), f'claims: {claims}')
refused(lambda: client.com.atproto.server.get_service_auth({'aud': audience, 'exp': int(time.time()) + 600}), 'BadExpiration', 'a long token for anything')
messages = client.with_proxy('bsky_chat', chat_did)
convo = messages.chat.bsky.convo.get_convo_for_members({'members': [other]}).convo
sent = messages.chat.bsky.convo.send_message({'convo_id': convo.id, 'message': {'text': 'hello'}})
check(messages.chat.bsky.convo.get_messages({'convo_id': convo.id}).messages[0].id == sent.id, 'get_messages')

# Sessions: exported, imported, refreshed, and told of.
events = []
client.on_session_change(lambda event, session: events.append(event))
exported = client.export_session_string()
again = Client(service)
again.login(session_string=exported)
check(again.me.did == did, 'the imported session')
time.sleep(1.1)  # tokens carry whole seconds
before = client._session.access_jwt
client._refresh_and_set_session()
check(client._session.access_jwt != before and events == [SessionEvent.REFRESH], f'a refreshed session: {events}')
client.send_post('with the new token')
client.update_handle('app-python-two.test')
check(Client(service).resolve_handle('app-python-two.test').did == did, 'update_handle')
print('ok')
