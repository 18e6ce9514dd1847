package fc

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// The versions of the runtime APIs that the SDKs ask for (fc-runtime-go-sdk
// v0.3.1 and aws-lambda-go v1.55.1, runtime_api_client.go of each).
const (
	fcRuntime     = "/2020-11-11/runtime/"
	lambdaRuntime = "/2018-06-01/runtime/"
)

// maxAnswer bounds the bytes a function may answer: Function Compute's limit, and above Lambda's.
const maxAnswer = 32 << 20

// api is the runtime API of one instance. Function Compute's SDK polls for the
// next invocation while others run, so an instance's concurrency is kept here;
// Lambda's polls when it is done with the one before.
func (i *instance) api() http.Handler {
	mux := http.NewServeMux()
	prefix, accepted := fcRuntime, http.StatusOK
	if i.f.Platform == Lambda {
		prefix, accepted = lambdaRuntime, http.StatusAccepted
		mux.HandleFunc("POST "+prefix+"init/error", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxAnswer)) // the process says the same in its log, and ends
			w.WriteHeader(accepted)
		})
	}
	mux.HandleFunc("GET "+prefix+"invocation/next", i.next)
	mux.HandleFunc("POST "+prefix+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { i.answer(w, r, accepted, false) })
	mux.HandleFunc("POST "+prefix+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { i.answer(w, r, accepted, true) })
	return mux
}

// next hands out an invocation, whenever there is one.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	i.asked()
	for {
		select {
		case inv := <-i.inbox:
			if i.fetch(inv) {
				i.hand(w, inv)
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// asked notes that the runtime wants an invocation: with Lambda that ends the one before.
func (i *instance) asked() {
	i.f.c.mu.Lock()
	defer i.f.c.mu.Unlock()
	i.ready = true
	for _, inv := range i.flights {
		if inv.answer != nil {
			i.settle(inv, *inv.answer)
		}
	}
	i.rest()
}

// fetch begins the time of an invocation; false if it is over already.
func (i *instance) fetch(inv *invocation) bool {
	i.f.c.mu.Lock()
	defer i.f.c.mu.Unlock()
	if i.flights[inv.id] != inv {
		return false
	}
	inv.timer.Stop()
	inv.fetched = true
	inv.deadline = time.Now().Add(inv.timeout)
	inv.timer = time.AfterFunc(inv.timeout, func() { i.overdue(inv, "") })
	return true
}

// hand writes an invocation as its platform's SDK reads it.
func (i *instance) hand(w http.ResponseWriter, inv *invocation) {
	f, h := i.f, w.Header()
	deadline := strconv.FormatInt(inv.deadline.UnixMilli(), 10)
	if f.Platform == Lambda {
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", deadline)
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+f.Region+":"+f.Account+":function:"+f.Name)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-"+inv.id[:8]+"-"+inv.id[9:13]+inv.id[14:18]+inv.id[19:23]+inv.id[24:36]+";Sampled=0")
	} else {
		h.Set("x-fc-request-id", inv.id)
		h.Set("x-fc-function-deadline", deadline)
		h.Set("x-fc-function-timeout", strconv.Itoa(int((inv.timeout+time.Second-1)/time.Second))) // the SDK takes whole seconds
		h.Set("x-fc-function-name", f.Name)
		h.Set("x-fc-function-handler", "main")
		h.Set("x-fc-function-memory", strconv.Itoa(f.Memory))
		h.Set("x-fc-function-type", "0") // handle: a plain invocation
		h.Set("x-fc-region", f.Region)
		h.Set("x-fc-account-id", f.Account)
		h.Set("x-fc-qualifier", "LATEST")
		h.Set("x-fc-version-id", "LATEST")
		h.Set("x-fc-retry-count", strconv.Itoa(inv.retry))
		f.tellKeys(h)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(inv.event)))
	_, _ = w.Write(inv.event) // a runtime that does not read it is found by the timeout
}

// answer takes what an invocation came to.
func (i *instance) answer(w http.ResponseWriter, r *http.Request, accepted int, failed bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		failed = true
		body = encode(map[string]string{"errorMessage": "the answer is larger than 32 MB", "errorType": "ResponseSizeTooLarge"})
	} else if err != nil {
		return // the process is gone, or has to try again
	}
	if r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "" { // a streamed answer that failed after it began
		failed = true
		body, _ = base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
	}
	if !i.finish(r.PathValue("id"), body, failed) {
		http.Error(w, `{"errorMessage":"no such invocation is running here","errorType":"InvalidRequestID"}`, http.StatusForbidden)
		return
	}
	w.WriteHeader(accepted)
	_ = http.NewResponseController(w).Flush() // before the process is frozen
	i.f.c.mu.Lock()
	defer i.f.c.mu.Unlock()
	i.rest()
}

// finish ends an invocation with its answer; false if it is not running here.
func (i *instance) finish(id string, body []byte, failed bool) bool {
	c, f := i.f.c, i.f
	c.mu.Lock()
	defer c.mu.Unlock()
	inv := i.flights[id]
	if inv == nil || !inv.fetched || inv.answer != nil {
		return false // never handed out, answered before, or past its timeout
	}
	if !i.answered {
		i.answered = true
		f.stats.FirstAnswers = append(f.stats.FirstAnswers, time.Since(i.begun))
	}
	o := outcome{body: body}
	if failed {
		o = outcome{failure: f.said(id, body)}
	}
	if f.Platform == Lambda { // the invocation ends when the runtime asks for the next one
		inv.answer = &o
	} else {
		i.settle(inv, o)
	}
	return true
}
