package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"kodoferry/shared/control"
	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
	"kodoferry/shared/store/kodo"
)

// Notify is the function that receives Kodo's event notifications, through an
// HTTP trigger of Function Compute or a function URL of Lambda without
// authentication. It is all that the function's main calls, and it never returns. It reads
// what Function reads; notifications must be signed with QINIU_ACCESS_KEY and
// QINIU_SECRET_KEY, as the rules are that `ferry events install` makes.
//
//	200  every event is a task in the copy queue, or none of a key that a job follows
//	202  no job follows events of these buckets, or the day's run of them was cancelled: counted, nothing else
//	400  signed, and not to be read
//	401  not signed with these keys
//	405, 413  not a POST, or longer than a notification is
//	503  the ledger or the queue cannot be reached: send it again
//
// Nothing of a notification is believed but that its keys are worth a look.
func Notify() {
	log := slog.New(faas.WithRequest(LogHandler(os.Stdout, LogLevel(os.Getenv("FERRY_LOG")), nil)))
	f := newFunction("", Load(os.Getenv), log)
	n := &notifier{function: f}
	faas.Main(n.message, faas.Options{Ready: f.ready, Swap: f.swap, Idle: f.closeIdle, HTTP: n.http, Log: log})
}

const (
	// maxNotification is the most bytes of a notification's body: an event has a few hundred.
	maxNotification = 1 << 20
	// notifyTime is how long an answer may take: Kodo does not wait for long.
	notifyTime = 10 * time.Second
)

// notifier receives notifications over HTTP.
type notifier struct {
	function *function
	tasks    control.Notifier
}

// message fails with Invalid, whatever a queue delivers: the function serves HTTP alone.
func (n *notifier) message(context.Context, faas.Message) error {
	return fault.New(fault.Invalid, "app.Notify", "", errors.New("this function receives notifications over HTTP: take its other triggers away"))
}

func (n *notifier) http(ctx context.Context, r faas.Request) faas.Response {
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	switch {
	case r.Method != http.MethodPost:
		return faas.Response{Status: http.StatusMethodNotAllowed}
	case len(r.Body) > maxNotification:
		n.function.log.WarnContext(ctx, "notification refused: it is too long", "bytes", len(r.Body))
		return faas.Response{Status: http.StatusRequestEntityTooLarge}
	case !n.signed(r):
		n.function.log.WarnContext(ctx, "notification refused: it is not signed with QINIU_ACCESS_KEY; anybody may have sent it, or the bucket's rule names no key, or another: ferry events show",
			"fault", fault.Denied, "signed", r.Header.Get("Authorization") != "", "bytes", len(r.Body))
		return faas.Response{Status: http.StatusUnauthorized}
	}
	notices, err := kodo.Notices(r.Body)
	if err != nil {
		n.function.log.ErrorContext(ctx, "notification not understood, what it tells waits for the next run", "fault", fault.KindOf(err), "err", err, "bytes", len(r.Body))
		return faas.Response{Status: http.StatusBadRequest}
	}
	h, err := n.take(ctx, notices)
	if err != nil {
		n.function.log.ErrorContext(ctx, "notification not taken", "fault", fault.KindOf(err), "err", err, "events", len(notices))
		return faas.Response{Status: http.StatusServiceUnavailable}
	}
	if h.Unknown > 0 {
		n.function.log.InfoContext(ctx, "events of a bucket that no job follows", "unknown", h.Unknown, "total", n.tasks.Unknown())
	}
	return response(h)
}

// signed reports whether a request is signed with the deployment's keys.
func (n *notifier) signed(r faas.Request) bool {
	u, err := url.ParseRequestURI(r.Path)
	if err != nil {
		return false
	}
	u.RawQuery = r.Query
	return kodo.Signed(n.function.config.KodoAccessKey, n.function.config.KodoSecretKey, &http.Request{Method: r.Method, URL: u, Host: r.Host, Header: r.Header}, r.Body)
}

// take puts a task for each key and job that follows it into the copy queue.
func (n *notifier) take(ctx context.Context, notices []kodo.Notice) (control.Notified, error) {
	d, err := n.function.deploy()
	if err != nil {
		return control.Notified{Events: len(notices)}, err
	}
	events := make([]control.Notice, len(notices))
	for i, notice := range notices {
		events[i] = control.Notice(notice)
	}
	return n.tasks.Take(ctx, d.Control(), events)
}

// response answers with 202 where no event is of a bucket that a job follows. The body
// is JSON, as Kodo requires of the answers to its calls.
func response(h control.Notified) faas.Response {
	status := http.StatusOK
	if h.Unknown == h.Events {
		status = http.StatusAccepted
	}
	body, _ := json.Marshal(h) // numbers
	return faas.Response{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: body}
}
