package faas

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

// listenFlag begins the arguments by which a custom runtime of Function Compute starts a
// function: --listen :9000.
const listenFlag = "--listen"

// Custom returns where a function listens that a custom runtime of Function Compute starts
// with args, "" for one that another platform starts.
func Custom(args []string) (addr string) {
	if len(args) == 2 && args[0] == listenFlag {
		return args[1]
	}
	return ""
}

// RoleComesWithEach reports whether the platform that started this process brings the keys
// of the function's role with each invocation: those in the environment grow old.
func RoleComesWithEach() bool {
	return os.Getenv(functionCompute) != "" || Custom(os.Args[1:]) != ""
}

const (
	// The platform keeps its connections for 15 minutes (Function Compute, "Custom runtime:
	// HTTP server requirements").
	keepAlive = 16 * time.Minute
	// maxEvent bounds the body of a request: the platform's limit of a call.
	maxEvent = 32 << 20
	// invokePath and httpPath are what the header x-fc-control-path says of an event, and of
	// a request that came through an HTTP trigger.
	invokePath, httpPath = "/invoke", "/http-invoke"
)

// serveCustom serves f as a custom runtime of Function Compute, until it fails.
func serveCustom(f *Function, addr string) error {
	s := &http.Server{Addr: addr, Handler: f.custom(), IdleTimeout: keepAlive, ReadHeaderTimeout: time.Minute}
	return s.ListenAndServe()
}

// custom answers the requests that a custom runtime gets (Function Compute, "Custom runtime:
// specifications"): events, requests of HTTP triggers as they came, and the question
// whether the instance is initialized.
func (f *Function) custom() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := r.Header.Values("X-Fc-Control-Path")
		if len(control) > 1 { // one of them is of whoever asks
			http.Error(w, "two control paths", http.StatusBadRequest)
			return
		}
		path := r.URL.Path
		if len(control) == 1 {
			path = control[0]
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
		if err != nil {
			http.Error(w, "the request's body is too large, or broke off", http.StatusRequestEntityTooLarge)
			return
		}
		ctx, cancel := invoked(r)
		defer cancel()
		id := r.Header.Get("X-Fc-Request-Id")
		// The log service finds by these two lines which lines are of which invocation.
		fmt.Printf("FC Invoke Start RequestId: %s\n", id)
		defer fmt.Printf("FC Invoke End RequestId: %s\n", id)
		switch {
		case path == "/initialize":
			w.WriteHeader(http.StatusOK)
		case path == invokePath && r.Method == http.MethodPost:
			f.event(ctx, w, body)
		case path == httpPath || len(control) == 0:
			f.through(ctx, w, r, body)
		default:
			http.Error(w, "no such control path", http.StatusNotFound)
		}
	})
}

// invoked is the context of an invocation by its headers.
func invoked(r *http.Request) (context.Context, context.CancelFunc) {
	h := r.Header
	retries, _ := strconv.Atoi(h.Get("X-Fc-Retry-Count")) // none where the platform does not count
	ctx := fccontext.NewContext(r.Context(), &fccontext.FcContext{
		RequestID: h.Get("X-Fc-Request-Id"), RetryCount: retries,
		Credentials: fccontext.Credentials{AccessKeyId: h.Get("X-Fc-Access-Key-Id"), AccessKeySecret: h.Get("X-Fc-Access-Key-Secret"), SecurityToken: h.Get("X-Fc-Security-Token")},
	})
	if seconds, err := strconv.Atoi(h.Get("X-Fc-Function-Timeout")); err == nil && seconds > 0 {
		return context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	}
	return context.WithCancel(ctx)
}

// event does an event. Status and header say together whether it succeeded.
func (f *Function) event(ctx context.Context, w http.ResponseWriter, event []byte) {
	answer, err := f.Invoke(ctx, event)
	status := http.StatusOK
	if err != nil {
		status = http.StatusNotFound // what the platform takes for a failure
		answer, _ = json.Marshal(map[string]string{"errorMessage": err.Error(), "errorType": fmt.Sprintf("%T", err)})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Fc-Status", strconv.Itoa(status))
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the platform is gone
}

// through answers a request that came through an HTTP trigger. What the platform adds to it,
// the role's keys among that, is not passed on.
func (f *Function) through(ctx context.Context, w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("X-Fc-Status", "200")
	if f.o.HTTP == nil {
		http.Error(w, "this function has nothing to do on an HTTP trigger", http.StatusNotFound)
		return
	}
	ctx, who := caller(ctx)
	ctx, cancel := early(ctx)
	defer cancel()
	header := r.Header.Clone()
	from := header.Get("X-Fc-Client-Ip")
	for name := range header {
		if strings.HasPrefix(name, "X-Fc-") {
			delete(header, name)
		}
	}
	request := Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: header, Body: body, From: from}
	f.reply(ctx, who, func() (Request, error) { return request, nil }).write(w)
}

// write sends a response.
func (r Response) write(w http.ResponseWriter) {
	for name, value := range r.Header {
		w.Header().Set(name, value)
	}
	if r.Cookie != "" {
		w.Header().Set("Set-Cookie", r.Cookie)
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(r.text()) // the client is gone
}
