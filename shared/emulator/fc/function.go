package fc

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"kodoferry/shared/fault"
)

// Platform is whose runtime a function is built for.
type Platform string

const (
	FC     Platform = "fc"     // Alibaba Function Compute 3.0, its built-in go1 runtime
	Custom Platform = "custom" // its custom runtimes, such as custom.debian12: the binary is an HTTP server
	Lambda Platform = "lambda" // AWS Lambda, an OS-only runtime (provided.al2023)
)

// Credentials are the temporary keys of a function's role.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
}

// Function is a binary and how it is run. Name and Binary must be given.
type Function struct {
	Name     string
	Binary   string            // path of the executable
	Env      map[string]string // what the user configures; at most 4 KB, no name that the platform keeps for itself
	Platform Platform          // "" is FC

	Timeout      time.Duration // of one invocation; 0 is 60 s (Lambda: 3 s); at most 24 h (Lambda: 15 min)
	Memory       int           // MB, told to the function, not enforced; 0 is 512 (Lambda: 128)
	Concurrency  int           // invocations an instance takes at a time; 0 is 1; at most 200 (Lambda: 1)
	MaxInstances int           // 0: as many as the cloud allows
	Start        time.Duration // how long until a handed-out invocation is fetched, that is, until a new process asks for one; 0 is 10 s
	Lifetime     time.Duration // how old an instance is that gets no further invocation, as Lambda ends it before its keys do; 0: any age
	Idle         time.Duration // how long an instance without work is kept; 0 is 5 min
	KeepRunning  bool          // not frozen between invocations

	// Retries and RetryWait are of asynchronous invocations: how often a
	// failed one is tried again, and how long before the first time (twice
	// that before the second, and so on). 0 is 3 (Lambda: 2), negative none;
	// 0 is 1 s (the platforms: seconds, Lambda a minute).
	Retries   int
	RetryWait time.Duration

	// Credentials is asked for every invocation on Function Compute, and for
	// every new instance on both: Lambda's keys come in the environment. It
	// may be called at the same time from several goroutines; nil: none.
	Credentials func() Credentials
	Region      string    // "" is cn-hangzhou (Lambda: us-east-1)
	Account     string    // "" is 1000000000000001 (Lambda: 123456789012)
	Log         io.Writer // gets what instances write, line by line; nil: nobody
}

// function is a deployed Function. Its fields below the first are guarded by Cloud.mu.
type function struct {
	Function
	c   *Cloud
	log lines

	instances []*instance // in service
	busy      int         // invocations that an instance took and that are not over
	stats     Stats
}

// Deploy makes a function known, whose binary is started when it is first
// needed. What the platform would refuse is Invalid, as is a name that is
// taken.
func (c *Cloud) Deploy(f Function) error {
	f.defaults()
	if err := f.check(); err != nil {
		return fault.New(fault.Invalid, "fc.Deploy", f.Name, err)
	}
	binary, err := filepath.Abs(f.Binary)
	if err != nil {
		return fault.New(fault.Invalid, "fc.Deploy", f.Name, err)
	}
	f.Binary = binary
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed("fc.Deploy")
	}
	if _, ok := c.functions[f.Name]; ok {
		return fault.New(fault.Invalid, "fc.Deploy", f.Name, errors.New("there is a function of this name: give it another"))
	}
	if f.MaxInstances <= 0 {
		f.MaxInstances = c.max
	}
	c.functions[f.Name] = &function{Function: f, c: c, log: lines{to: f.Log}}
	return nil
}

// standard is what a platform assumes, and the most it takes.
type standard struct {
	timeout, maxTimeout   time.Duration
	memory, maxMemory     int
	concurrency           int
	retries               int
	region, account       string
	maxSync, maxAsync     int // bytes of an event
	maxWindow             time.Duration
	unhandled, overloaded string // how it names a failed function, and a call it cannot take
}

