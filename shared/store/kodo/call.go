package kodo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/fault"
	"kodoferry/shared/store"
)

const (
	callTime = 2 * time.Minute // an API answer that takes longer is given up

	answerTime  = 30 * time.Second // these three as of store.NewTransport
	silenceTime = time.Minute
	idleTime    = 45 * time.Second // common servers close an idle connection at 60 or 75

	// maxAnswer is the most bytes of an API answer. A page of 1,000 keys has
	// about 300 KB; 1,000 objects of 10,000 parts each, the most there can be, 90 MB.
	maxAnswer = 128 << 20
)

// retry is store.Retry with the bucket's pauses.
func retry[T any](ctx context.Context, b *Bucket, op, key string, f func() (T, error)) (T, error) {
	return store.Retry(ctx, b.pause(), op, key, f)
}

// request is one call of the API.
type request struct {
	op, key string
	asked   what

	// of a call through the SDK:
	read     func(data []byte) error // what a success must be, nil: anything
	own      bool                    // read decodes it, and the SDK gets nothing of it
	answered bool                    // it was a success
}

var errSlow = fault.Errorf("the answer took longer than %s", callTime)

// get makes one request to the API that the SDK does not make, once, and returns
// the body of a 200.
func (b *Bucket) get(ctx context.Context, r request, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTime, errSlow)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, r.op, r.key, errors.New("the API host's name is not one: check endpoint="))
	}
	if err := b.keys.AddToken(auth.TokenQiniu, req); err != nil {
		return nil, fault.New(fault.Invalid, r.op, r.key, fault.Errorf("cannot be signed: %w", err))
	}
	_, data, err := b.exchange(req, r)
	return data, err
}

// exchange sends req, once, and returns the answer and the body of a 200, or of
// the 298 of a batch that failed in part.
func (b *Bucket) exchange(req *http.Request, r request) (*http.Response, []byte, error) {
	resp, err := b.cfg.Transport.RoundTrip(req)
	if err != nil {
		return nil, nil, network(req.Context(), r.op, r.key, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != codePartly {
		return nil, nil, b.refused(r.op, r.key, r.asked, resp)
	}
	data, err := store.ReadDocument(resp.Header, resp.Body, maxAnswer)
	switch {
	case errors.Is(err, store.ErrTooLong):
		return nil, nil, fault.New(fault.Invalid, r.op, r.key, err)
	case err != nil:
		return nil, nil, network(req.Context(), r.op, r.key, err)
	}
	return resp, data, nil
}

// unreadable is the fault of a 200 that is not the document that was asked for:
// a proxy's page, an answer cut short, an error in the place of data. It says
// nothing of the bucket, so that asking again may help.
func (r request) unreadable(err error) error {
	return fault.New(fault.Temporary, r.op, r.key, fault.Errorf("an answer that cannot be read: %w", fault.Plain(err)))
}

// mistake is an error that stands in a document, where any does. Each document
// that is decoded has it as a member.
type mistake struct {
	Error json.RawMessage `json:"error"`
}

func (m mistake) err() error {
	if s := string(m.Error); s != "" && s != "null" && s != `""` {
		return fault.Errorf("it holds the error %s", fault.Said(s))
	}
	return nil
}

// decode reads a JSON object into v; check says what v must hold.
func decode(data []byte, v any, check func() error) error {
	var m mistake
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if err := m.err(); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	return check()
}
