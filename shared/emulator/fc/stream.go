package fc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"kodoferry/shared/fault"
)

// Queue is what a stream consumes: at least once, invisible while it is worked on.
type Queue interface {
	// Receive waits up to wait for messages and returns up to max of them, 1
	// to 16; none is no error. It ends with ctx.
	Receive(ctx context.Context, max int, wait time.Duration) ([]Message, error)
	Delete(receipt string) error
	Send(body []byte) error // dead letters
}

// Message is a message as it was received.
type Message struct {
	ID       string
	Body     []byte
	Receipt  string
	Dequeues int // how often it has been received, this time included
	Sent     time.Time
	First    time.Time // when it was received first; zero is like Sent

	Attributes map[string]Attribute // those that its sender gave, at SQS
}

// Attribute is a message attribute of SQS: a String or a Number.
type Attribute struct{ Type, Value string }

// Schema is what a stream makes of a message.
type Schema string

const (
	CloudEvents Schema = "CloudEvents" // a CloudEvent whose data holds the message
	RawData     Schema = "RawData"     // that data alone
)

// Stream's limits: of EventBridge (FACTS B.4) and of Lambda's event source mappings for SQS.
const (
	maxReceive = 16 // messages a request to a queue returns
	maxBatch   = 10_000
	ceiling    = 5 * time.Minute
)

// StreamConfig connects a queue to a function: as an event stream of
// EventBridge on Function Compute, as an event source mapping on Lambda.
type StreamConfig struct {
	Queue    Queue
	Name     string // of the queue, in events; "" is "queue"
	Function string

	Consumers   int           // batches at a time (maximumTasks); 0 is 1
	BatchCount  int           // messages a batch holds at most (CountBasedWindow, BatchSize); 0 is 1; up to 10,000, on Lambda more than 10 need a window of 1 s
	BatchWindow time.Duration // how long to wait for more (TimeBasedWindow); 0 delivers what one request returned; up to 15 s, on Lambda 5 min
	DeadLetter  Queue         // gets the messages that are given up; nil: dropped
	Poll        time.Duration // how long one request waits for messages; 0 is 1 s

	// Function Compute only.
	Schema  Schema        // "" is CloudEvents
	Base64  bool          // bodies are decoded before they are delivered (IsBase64Decode); those that are not base64 are left alone
	Ceiling time.Duration // the most an invocation may take, whatever the function's timeout; 0 is 5 min, which is also the most
	Retry   Retry
	// DeadEvents makes dead letters whole events instead of the messages'
	// bodies. EventBridge's pages do not say which it sends.
	DeadEvents bool

	// Lambda only.
	PartialBatch bool // ReportBatchItemFailures: the answer names the messages that failed
	MaxReceives  int  // a message received more often is a dead letter; 0: never. It is the redrive policy for queues that have none of their own, as SQS's have
}

// Retry says how often a batch that failed is delivered again.
type Retry struct {
	Attempts int                         // tries after the first (MaximumRetryAttempts); 0 is 3, negative none
	MaxAge   time.Duration               // since the first try, after which there is no other (MaximumEventAgeInSeconds); 0 is one day
	Backoff  func(try int) time.Duration // how long before try 1, 2, …; nil is BackoffRetry
}

// BackoffRetry waits 10 to 20 s, at random: BACKOFF_RETRY (EventBridge, retry policies).
func BackoffRetry(int) time.Duration {
	return 10*time.Second + rand.N(10*time.Second)
}

// ExponentialDecay waits 1, 2, 4, … 512, 512, … s: EXPONENTIAL_DECAY_RETRY,
// which goes with 176 attempts and a day (EventBridge, retry policies).
func ExponentialDecay(try int) time.Duration {
	return time.Second << min(max(try-1, 0), 9)
}

// Stream is a queue connected to a function.
type Stream struct {
	StreamConfig
	c    *Cloud
	f    *function
	stop context.CancelFunc
	done sync.WaitGroup
}

// Stream connects a queue to a function until Stop or Close. What the platform
// would refuse is Invalid.
func (c *Cloud) Stream(cfg StreamConfig) (*Stream, error) {
	c.mu.Lock()
	f, err := c.find("fc.Stream", cfg.Function)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	cfg.defaults()
	if err := cfg.check(f.Platform); err != nil {
		return nil, fault.New(fault.Invalid, "fc.Stream", cfg.Function, err)
	}
	if c.serial && f.Platform != Lambda {
		cfg.Consumers, cfg.BatchCount, cfg.BatchWindow = 1, 1, 0
	}
	ctx, stop := context.WithCancel(c.ctx)
	s := &Stream{StreamConfig: cfg, c: c, f: f, stop: stop}
	deliver := s.push
	if f.Platform == Lambda {
		deliver = s.hand
	}
	for range cfg.Consumers {
		s.done.Add(1)
		if err := c.background(func() { defer s.done.Done(); s.consume(ctx, deliver) }); err != nil {
			s.done.Done()
			stop()
			return nil, err
		}
	}
	return s, nil
}

