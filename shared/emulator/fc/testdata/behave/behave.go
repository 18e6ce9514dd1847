// Package behave is what the test functions do. An event is a Command, or the
// event of a trigger, whose messages hold one each.
package behave

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Command says what to do; the first that is set counts, none is to echo the event.
type Command struct {
	Echo   string        `json:"echo"`
	Sleep  time.Duration `json:"sleep"`  // then meets others: see Report.Peak
	Stub   time.Duration `json:"stub"`   // sleeps whatever its context says
	Panic  string        `json:"panic"`  //
	Fail   string        `json:"fail"`   //
	Exit   int           `json:"exit"`   // prints a line first
	Report bool          `json:"report"` //
	Child  bool          `json:"child"`  // starts a process that outlives the invocation
	Big    int           `json:"big"`    // bytes to answer
}

// Report is what the function knows of itself.
type Report struct {
	PID       int               `json:"pid"`
	Ticks     int64             `json:"ticks"` // of a goroutine that ticks each 2 ms
	Peak      int64             `json:"peak"`  // invocations at once, at most, in this process
	Env       map[string]string `json:"env"`
	Keys      [3]string         `json:"keys"` // as the platform's SDK tells them
	RequestID string            `json:"requestId"`
	Retries   int               `json:"retries"`
	Deadline  time.Duration     `json:"deadline"` // that is left
	Dir       string            `json:"dir"`
	Child     int               `json:"child"`
	Heard     []string          `json:"heard"` // the events before this one
}

var (
	ticks, now, peak atomic.Int64
	mu               sync.Mutex
	heard            []string
)

func init() {
	go func() {
		for range time.Tick(2 * time.Millisecond) {
			ticks.Add(1)
		}
	}()
}

// Do does what the event says. about fills in what only the platform's SDK knows.
func Do(ctx context.Context, event []byte, about func(*Report)) ([]byte, error) {
	n := now.Add(1)
	defer now.Add(-1)
	for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
	}
	var c Command
	if json.Unmarshal(event, &c) != nil || c == (Command{}) {
		return events(event)
	}
	switch {
	case c.Echo != "":
		return []byte(`"` + c.Echo + `"`), nil
	case c.Sleep > 0:
		select {
		case <-time.After(c.Sleep):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case c.Stub > 0:
		time.Sleep(c.Stub)
	case c.Panic != "":
		panic(c.Panic)
	case c.Fail != "":
		return nil, errors.New(c.Fail)
	case c.Exit > 0:
		fmt.Println("about to exit")
		os.Exit(c.Exit)
	case c.Big > 0:
		return []byte(`"` + strings.Repeat("x", c.Big) + `"`), nil
	}
	return json.Marshal(report(ctx, c, about))
}

func report(ctx context.Context, c Command, about func(*Report)) Report {
	r := Report{PID: os.Getpid(), Ticks: ticks.Load(), Peak: peak.Load(), Env: map[string]string{}}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		r.Env[k] = v
	}
	if d, ok := ctx.Deadline(); ok {
		r.Deadline = time.Until(d)
	}
	r.Dir, _ = os.Getwd()
	if c.Child {
		child := exec.Command("sleep", "300")
		child.Stdout = os.Stdout // holds the log's pipe open
		if child.Start() == nil {
			r.Child = child.Process.Pid
		}
	}
	mu.Lock()
	r.Heard = heard
	mu.Unlock()
	about(&r)
	return r
}

// responses are what the function answers to HTTP requests, besides the event itself.
var responses = map[string]string{
	"/teapot":        `{"statusCode":418,"headers":{"X-Tea":"yes"},"isBase64Encoded":true,"body":"aGk="}`,
	"/broken-body":   `{"statusCode":200,"isBase64Encoded":true,"body":"!"}`,
	"/broken-status": `{"statusCode":99}`,
}

// events keeps the event, takes a minute if a message of it says "slow" and
// half a second if it says "nap", and fails if one says "rotten"; where the
// platform can be told which one, as SQS events can, it says so.
func events(event []byte) ([]byte, error) {
	mu.Lock()
	heard = append(heard, string(event))
	mu.Unlock()
	if strings.Contains(string(event), "slow") {
		time.Sleep(time.Minute)
	}
	if strings.Contains(string(event), "nap") {
		time.Sleep(500 * time.Millisecond)
	}
	var sqs struct {
		Records []struct{ MessageID, Body string }
	}
	if json.Unmarshal(event, &sqs) == nil && len(sqs.Records) > 0 {
		bad := []map[string]string{}
		for _, r := range sqs.Records {
			if strings.Contains(r.Body, "rotten") {
				bad = append(bad, map[string]string{"itemIdentifier": r.MessageID})
			}
		}
		return json.Marshal(map[string]any{"batchItemFailures": bad})
	}
	if strings.Contains(string(event), "rotten") {
		return nil, errors.New("a rotten message")
	}
	for path, response := range responses {
		if strings.Contains(string(event), `"rawPath":"`+path+`"`) {
			return []byte(response), nil
		}
	}
	return event, nil
}
