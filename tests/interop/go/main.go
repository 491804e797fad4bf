// Command watch is the strictest consumer of the interop suite: it follows a
// server's event stream with indigo's packages and believes nothing.
//
//	watch follow --service http://localhost:2583 --plc http://localhost:2582 [--cursor 0]
//	watch repos  --service http://localhost:2583 --plc http://localhost:2582 DID...
//	watch oauth  --service https://pds.test --at http://localhost:2583 --plc http://localhost:2582 DID
//
// `follow` prints one JSON line per fault, and its whole view of the network for
// each line `report` on its standard input. `repos` verifies full exports.
// `oauth` is an app that signs somebody in.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/bluesky-social/indigo/atproto/identity"
)

var out = struct {
	sync.Mutex
	enc *json.Encoder
}{enc: json.NewEncoder(os.Stdout)}

func emit(v any) {
	out.Lock()
	defer out.Unlock()
	if err := out.enc.Encode(v); err != nil {
		os.Exit(3)
	}
}

func main() {
	if len(os.Args) < 2 {
		fatal("usage: watch follow|repos|oauth [flags]")
	}
	mode := os.Args[1]
	flags := flag.NewFlagSet(mode, flag.ExitOnError)
	service := flags.String("service", "", "URL of the server")
	plc := flags.String("plc", "", "URL of the PLC directory")
	at := flags.String("at", "", "where the server listens, if a proxy with TLS is in front of its URL")
	cursor := flags.Int64("cursor", 0, "where to start in the event stream")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fatal(err.Error())
	}
	// The library's own notes go to standard error; the verdicts are ours.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))

	base := identity.BaseDirectory{PLCURL: *plc, SkipHandleVerification: true}
	cache := identity.NewCacheDirectory(&base, 10_000, time.Hour, time.Second, time.Second)
	ctx := context.Background()

	switch mode {
	case "follow":
		f := newFollower(*service, cache, *cursor)
		go f.run(ctx)
		input := bufio.NewScanner(os.Stdin)
		for input.Scan() {
			if input.Text() == "report" {
				f.report()
			}
		}
	case "repos":
		for _, did := range flags.Args() {
			state, err := fetchRepo(ctx, *service, did, cache)
			if err != nil {
				emit(map[string]any{"did": did, "error": err.Error()})
				continue
			}
			emit(map[string]any{"did": did, "rev": state.Rev, "data": state.Data, "commit": state.Commit, "records": state.Records})
		}
	case "oauth":
		if err := signIn(ctx, *service, *at, &base, flags.Arg(0)); err != nil {
			emit(map[string]any{"error": err.Error()})
			os.Exit(1)
		}
	default:
		fatal("unknown mode " + mode)
	}
}

func fatal(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