// Stop ends the stream and returns when nothing of it is at work. A batch that
// was being delivered gets visible again, though its function may run on.
func (s *Stream) Stop() {
	s.stop()
	s.done.Wait()
}

func (cfg *StreamConfig) defaults() {
	cfg.Name = cmp.Or(cfg.Name, "queue")
	cfg.Consumers = cmp.Or(cfg.Consumers, 1)
	cfg.BatchCount = cmp.Or(cfg.BatchCount, 1)
	cfg.Poll = cmp.Or(cfg.Poll, time.Second)
	cfg.Schema = cmp.Or(cfg.Schema, CloudEvents)
	cfg.Ceiling = cmp.Or(cfg.Ceiling, ceiling)
	cfg.Retry.Attempts = max(0, cmp.Or(cfg.Retry.Attempts, 3))
	cfg.Retry.MaxAge = cmp.Or(cfg.Retry.MaxAge, 24*time.Hour)
	if cfg.Retry.Backoff == nil {
		cfg.Retry.Backoff = BackoffRetry
	}
}

// check returns all mistakes at once.
func (cfg *StreamConfig) check(p Platform) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if cfg.Queue == nil {
		wrong("a stream without a queue: give it one")
	}
	if cfg.Consumers < 0 || cfg.Poll < 0 {
		wrong("Consumers %d, Poll %v: neither can be negative", cfg.Consumers, cfg.Poll)
	}
	if cfg.BatchCount < 1 || cfg.BatchCount > maxBatch {
		wrong("BatchCount %d: want 1 to %d", cfg.BatchCount, maxBatch)
	}
	if most := standards[p].maxWindow; cfg.BatchWindow < 0 || cfg.BatchWindow > most {
		wrong("BatchWindow %v: want 0 to %v", cfg.BatchWindow, most)
	}
	if p == Lambda {
		if cfg.BatchCount > 10 && cfg.BatchWindow < time.Second {
			wrong("BatchCount %d with a BatchWindow of %v: Lambda takes more than 10 messages only with a window of 1s or longer", cfg.BatchCount, cfg.BatchWindow)
		}
		if cfg.Base64 || cfg.DeadEvents || cfg.Schema != CloudEvents {
			wrong("Schema, Base64 and DeadEvents are EventBridge's: leave them out for a function on Lambda")
		}
		return errors.Join(errs...)
	}
	if cfg.Schema != CloudEvents && cfg.Schema != RawData {
		wrong("Schema %q: want %q or %q", cfg.Schema, CloudEvents, RawData)
	}
	if cfg.Ceiling < 0 || cfg.Ceiling > ceiling {
		wrong("Ceiling %v: an event stream waits for up to %v", cfg.Ceiling, ceiling)
	}
	if cfg.PartialBatch || cfg.MaxReceives != 0 {
		wrong("PartialBatch and MaxReceives are Lambda's: leave them out for a function on Function Compute")
	}
	return errors.Join(errs...)
}

// consume gathers and delivers batches until ctx ends.
func (s *Stream) consume(ctx context.Context, deliver func(context.Context, []Message)) {
	for ctx.Err() == nil {
		batch, err := s.gather(ctx)
		if err != nil {
			s.note("receive", err)
			pause(ctx, min(s.Poll, 100*time.Millisecond)) // a queue that fails at once must not be asked without a rest
		}
		if len(batch) > 0 && ctx.Err() == nil {
			deliver(ctx, batch)
		}
	}
}

// gather receives a batch. It may hold messages besides an error.
func (s *Stream) gather(ctx context.Context) ([]Message, error) {
	batch, err := s.Queue.Receive(ctx, min(maxReceive, s.BatchCount), s.Poll)
	if err != nil || len(batch) == 0 {
		return nil, err
	}
	for end := time.Now().Add(s.BatchWindow); len(batch) < s.BatchCount; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		more, err := s.Queue.Receive(ctx, min(maxReceive, s.BatchCount-len(batch)), left)
		if err != nil {
			return batch, err
		}
		batch = append(batch, more...)
	}
	return batch, nil
}

// remove deletes messages that are dealt with. One that cannot be deleted,
// because its time of being invisible passed, is delivered again.
func (s *Stream) remove(batch ...Message) {
	for _, m := range batch {
		if err := s.Queue.Delete(m.Receipt); err != nil {
			s.note("delete message "+m.ID, err)
		}
	}
}

// bury gives a message up: letter goes to the dead-letter queue, or the
// message is gone for good. If that queue does not take it, it stays, and is
// delivered again.
func (s *Stream) bury(m Message, letter []byte) {
	if s.DeadLetter == nil {
		s.f.count(func(c *Stats) { c.Dropped++ })
	} else if err := s.DeadLetter.Send(letter); err != nil {
		s.note("bury message "+m.ID, err)
		return
	} else {
		s.f.count(func(c *Stats) { c.DeadLetters++ })
	}
	s.remove(m)
}

// note writes trouble with a queue into the function's log.
func (s *Stream) note(what string, err error) {
	s.f.log.write(fmt.Appendf(nil, "stream %s -> %s: %s: %v\n", s.Name, s.Function, what, err))
}
