package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bluesky-social/indigo/atproto/auth/oauth"
	"github.com/bluesky-social/indigo/atproto/identity"
	"github.com/bluesky-social/indigo/atproto/syntax"
)

// behindProxy plays the reverse proxy at which TLS ends: what is meant for the
// server's public host goes to where the server listens.
type behindProxy struct {
	host string
	at   *url.URL
}

func (proxy behindProxy) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host == proxy.host {
		request = request.Clone(request.Context())
		request.Host = proxy.host
		request.URL.Scheme, request.URL.Host = proxy.at.Scheme, proxy.at.Host
	}
	return http.DefaultTransport.RoundTrip(request)
}

// signIn is an app on the person's own machine, on indigo's package for OAuth. It
// prints the page to go to, reads with which query the browser was sent back, and
// prints what came of it.
func signIn(ctx context.Context, service, at string, dir identity.Directory, did string) error {
	app, err := newApp(service, at, dir)
	if err != nil {
		return err
	}
	page, err := app.StartAuthFlow(ctx, did)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	emit(map[string]any{"page": page})
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return err
	}
	query, err := url.ParseQuery(strings.TrimSpace(answer))
	if err != nil {
		return err
	}
	made, err := app.ProcessCallback(ctx, query)
	if err != nil {
		return fmt.Errorf("coming back: %w", err)
	}
	return use(ctx, app, made)
}

func newApp(service, at string, dir identity.Directory) (*oauth.ClientApp, error) {
	public, err := url.Parse(service)
	if err != nil {
		return nil, err
	}
	listens, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	scopes := []string{"atproto", "repo:app.bsky.feed.post"}
	config := oauth.NewLocalhostConfig("http://127.0.0.1:8999/callback", scopes)
	app := oauth.NewClientApp(&config, oauth.NewMemStore())
	app.Client = &http.Client{Transport: behindProxy{public.Host, listens}, Timeout: 20 * time.Second}
	app.Resolver.Client = app.Client
	app.Dir = dir
	return app, nil
}

// use does what an app does with a session: calls, a refresh, and signing out.
func use(ctx context.Context, app *oauth.ClientApp, made *oauth.ClientSessionData) error {
	session, err := app.ResumeSession(ctx, made.AccountDID, made.SessionID)
	if err != nil {
		return err
	}
	api := session.APIClient()
	const getSession = syntax.NSID("com.atproto.server.getSession")
	var who, again struct{ Did, Handle, Email string }
	if err := api.Get(ctx, getSession, nil, &who); err != nil {
		return fmt.Errorf("getSession: %w", err)
	}
	post := map[string]any{"$type": "app.bsky.feed.post", "text": "by an app in Go", "createdAt": syntax.DatetimeNow()}
	input := map[string]any{"repo": made.AccountDID, "collection": "app.bsky.feed.post", "record": post}
	var created struct{ Uri string }
	if err := api.Post(ctx, "com.atproto.repo.createRecord", input, &created); err != nil {
		return fmt.Errorf("createRecord: %w", err)
	}
	before := made.AccessToken
	after, err := session.RefreshTokens(ctx)
	if err != nil {
		return fmt.Errorf("refreshing: %w", err)
	}
	if err := api.Get(ctx, getSession, nil, &again); err != nil {
		return fmt.Errorf("after the refresh: %w", err)
	}
	if err := session.RevokeSession(ctx); err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	ended := api.Get(ctx, getSession, nil, &again) != nil
	emit(map[string]any{
		"did": who.Did, "handle": who.Handle, "email": who.Email, "uri": created.Uri,
		"scopes": strings.Join(made.Scopes, " "), "refreshed": before != after, "ended": ended,
	})
	return nil
}
