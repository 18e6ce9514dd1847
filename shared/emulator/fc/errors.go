package fc

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kodoferry/shared/fault"
)

// What Failure.Type can be on Function Compute: the errorType of its request
// logs. The header X-Fc-Error-Type says UnhandledInvocationError for each.
const (
	TimedOut  = "FunctionTimeoutError"
	Unhandled = "FunctionUnhandledError"
)

// What Failure.Type can be on Lambda, besides the errorType of the function's own error.
const (
	LambdaTimedOut = "Sandbox.Timedout"
	LambdaExited   = "Runtime.ExitError"
)

// Failure is an invocation that failed in the function: it returned an error,
// panicked, ended, or took too long. It is the cause of a *fault.Error whose
// kind is Temporary where the instance is gone and Unknown where the function
// said so itself.
type Failure struct {
	Function  string
	RequestID string
	Type      string // see the constants
	ErrorType string // what the answer's body says in errorType, where it does
	Message   string // what it says in errorMessage
	Body      []byte // the answer's body, as the platform gives it to whoever invoked
	Late      bool   // the timeout passed
	Gone      bool   // the instance is gone
}

func (f *Failure) Error() string {
	s := fmt.Sprintf("%s: %s", f.Type, f.Message)
	if f.ErrorType != "" && f.ErrorType != f.Type {
		s = fmt.Sprintf("%s: %s: %s", f.Type, f.ErrorType, f.Message)
	}
	return s + " (request " + f.RequestID + ")"
}

// wrap is the failure as an error of this module.
func (f *Failure) wrap() error {
	kind := fault.Unknown
	if f.Gone {
		kind = fault.Temporary
	}
	return fault.New(kind, "fc.Invoke", f.Function, f)
}

// said is the failure of a function that answered with an error.
func (f *function) said(id string, body []byte) *Failure {
	var told struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	_ = json.Unmarshal(body, &told) // a body of another shape is passed on as it is
	x := &Failure{Function: f.Name, RequestID: id, Type: Unhandled, ErrorType: told.Type, Message: told.Message, Body: body}
	if f.Platform == Lambda {
		x.Type = told.Type
	}
	return x
}

// late is the failure of an invocation that passed its timeout.
func (f *function) late(id string, after time.Duration) *Failure {
	if f.Platform == Lambda {
		return f.gone(id, true, LambdaTimedOut, fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, after.Seconds()))
	}
	return f.gone(id, true, TimedOut, fmt.Sprintf("Function time out after %v", after))
}

// exited is the failure of an invocation whose process ended; how says how.
func (f *function) exited(id, how string) *Failure {
	if f.Platform == Lambda {
		return f.gone(id, false, LambdaExited, fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", id, how))
	}
	return f.gone(id, false, Unhandled, "Process exited unexpectedly before completing request: "+how)
}

func (f *function) gone(id string, late bool, kind, message string) *Failure {
	body := map[string]string{"errorMessage": message}
	if f.Platform == Lambda {
		body["errorType"] = kind
	}
	return &Failure{
		Function: f.Name, RequestID: id, Type: kind, ErrorType: body["errorType"], Message: message, Body: encode(body), Late: late, Gone: true,
	}
}

func errClosed(op string) error {
	return fault.New(fault.Invalid, op, "", errors.New("the stand-in is closed: make a new one"))
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps and structs of strings and numbers always encode
	}
	return b
}
