package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/bluesky-social/indigo/atproto/identity"
	"github.com/bluesky-social/indigo/atproto/repo"
	"github.com/bluesky-social/indigo/atproto/repo/mst"
	"github.com/bluesky-social/indigo/atproto/syntax"
	"github.com/ipfs/go-cid"
	"github.com/ipld/go-car"
)

var client = &http.Client{Timeout: 30 * time.Second}

// fetchRepo gets a full export and verifies everything about it: block hashes,
// commit, signature, the shape of the tree and the presence of each record.
func fetchRepo(ctx context.Context, service, did string, dir identity.Directory) (*repoState, error) {
	resp, err := client.Get(service + "/xrpc/com.atproto.sync.getRepo?did=" + url.QueryEscape(did))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the export: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("getRepo answered %d: %.200s", resp.StatusCode, body)
	}

	// go-car compares each block with its CID while it reads.
	commit, r, err := repo.LoadRepoFromCAR(ctx, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if commit.DID != did {
		return nil, fmt.Errorf("the commit names %s", commit.DID)
	}
	if err := verifyCommit(ctx, commit, dir); err != nil {
		return nil, err
	}
	if err := r.MST.Verify(); err != nil {
		return nil, fmt.Errorf("tree: %w", err)
	}

	records := map[string]string{}
	err = r.MST.Walk(func(key []byte, value cid.Cid) error {
		collection, rkey, err := syntax.ParseRepoPath(string(key))
		if err != nil {
			return fmt.Errorf("path %q: %w", key, err)
		}
		if _, _, err := r.GetRecordBytes(ctx, collection, rkey); err != nil {
			return fmt.Errorf("record %s (%s) is not in the export: %w", key, value, err)
		}
		records[string(key)] = value.String()
		return nil
	})
	if err != nil {
		return nil, err
	}

	// The tree is a pure function of its content: build it anew and compare.
	values := make(map[string]cid.Cid, len(records))
	for path, value := range records {
		c, err := cid.Decode(value)
		if err != nil {
			return nil, err
		}
		values[path] = c
	}
	rebuilt, err := mst.LoadTreeFromMap(values)
	if err != nil {
		return nil, err
	}
	root, err := rebuilt.RootCID()
	if err != nil {
		return nil, err
	}
	if *root != commit.Data {
		return nil, fmt.Errorf("the tree of these records has root %s, the commit says %s", root, commit.Data)
	}

	head, err := carRoot(body)
	if err != nil {
		return nil, err
	}
	return &repoState{Rev: commit.Rev, Data: commit.Data.String(), Commit: head, Records: records, Active: true}, nil
}

func verifyCommit(ctx context.Context, commit *repo.Commit, dir identity.Directory) error {
	if err := commit.VerifyStructure(); err != nil {
		return err
	}
	if commit.Prev != nil {
		return fmt.Errorf("the commit has a prev: %s", commit.Prev)
	}
	rev, err := syntax.ParseTID(commit.Rev)
	if err != nil {
		return err
	}
	if ahead := time.Until(rev.Time()); ahead > 5*time.Minute {
		return fmt.Errorf("rev %s is %s in the future", rev, ahead)
	}
	did, err := syntax.ParseDID(commit.DID)
	if err != nil {
		return err
	}
	ident, err := dir.LookupDID(ctx, did)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", did, err)
	}
	key, err := ident.PublicKey()
	if err != nil {
		return err
	}
	if err := commit.VerifySignature(key); err != nil {
		return fmt.Errorf("signature of %s: %w", commit.Rev, err)
	}
	return nil
}

// carRoot gives the one root of a CAR file.
func carRoot(data []byte) (string, error) {
	r, err := car.NewCarReader(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	if len(r.Header.Roots) != 1 {
		return "", fmt.Errorf("%d roots in the CAR header", len(r.Header.Roots))
	}
	return r.Header.Roots[0].String(), nil
}
