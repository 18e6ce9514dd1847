package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"kodoferry/shared/faas"
	"kodoferry/shared/fault"
)

// Pages runs a handler of HTTP requests as a function, behind an HTTP trigger of Function
// Compute or a function URL of Lambda that lets anybody in: the handler finds out who asks.
// It is all that the function's main calls, and it never returns. open is called once, with
// the configuration that the environment has; the keys in it are those of the function's
// role as each invocation brings them. Its error fails every request, and is logged.
func Pages(open func(c Config, getenv func(string) string, log *slog.Logger) (http.Handler, error)) {
	log := slog.New(faas.WithRequest(LogHandler(os.Stdout, LogLevel(os.Getenv("FERRY_LOG")), nil)))
	f := newFunction("", Load(os.Getenv), log)
	handler := sync.OnceValues(func() (http.Handler, error) { return open(f.config, os.Getenv, log) })
	faas.Main(noPageMessages, faas.Options{
		Ready: func() error { _, err := handler(); return err }, Swap: f.swap, Log: log,
		HTTP: func(ctx context.Context, r faas.Request) faas.Response {
			h, err := handler()
			if err != nil {
				return faas.Response{Status: http.StatusServiceUnavailable}
			}
			return faas.Serve(h)(ctx, r)
		},
	})
}

func noPageMessages(context.Context, faas.Message) error {
	return fault.New(fault.Invalid, "app.Pages", "", errors.New("this function serves pages over HTTP: take its other triggers away"))
}
