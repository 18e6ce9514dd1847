// Package fc stands in for the platforms that run functions: Alibaba Function
// Compute 3.0 and AWS Lambda. It starts real function binaries as child
// processes, speaks each platform's runtime API to them, and delivers as the
// platforms do: calls, event streams out of a queue, timers, HTTP triggers.
//
// Read it in the order of an invocation:
//
//	function.go  Deploy: what a function is, and what is refused
//	invoke.go    Invoke, Async: one event to one instance, and its answer
//	pool.go      which instance takes it: warm, new, or none
//	instance.go  one process: started, frozen, killed, gone
//	runtime.go   the runtime APIs that it polls; custom.go: those that are asked by HTTP
//	stream.go    queues: EventBridge's streams (eventbridge.go), Lambda's mappings (sqs.go)
//	timer.go, http.go
//
// Instances have an environment of their own with nothing of this process's in
// it, stand still between invocations (SIGSTOP), and are gone with everything
// on them when one invocation passes its timeout. What is not held to the
// platform: memory and CPU are not limited, the file system is this machine's.
//
// It runs on Linux and macOS. Windows has no SIGSTOP: there Deploy takes only
// functions with KeepRunning. On Linux the kernel kills the instances if this
// process dies without Close; elsewhere they are left behind then, and the Go
// SDK of Function Compute polls for ever without a pause.
package fc

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"kodoferry/shared/fault"
)

// Config says how a Cloud behaves. The zero value is good.
type Config struct {
	MaxInstances int    // of all functions together, idle ones make way; 0 is 100, an account's quota in a region of Function Compute
	Dir          string // under which instances get their temporary directories; "" is the system's

	// SerialStreams has every event stream of Function Compute deliver one message at a
	// time, whatever its Consumers and BatchCount: maximumTasks is not among the RunOptions
	// that Function Compute takes (@alicloud/fc20230330 4.7.6), so that a deployment cannot
	// count on it. Streams side by side, over one queue as well, do not wait for each other.
	SerialStreams bool
}

// Cloud runs functions. It is safe for concurrent use.
type Cloud struct {
	max    int
	serial bool // Config.SerialStreams
	dir    string
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	starts chan func()
	work   sync.WaitGroup // instances, streams, timers and asynchronous invocations

	mu        sync.Mutex
	closed    bool
	functions map[string]*function
	instances int           // of all functions
	changed   chan struct{} // closed, and replaced, when an instance may have room
}

// New returns a Cloud without functions. It fails where its directory cannot be made.
func New(cfg Config) (*Cloud, error) {
	dir, err := os.MkdirTemp(cfg.Dir, "fc-")
	if err != nil {
		return nil, fault.New(fault.Invalid, "fc.New", cfg.Dir, err)
	}
	if cfg.MaxInstances <= 0 {
		cfg.MaxInstances = 100
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Cloud{
		max: cfg.MaxInstances, serial: cfg.SerialStreams, dir: dir, ctx: ctx, cancel: cancel, starts: make(chan func()),
		functions: map[string]*function{}, changed: make(chan struct{}),
	}
	go c.start()
	return c, nil
}

// start runs what starts processes, all on one thread that lives as long as
// they do: Linux kills a child with the thread that made it, not with its process.
func (c *Cloud) start() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for f := range c.starts {
		f()
	}
}

// Close stops streams and timers, kills every instance and waits until they
// are gone. Invocations that were running fail. Asked twice it does nothing.
func (c *Cloud) Close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	for _, f := range c.functions {
		for _, i := range slices.Clone(f.instances) {
			i.leave()
		}
	}
	c.wake()
	c.mu.Unlock()
	c.cancel()
	c.work.Wait()
	close(c.starts)
	_ = os.RemoveAll(c.dir) // a temporary directory: the system clears it if this cannot
}

// background runs f unless the cloud is closed. Close waits for it; f ends with the cloud's context.
func (c *Cloud) background(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed("fc")
	}
	c.work.Go(f)
	return nil
}

// pause waits for d, and reports whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
