package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	comatproto "github.com/bluesky-social/indigo/api/atproto"
	"github.com/bluesky-social/indigo/atproto/identity"
	"github.com/bluesky-social/indigo/atproto/repo"
	"github.com/bluesky-social/indigo/atproto/syntax"
	"github.com/bluesky-social/indigo/events"
	lexutil "github.com/bluesky-social/indigo/lex/util"
	"github.com/gorilla/websocket"
)

// Limits of the event stream.
const (
	maxFrame      = 5_000_000
	maxBlocks     = 2_000_000
	maxSyncBlocks = 10_000
	maxOps        = 200
)

type repoState struct {
	Rev     string            `json:"rev"`
	Data    string            `json:"data"`
	Commit  string            `json:"commit"`
	Active  bool              `json:"active"`
	Status  string            `json:"status"`
	Handle  string            `json:"handle"`
	Records map[string]string `json:"records"`
	// What was told of the account, in order: the types of the events, and with #account the status.
	Events []string `json:"events"`

	// The revision that was fetched when a #sync named a tree we did not know:
	// commits up to here are in it.
	fetched string
}

type follower struct {
	service string
	dir     identity.Directory

	mu      sync.Mutex
	lastSeq int64
	repos   map[string]*repoState
	frames  map[int64]string
	counts  map[string]int
	opens   int
}

func newFollower(service string, dir identity.Directory, cursor int64) *follower {
	return &follower{
		service: service,
		dir:     dir,
		lastSeq: cursor,
		repos:   map[string]*repoState{},
		frames:  map[int64]string{},
		counts:  map[string]int{},
	}
}

// report prints all that is known, while nothing changes it.
func (f *follower) report() {
	f.mu.Lock()
	defer f.mu.Unlock()
	emit(map[string]any{
		"kind": "report", "lastSeq": f.lastSeq, "counts": f.counts,
		"repos": f.repos, "frames": f.frames, "opens": f.opens,
	})
}

func (f *follower) fault(seq int64, did, format string, args ...any) {
	emit(map[string]any{"kind": "fault", "seq": seq, "did": did, "what": fmt.Sprintf(format, args...)})
}

// run connects again and again from the last sequence number, as a consumer
// must that follows a server through its restarts.
func (f *follower) run(ctx context.Context) {
	url := strings.Replace(f.service, "http", "ws", 1) + "/xrpc/com.atproto.sync.subscribeRepos"
	for {
		f.mu.Lock()
		cursor := f.lastSeq
		f.mu.Unlock()
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, fmt.Sprintf("%s?cursor=%d", url, cursor), http.Header{})
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		conn.SetReadLimit(maxFrame)
		f.mu.Lock()
		f.opens++
		f.mu.Unlock()
		for {
			kind, frame, err := conn.ReadMessage()
			if err != nil {
				break
			}
			f.mu.Lock()
			if kind != websocket.BinaryMessage {
				f.fault(f.lastSeq, "", "a frame of type %d", kind)
			} else {
				f.frame(ctx, frame)
			}
			f.mu.Unlock()
		}
		conn.Close()
	}
}