// Function Compute's from its schema (devsapp/fc3) and its limits page,
// Lambda's from its quotas page.
var standards = map[Platform]standard{
	FC: {
		timeout: time.Minute, maxTimeout: 24 * time.Hour, memory: 512, maxMemory: 32768, concurrency: 200, retries: 3,
		region: "cn-hangzhou", account: "1000000000000001", maxSync: 32 << 20, maxAsync: 128 << 10, maxWindow: 15 * time.Second,
		unhandled: "UnhandledInvocationError", overloaded: "ResourceExhausted",
	},
	Custom: {
		timeout: time.Minute, maxTimeout: 24 * time.Hour, memory: 512, maxMemory: 32768, concurrency: 200, retries: 3,
		region: "cn-hangzhou", account: "1000000000000001", maxSync: 32 << 20, maxAsync: 128 << 10, maxWindow: 15 * time.Second,
		unhandled: "UnhandledInvocationError", overloaded: "ResourceExhausted",
	},
	Lambda: {
		timeout: 3 * time.Second, maxTimeout: 15 * time.Minute, memory: 128, maxMemory: 10240, concurrency: 1, retries: 2,
		region: "us-east-1", account: "123456789012", maxSync: 6 << 20, maxAsync: 256 << 10, maxWindow: 5 * time.Minute,
		unhandled: "Unhandled", overloaded: "TooManyRequestsException",
	},
}

func (f *Function) defaults() {
	f.Platform = cmp.Or(f.Platform, FC)
	s := standards[f.Platform]
	f.Timeout = cmp.Or(f.Timeout, s.timeout)
	f.Memory = cmp.Or(f.Memory, s.memory)
	f.Concurrency = cmp.Or(f.Concurrency, 1)
	f.Start = cmp.Or(f.Start, 10*time.Second)
	f.Idle = cmp.Or(f.Idle, 5*time.Minute)
	f.Retries = max(0, cmp.Or(f.Retries, s.retries))
	f.RetryWait = cmp.Or(f.RetryWait, time.Second)
	f.Region = cmp.Or(f.Region, s.region)
	f.Account = cmp.Or(f.Account, s.account)
}

// check returns all mistakes at once.
func (f *Function) check() error {
	s, known := standards[f.Platform]
	if !known {
		return fmt.Errorf("platform %q: want %q, %q or %q", f.Platform, FC, Custom, Lambda)
	}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if f.Name == "" {
		wrong("a function without a name: give it one")
	}
	if info, err := os.Stat(f.Binary); err != nil || info.IsDir() {
		wrong("binary %q is not a file: build the function first", f.Binary)
	}
	if f.Timeout < 0 || f.Timeout > s.maxTimeout {
		wrong("timeout %v: %s takes up to %v", f.Timeout, f.Platform, s.maxTimeout)
	}
	if f.Memory < 128 || f.Memory > s.maxMemory || f.Platform != Lambda && f.Memory%64 != 0 {
		wrong("memory %d MB: %s takes 128 to %d, Function Compute in steps of 64", f.Memory, f.Platform, s.maxMemory)
	}
	if f.Concurrency < 1 || f.Concurrency > s.concurrency {
		wrong("concurrency %d: an instance of %s takes 1 to %d invocations at a time", f.Concurrency, f.Platform, s.concurrency)
	}
	if f.Start < 0 || f.Idle < 0 || f.RetryWait < 0 || f.Lifetime < 0 {
		wrong("Start %v, Lifetime %v, Idle %v, RetryWait %v: a negative time, leave it out for the default", f.Start, f.Lifetime, f.Idle, f.RetryWait)
	}
	if !canFreeze && !f.KeepRunning {
		wrong("this system cannot freeze a process: set KeepRunning")
	}
	return errors.Join(append(errs, f.checkEnv())...)
}

// find returns a deployed function. Cloud.mu must be held.
func (c *Cloud) find(op, name string) (*function, error) {
	if c.closed {
		return nil, errClosed(op)
	}
	f, ok := c.functions[name]
	if !ok {
		return nil, fault.New(fault.NotFound, op, name, errors.New("no such function: Deploy it first"))
	}
	return f, nil
}
