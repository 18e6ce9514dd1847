// Package faas runs a handler of messages as a function of Alibaba Function
// Compute (its built-in go1 runtime, or a custom one) or of AWS Lambda, and turns the events of
// both into messages. Main is the last line of a function's main; events.go
// lists the events that are understood.
//
// Delivery is at least once. Function Compute takes one answer for a whole
// event: if one message of several fails, the invocation fails, and those that
// succeeded are delivered again with it. Lambda is told which messages of an
// SQS event failed, provided that the event source mapping says
// FunctionResponseTypes: [ReportBatchItemFailures]; without it Lambda takes
// any answer for a success and deletes them all. Either way a handler must be
// able to do a message twice.
package faas

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aws/aws-lambda-go/lambda"
)

// Message is one message out of an event.
type Message struct {
	ID         string    // the service's name for it; empty where the event gives none
	Queue      string    // the name of the queue it comes from; empty where the event does not tell
	Body       []byte    // a copy: the handler may keep it
	Deliveries int       // how often it has been delivered at least, this time included; 0: the event does not tell
	Sent       time.Time // when it was sent; zero: the event does not tell
	NotBefore  time.Time // when it is due: SQS delivers early what is to wait for more than 15 minutes, with the attribute NotBefore; zero: at once
}

// Timer is a timer's tick: a timer trigger of Function Compute, or a schedule
// of EventBridge on AWS.
type Timer struct {
	Name    string    // of the trigger, or of the rule
	Payload string    // what the trigger was configured to say; may be empty
	Time    time.Time // when it was due; zero: the event does not tell
}

// Credentials are the temporary keys of the function's role.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
}

// Options say what happens around messages. Every field may be left out.
// Where one instance serves several invocations at once, the functions are
// called from several goroutines.
type Options struct {
	// Ready is asked on every invocation before anything else. Its error,
	// best all mistakes of the configuration at once, fails the invocation.
	Ready func() error
	// Idle is called when an invocation starts after more than 30 s without
	// any: the instance may have been frozen and its connections be dead. It
	// closes those that are idle.
	Idle func()
	// Swap is given the role's keys of each invocation on Function Compute,
	// before its messages. It must put them in place atomically: messages of
	// other invocations may be at work. It is not called where there are none.
	Swap func(Credentials)
	// Timer does what a timer is for; nil: a timer's event is an error.
	Timer func(ctx context.Context, t Timer) error
	// HTTP answers a request that came through an HTTP trigger or a function URL;
	// nil: its event is an error. Its trouble is in its response: an error of the
	// other functions, or its panic, answers 503 or 500 and says nothing more.
	HTTP func(ctx context.Context, r Request) Response
	// Log gets what is logged, the request's id with every line; nil: nothing is logged.
	Log *slog.Logger
}

// The variables by which each platform says where its runtime API is.
const (
	functionCompute = "FC_RUNTIME_API"
	awsLambda       = "AWS_LAMBDA_RUNTIME_API"
)

// Main serves handle until the platform stops the process; it never returns.
// Started by hand, it says what would start it and exits with status 2.
func Main(handle func(ctx context.Context, m Message) error, o Options) {
	f := New(handle, o)
	switch addr := Custom(os.Args[1:]); {
	case addr != "":
		err := serveCustom(f, addr)
		_, _ = fmt.Fprintf(os.Stderr, "%s %s: %v\n", listenFlag, addr, err)
		os.Exit(1)
	case os.Getenv(functionCompute) != "":
		// Not StartHandler: in v0.3.1 it refuses everything that is not a func
		// ("handler kind ptr is not func"), handlers included. Start encodes
		// what the func returns as JSON once more, which leaves a RawMessage as it is.
		fc.Start(func(ctx context.Context, event []byte) (json.RawMessage, error) { return f.Invoke(ctx, event) })
	case os.Getenv(awsLambda) != "":
		lambda.Start(f)
	default:
		usage(os.Stderr, filepath.Base(os.Args[0]))
		os.Exit(2)
	}
}

func usage(w io.Writer, name string) {
	_, _ = fmt.Fprintf(w, "%s is a function: Alibaba Function Compute (runtime go1) starts it with %s set, a custom runtime of it with %s :9000, or AWS Lambda (runtime provided.al2023) with %s. "+
		"Neither is set here: to run it on this machine, set one of them to the host:port of a server that speaks that runtime API, or have it listen.\n", name, functionCompute, listenFlag, awsLambda)
}
