package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
	"kodoferry/shared/store/kodo"
	"kodoferry/shared/task"
)

// Notify is the function that receives Kodo's event notifications, through an
// HTTP trigger of Function Compute or a function URL of Lambda that lets anybody
// in. It is all that the function's main calls, and it never returns. It reads
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
	n := &notifier{function: f, followers: followers{now: time.Now}}
	faas.Main(n.message, faas.Options{Ready: f.ready, Swap: f.swap, Idle: f.closeIdle, HTTP: n.http, Log: log})
}

const (
	// maxNotification is the most bytes of a notification's body: an event has a few hundred.
	maxNotification = 1 << 20
	// notifyTime is how long an answer may take: who notifies does not wait for long.
	notifyTime = 10 * time.Second
)

// notifier receives notifications.
type notifier struct {
	*function
	followers followers
	sent      sentEvents
	unknown   atomic.Int64 // events of buckets that no job follows, since this instance began
}

// message refuses what a queue delivers: this function serves HTTP alone.
func (n *notifier) message(context.Context, faas.Message) error {
	return fault.New(fault.Invalid, "app.Notify", "", errors.New("this function receives notifications over HTTP: take its other triggers away"))
}

// notified is what is answered to a notification.
type notified struct {
	Events  int `json:"events"`         // keys that it names
	Tasks   int `json:"tasks"`          // tasks that look after them: one a key and job
	Unknown int `json:"unknown"`        // events of buckets that no job follows
	Left    int `json:"left,omitempty"` // keys that no message can carry: the job's next run finds them
}

// longestKey is the most bytes of a key that an event's task carries: escaped
// throughout it must fit a message, of 64 KiB. OSS takes keys of 1,023 bytes.
const longestKey = 8 << 10

func (n *notifier) http(ctx context.Context, r faas.Request) faas.Response {
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	switch {
	case r.Method != http.MethodPost:
		return faas.Response{Status: http.StatusMethodNotAllowed}
	case len(r.Body) > maxNotification:
		n.log.WarnContext(ctx, "notification refused: it is too long", "bytes", len(r.Body))
		return faas.Response{Status: http.StatusRequestEntityTooLarge}
	case !n.signed(r):
		n.log.WarnContext(ctx, "notification refused: it is not signed with QINIU_ACCESS_KEY; anybody may have sent it, or the bucket's rule names no key, or another: ferry events show",
			"fault", fault.Denied, "signed", r.Header.Get("Authorization") != "", "bytes", len(r.Body))
		return faas.Response{Status: http.StatusUnauthorized}
	}
	notices, err := kodo.Notices(r.Body)
	if err != nil {
		n.log.ErrorContext(ctx, "notification not understood, what it tells waits for the next run", "fault", fault.KindOf(err), "err", err, "bytes", len(r.Body))
		return faas.Response{Status: http.StatusBadRequest}
	}
	h, err := n.take(ctx, notices)
	if err != nil {
		n.log.ErrorContext(ctx, "notification not taken", "fault", fault.KindOf(err), "err", err, "events", len(notices))
		return faas.Response{Status: http.StatusServiceUnavailable}
	}
	if h.Unknown > 0 {
		n.log.InfoContext(ctx, "events of a bucket that no job follows", "unknown", h.Unknown, "total", n.unknown.Load())
	}
	return h.response()
}

// signed reports whether a request is signed with the deployment's keys.
func (n *notifier) signed(r faas.Request) bool {
	u, err := url.ParseRequestURI(r.Path)
	if err != nil {
		return false
	}
	u.RawQuery = r.Query
	return kodo.Signed(n.config.KodoAccessKey, n.config.KodoSecretKey, &http.Request{Method: r.Method, URL: u, Host: r.Host, Header: r.Header}, r.Body)
}

// take puts a task for each key and job that follows it into the copy queue.
func (n *notifier) take(ctx context.Context, notices []kodo.Notice) (notified, error) {
	h := notified{Events: len(notices)}
	d, err := n.deploy()
	if err != nil {
		return h, err
	}
	jobs, err := n.followers.of(ctx, d)
	if err != nil {
		return h, err
	}
	now := n.followers.now()
	var tasks []task.Task
	for _, notice := range notices {
		known := false
		for _, j := range jobs {
			if !j.of(notice.Bucket, now) {
				continue
			}
			if known = true; !j.chooses(notice) {
				continue
			}
			if notice.Key == "" || len(notice.Key) > longestKey || !utf8.ValidString(notice.Key) { // it must not keep the others from being sent
				h.Left++
				n.log.ErrorContext(ctx, "event left to the job's next run: no message can carry its key", "job", j.Name, "key", fmt.Sprintf("%.64q", notice.Key), "bytes", len(notice.Key))
				continue
			}
			t, err := d.pipeline.FollowEvent(ctx, j.Job, notice.Key)
			if err != nil {
				return h, err
			}
			h.Tasks++
			if !n.sent.before(t) {
				tasks = append(tasks, t)
			}
		}
		if !known {
			h.Unknown++
		}
	}
	n.unknown.Add(int64(h.Unknown))
	if err := d.Worker("").Submit(ctx, tasks...); err != nil {
		return h, fmt.Errorf("%d tasks not sent: %w", len(tasks), err)
	}
	n.sent.note(now, tasks)
	return h, nil
}

// response is 202 where no event is of a bucket that a job follows. The body
// is JSON, which Kodo wants of whoever it calls.
func (h notified) response() faas.Response {
	status := http.StatusOK
	if h.Unknown == h.Events {
		status = http.StatusAccepted
	}
	body, _ := json.Marshal(h) // numbers
	return faas.Response{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: body}
}
