"""Follows a server with PyPI's atproto, and speaks the suite's line protocol.

    follow.py SERVICE PLC [CURSOR]
"""

import json
import sys
import threading

from atproto import CAR, FirehoseSubscribeReposClient, models, parse_subscribe_repos_message

service, _plc = sys.argv[1:3]
last_seq = int(sys.argv[3]) if len(sys.argv) > 3 else 0
lock = threading.Lock()
repos = {}
counts = {}


def send(message):
    print(json.dumps(message), flush=True)


def fault(seq, did, what):
    send({'kind': 'fault', 'seq': seq, 'did': did, 'what': str(what)})


def state(did):
    return repos.setdefault(did, {'active': True, 'status': '', 'records': {}})


def on_commit(event):
    repo = state(event.repo)
    if repo.get('rev') is not None and event.since != repo['rev']:
        fault(event.seq, event.repo, f'since {event.since}, expected {repo["rev"]}')
    car = CAR.from_bytes(event.blocks)
    if str(car.root) != str(event.commit):
        fault(event.seq, event.repo, f'commit {event.commit}, but the root of the CAR is {car.root}')
    commit = car.blocks[car.root]
    if commit['rev'] != event.rev or commit['did'] != event.repo:
        fault(event.seq, event.repo, f'the commit says {commit["did"]} {commit["rev"]}')
    repo['rev'] = event.rev
    repo['commit'] = str(event.commit)
    for op in event.ops:
        if op.action == 'delete':
            repo['records'].pop(op.path, None)
            continue
        record = car.blocks.get(op.cid)
        if record is None:
            fault(event.seq, event.repo, f'the record of {op.path} is not in the blocks')
            continue
        if record.get('$type') != op.path.split('/')[0]:
            fault(event.seq, event.repo, f'{op.path} holds a {record.get("$type")}')
        repo['records'][op.path] = str(op.cid)


def on_message(frame):
    global last_seq
    event = parse_subscribe_repos_message(frame)
    with lock:
        kind = type(event).__name__.lower()
        counts[kind] = counts.get(kind, 0) + 1
        if isinstance(event, models.ComAtprotoSyncSubscribeRepos.Info):
            fault(last_seq, '', f'#info {event.name}')
            return
        if event.seq <= last_seq:
            fault(event.seq, '', f'sequence number after {last_seq}')
        last_seq = event.seq
        client.update_params({'cursor': last_seq})
        if isinstance(event, models.ComAtprotoSyncSubscribeRepos.Commit):
            on_commit(event)
        elif isinstance(event, models.ComAtprotoSyncSubscribeRepos.Sync):
            state(event.did)['rev'] = event.rev
            state(event.did)['commit'] = str(CAR.from_bytes(event.blocks).root)
        elif isinstance(event, models.ComAtprotoSyncSubscribeRepos.Account):
            repo = state(event.did)
            repo['active'] = event.active
            repo['status'] = event.status or ''
            if event.status == 'deleted':
                repo['records'] = {}
        elif isinstance(event, models.ComAtprotoSyncSubscribeRepos.Identity) and event.handle:
            state(event.did)['handle'] = event.handle


def on_error(error):
    fault(last_seq, '', repr(error))


client = FirehoseSubscribeReposClient(
    params={'cursor': last_seq}, base_uri=service.replace('http', 'ws') + '/xrpc', recv_timeout=None
)


def follow():
    try:
        client.start(on_message, on_error)
        fault(last_seq, '', 'the client takes the stream for ended (closed with 1000 or 1001) and stops to follow')
    except Exception as error:  # the suite must hear of whatever ends the client
        fault(last_seq, '', f'the client gave up: {error!r}')


threading.Thread(target=follow, daemon=True).start()

for line in sys.stdin:
    if line.strip() == 'report':
        with lock:
            send({'kind': 'report', 'lastSeq': last_seq, 'counts': counts, 'repos': repos})