func (f *follower) frame(ctx context.Context, frame []byte) {
	r := bytes.NewReader(frame)
	var header events.EventHeader
	if err := header.UnmarshalCBOR(r); err != nil {
		f.fault(f.lastSeq, "", "frame header: %s", err)
		return
	}
	if header.Op != events.EvtKindMessage {
		f.fault(f.lastSeq, "", "an error frame: %q", frame)
		return
	}

	var (
		body lexutil.CBOR
		seq  *int64
		when *string
	)
	switch header.MsgType {
	case "#commit":
		evt := &comatproto.SyncSubscribeRepos_Commit{}
		body, seq, when = evt, &evt.Seq, &evt.Time
	case "#sync":
		evt := &comatproto.SyncSubscribeRepos_Sync{}
		body, seq, when = evt, &evt.Seq, &evt.Time
	case "#identity":
		evt := &comatproto.SyncSubscribeRepos_Identity{}
		body, seq, when = evt, &evt.Seq, &evt.Time
	case "#account":
		evt := &comatproto.SyncSubscribeRepos_Account{}
		body, seq, when = evt, &evt.Seq, &evt.Time
	default:
		f.fault(f.lastSeq, "", "an event of type %q", header.MsgType)
		return
	}
	if err := body.UnmarshalCBOR(r); err != nil {
		f.fault(f.lastSeq, "", "%s body: %s", header.MsgType, err)
		return
	}
	f.counts[header.MsgType]++

	// Canonical encoding, and no fields that a relay would lose.
	var again bytes.Buffer
	if err := header.MarshalCBOR(&again); err != nil {
		f.fault(*seq, "", "encoding the header: %s", err)
	}
	if err := body.MarshalCBOR(&again); err != nil {
		f.fault(*seq, "", "encoding the body: %s", err)
	}
	if !bytes.Equal(again.Bytes(), frame) {
		f.fault(*seq, "", "%s is not in canonical form, or has unknown fields", header.MsgType)
	}

	if *seq <= f.lastSeq {
		f.fault(*seq, "", "sequence number after %d", f.lastSeq)
	}
	if *seq >= 1<<53 {
		f.fault(*seq, "", "sequence number above 2^53")
	}
	f.lastSeq = *seq
	if _, err := syntax.ParseDatetime(*when); err != nil {
		f.fault(*seq, "", "time %q: %s", *when, err)
	}
	sum := sha256.Sum256(frame)
	f.frames[*seq] = hex.EncodeToString(sum[:12])

	switch evt := body.(type) {
	case *comatproto.SyncSubscribeRepos_Commit:
		f.told(evt.Repo, "#commit")
		f.commit(ctx, evt)
	case *comatproto.SyncSubscribeRepos_Sync:
		f.told(evt.Did, "#sync")
		f.sync(ctx, evt)
	case *comatproto.SyncSubscribeRepos_Identity:
		f.told(evt.Did, "#identity")
		f.identity(ctx, evt)
	case *comatproto.SyncSubscribeRepos_Account:
		f.told(evt.Did, "#account "+statusOf(evt))
		f.account(evt)
	}
}

func (f *follower) told(did, what string) {
	s := f.state(did)
	s.Events = append(s.Events, what)
}

func statusOf(evt *comatproto.SyncSubscribeRepos_Account) string {
	if evt.Active {
		return "active"
	}
	return show(evt.Status)
}

func (f *follower) state(did string) *repoState {
	s := f.repos[did]
	if s == nil {
		s = &repoState{Records: map[string]string{}, Active: true}
		f.repos[did] = s
	}
	return s
}

func (f *follower) commit(ctx context.Context, evt *comatproto.SyncSubscribeRepos_Commit) {
	did, seq := evt.Repo, evt.Seq
	s := f.state(did)
	if !s.Active {
		f.fault(seq, did, "a commit of an account that is %s", s.Status)
	}
	if len(evt.Blocks) > maxBlocks {
		f.fault(seq, did, "%d bytes of blocks", len(evt.Blocks))
	}
	if len(evt.Ops) > maxOps {
		f.fault(seq, did, "%d operations", len(evt.Ops))
	}
	if evt.TooBig || evt.Rebase || len(evt.Blobs) > 0 {
		f.fault(seq, did, "tooBig, rebase or blobs in use")
	}

	commit, head, err := repo.LoadCommitFromCAR(ctx, bytes.NewReader(evt.Blocks))
	if err != nil {
		f.fault(seq, did, "blocks: %s", err)
		return
	}
	if head.String() != evt.Commit.String() {
		f.fault(seq, did, "commit %s, but the CAR's root is %s", evt.Commit, head)
	}
	if root, err := carRoot(evt.Blocks); err != nil || root != head.String() {
		f.fault(seq, did, "roots of the CAR: %s, %v", root, err)
	}
	if commit.DID != did || commit.Rev != evt.Rev {
		f.fault(seq, did, "the commit says %s %s, the event %s", commit.DID, commit.Rev, evt.Rev)
	}
	if err := verifyCommit(ctx, commit, f.dir); err != nil {
		f.fault(seq, did, "%s", err)
	}

	if evt.Rev <= s.fetched {
		return
	}

	// Continuity: each commit names the one before it.
	if s.Rev == "" {
		if evt.Since != nil || evt.PrevData != nil {
			f.fault(seq, did, "the first commit has since or prevData")
		}
	} else {
		if evt.Since == nil || *evt.Since != s.Rev {
			f.fault(seq, did, "since %s, expected %s", show(evt.Since), s.Rev)
		}
		if evt.PrevData == nil || evt.PrevData.String() != s.Data {
			f.fault(seq, did, "prevData %s, expected %s", show(evt.PrevData), s.Data)
		}
		if evt.Rev <= s.Rev {
			f.fault(seq, did, "rev %s after %s", evt.Rev, s.Rev)
		}
	}

	// Records in the blocks, legal operations, inversion of the tree.
	if _, err := repo.VerifyCommitMessage(ctx, evt); err != nil {
		f.fault(seq, did, "verification: %s", err)
	}
	for _, op := range evt.Ops {
		before, known := s.Records[op.Path]
		switch {
		case op.Action == "create" && known:
			f.fault(seq, did, "create of %s, which exists", op.Path)
		case op.Action != "create" && !known:
			f.fault(seq, did, "%s of %s, which does not exist", op.Action, op.Path)
		case op.Action != "create" && (op.Prev == nil || op.Prev.String() != before):
			f.fault(seq, did, "%s of %s: prev %s, expected %s", op.Action, op.Path, show(op.Prev), before)
		}
		if op.Action == "delete" {
			delete(s.Records, op.Path)
		} else if op.Cid != nil {
			s.Records[op.Path] = op.Cid.String()
		}
	}
	s.Rev, s.Data, s.Commit = evt.Rev, commit.Data.String(), head.String()
}

