package faas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"golang.org/x/sync/errgroup"
)

const (
	// margin is how long before the platform's deadline messages have to end,
	// so that the answer still gets out; a tenth of the time if that is less.
	margin = time.Second
	// frozen is the gap between invocations after which an instance is taken to have been frozen.
	frozen = 30 * time.Second
	// together bounds how many messages of one event run at the same time: an
	// EventBridge batch may be configured to hold up to 10,000.
	together = 64
)

// Function does invocations. It is safe for use by several goroutines.
type Function struct {
	handle func(context.Context, Message) error
	o      Options
	pace   pace
}

// New returns the function that Main runs.
func New(handle func(ctx context.Context, m Message) error, o Options) *Function {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = slog.New(WithRequest(o.Log.Handler()))
	return &Function{handle: handle, o: o}
}

// Invoke does what event asks for and returns the platform's answer. The
// messages of one event run at the same time, at most 64, and share one
// deadline: the platform's less 1 s, or less a tenth of the time there is if
// that is shorter. A panic fails its own message only. Invoke returns when all
// messages have: nothing outlives it.
//
// For an SQS event the answer names the messages that failed, and the error is
// nil; for any other it says how many are done, and the error names each message that
// failed with its reason. Events that cannot be read are errors that name the
// shape that was seen, never a value out of it.
func (f *Function) Invoke(ctx context.Context, event []byte) (answer []byte, err error) {
	ctx, who := caller(ctx)
	ctx, cancel := early(ctx)
	defer cancel()
	defer func() {
		if v := recover(); v != nil { // out of one of the Options' functions: the platform would put the stack into its answer
			answer, err = nil, f.panicked(ctx, v)
		}
	}()
	if f.o.HTTP != nil {
		if request, ok := isHTTP(event); ok {
			return f.serve(ctx, who, request)
		}
	}
	end, err := f.begin(who)
	if err != nil {
		return nil, err
	}
	defer end()
	work, err := read(event)
	if err != nil {
		return nil, err
	}
	if work.timer != nil {
		return f.tick(ctx, *work.timer)
	}
	return f.all(ctx, work, who.deliveries)
}

// begin makes ready for an invocation; end is to be called at its end.
func (f *Function) begin(who invocation) (end func(), err error) {
	if f.o.Ready != nil {
		if err := f.o.Ready(); err != nil {
			return nil, &notReady{err}
		}
	}
	rested := f.pace.begin(time.Now())
	defer func() {
		if end == nil { // one of the Options' functions panicked
			f.pace.end(time.Now())
		}
	}()
	if rested && f.o.Idle != nil {
		f.o.Idle()
	}
	if f.o.Swap != nil && who.credentials.AccessKeyID != "" && who.credentials.AccessKeySecret != "" {
		f.o.Swap(who.credentials)
	}
	return func() { f.pace.end(time.Now()) }, nil
}

func (f *Function) tick(ctx context.Context, t Timer) ([]byte, error) {
	if f.o.Timer == nil {
		return nil, &unreadable{"a timer's event", "this function has nothing to do on a timer: take the timer trigger away from it"}
	}
	if err := f.o.Timer(ctx, t); err != nil {
		return nil, fmt.Errorf("timer %q: %w", t.Name, err)
	}
	return done(1), nil
}

// all does every message and answers for them.
func (f *Function) all(ctx context.Context, w work, deliveries int) ([]byte, error) {
	begun := time.Now()
	errs := make([]error, len(w.items))
	var group errgroup.Group
	group.SetLimit(together)
	for i, item := range w.items {
		if item.err != nil {
			errs[i] = item.err
			continue
		}
		errs[i] = errLeft // kept if the handler ends its goroutine
		item.Deliveries = max(item.Deliveries, deliveries)
		group.Go(func() error {
			errs[i] = f.one(ctx, item.Message)
			return nil // one message's failure stops no other
		})
	}
	_ = group.Wait()
	var failed failures
	for i, err := range errs {
		if err == nil {
			continue
		}
		one := failure{w.items[i].ID, i, err}
		failed = append(failed, one)
		// Logged as well as returned: SQS is told the ids alone, and what
		// Function Compute prints of the error is not structured.
		f.o.Log.WarnContext(ctx, "message failed, left to be delivered again", "message", one.name(), "err", err)
	}
	f.o.Log.DebugContext(ctx, "invocation done", "messages", len(errs), "failed", len(failed), "took", time.Since(begun))
	if w.partial {
		return failed.partial()
	}
	if len(failed) > 0 {
		return nil, &messagesFailed{failed, len(errs)}
	}
	return done(len(errs)), nil
}

var (
	errLeft = errors.New("the handler ended its goroutine")
	errLate = errors.New("not begun: the invocation was out of time")
)

// one does one message; its panic is its error.
func (f *Function) one(ctx context.Context, m Message) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = f.panicked(ctx, v)
		}
	}()
	if ctx.Err() != nil {
		return errors.Join(errLate, ctx.Err())
	}
	return f.handle(ctx, m)
}

// panicked logs a panic and returns the error that stands for it: the value
// and the stack are for the log alone, errors travel to whoever invoked.
func (f *Function) panicked(ctx context.Context, v any) error {
	f.o.Log.ErrorContext(ctx, "panic", "err", fmt.Sprint(v), "stack", string(debug.Stack()))
	return fmt.Errorf("panic: see the log of request %s", request(ctx))
}

// early is ctx with a deadline that leaves time for the answer.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(margin, max(0, time.Until(deadline)/10))))
}

// invocation is what the platform says about one.
type invocation struct {
	credentials Credentials
	deliveries  int // 0: not known
}

// caller asks each platform's SDK, once an invocation: fccontext.FromContext
// writes into what it returns (v0.3.1), so messages that ask it at the same
// time would race.
func caller(ctx context.Context) (context.Context, invocation) {
	if c, ok := fccontext.FromContext(ctx); ok {
		of := invocation{credentials: Credentials{c.Credentials.AccessKeyId, c.Credentials.AccessKeySecret, c.Credentials.SecurityToken}}
		if c.RetryCount > 0 { // an asynchronous invocation tried again; 0 also where the platform does not count
			of.deliveries = c.RetryCount + 1
		}
		return context.WithValue(ctx, requestKey{}, c.RequestID), of
	}
	if c, ok := lambdacontext.FromContext(ctx); ok {
		return context.WithValue(ctx, requestKey{}, c.AwsRequestID), invocation{}
	}
	return ctx, invocation{}
}

// pace tells how long an instance has had nothing to do.
type pace struct {
	mu     sync.Mutex
	active int
	last   time.Time // when the last invocation ended
}

// begin counts an invocation that starts, and reports whether there was none
// for longer than frozen. The monotonic clock may stand still while an
// instance is frozen, and the wall clock may be set back: either counts.
func (p *pace) begin(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active++
	if p.active > 1 || p.last.IsZero() {
		return false
	}
	return max(now.Sub(p.last), now.Round(0).Sub(p.last.Round(0))) > frozen
}

func (p *pace) end(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	p.last = now
}