func (f *follower) sync(ctx context.Context, evt *comatproto.SyncSubscribeRepos_Sync) {
	did, seq := evt.Did, evt.Seq
	s := f.state(did)
	if len(evt.Blocks) > maxSyncBlocks {
		f.fault(seq, did, "%d bytes of blocks in #sync", len(evt.Blocks))
	}
	commit, head, err := repo.LoadCommitFromCAR(ctx, bytes.NewReader(evt.Blocks))
	if err != nil {
		f.fault(seq, did, "#sync blocks: %s", err)
		return
	}
	if commit.DID != did || commit.Rev != evt.Rev {
		f.fault(seq, did, "the commit in #sync says %s %s, the event %s", commit.DID, commit.Rev, evt.Rev)
	}
	if err := verifyCommit(ctx, commit, f.dir); err != nil {
		f.fault(seq, did, "#sync: %s", err)
	}
	if evt.Rev <= s.fetched {
		return
	}
	if s.Rev != "" && evt.Rev < s.Rev {
		f.fault(seq, did, "#sync goes back from %s to %s", s.Rev, evt.Rev)
	}
	if commit.Data.String() != s.Data {
		fetched, err := fetchRepo(ctx, f.service, did, f.dir)
		// The server may be killed just then, and come back.
		for range 10 {
			if err == nil {
				break
			}
			time.Sleep(300 * time.Millisecond)
			fetched, err = fetchRepo(ctx, f.service, did, f.dir)
		}
		if err != nil {
			f.fault(seq, did, "fetching the repository after #sync: %s", err)
			return
		}
		s.Records, s.fetched = fetched.Records, fetched.Rev
		s.Rev, s.Data, s.Commit = fetched.Rev, fetched.Data, fetched.Commit
		return
	}
	s.Rev, s.Data, s.Commit = evt.Rev, commit.Data.String(), head.String()
}

func (f *follower) identity(ctx context.Context, evt *comatproto.SyncSubscribeRepos_Identity) {
	s := f.state(evt.Did)
	did, err := syntax.ParseDID(evt.Did)
	if err != nil {
		f.fault(evt.Seq, evt.Did, "%s", err)
		return
	}
	if err := f.dir.Purge(ctx, did.AtIdentifier()); err != nil {
		f.fault(evt.Seq, evt.Did, "purging the identity: %s", err)
	}
	if evt.Handle == nil {
		return
	}
	if _, err := syntax.ParseHandle(*evt.Handle); err != nil {
		f.fault(evt.Seq, evt.Did, "handle %q: %s", *evt.Handle, err)
	}
	s.Handle = *evt.Handle
}

func (f *follower) account(evt *comatproto.SyncSubscribeRepos_Account) {
	s := f.state(evt.Did)
	status := ""
	if evt.Status != nil {
		status = *evt.Status
	}
	switch {
	case evt.Active && status != "":
		f.fault(evt.Seq, evt.Did, "active with status %s", status)
	case !evt.Active && status != "takendown" && status != "suspended" && status != "deleted" && status != "deactivated":
		f.fault(evt.Seq, evt.Did, "inactive with status %q", status)
	}
	s.Active, s.Status = evt.Active, status
	if status == "deleted" {
		s.Records = map[string]string{}
	}
}

func show[T any](v *T) string {
	if v == nil {
		return "nothing"
	}
	if s, ok := any(v).(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprint(*v)
}
