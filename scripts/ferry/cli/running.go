package cli

import (
	"context"
	"io"
	"log/slog"
	"time"

	"kodoferry/shared/app"
)

// CheckTime bounds the questions that are asked before anything is done.
const CheckTime = time.Minute

// Warnings returns a log of warnings and errors on errOut, for a command that prints its
// progress itself.
func Warnings(errOut io.Writer) *slog.Logger {
	return slog.New(app.LogHandler(errOut, slog.LevelWarn, nil))
}

// UntilEOF returns a context that ends with in as well.
func UntilEOF(ctx context.Context, in io.Reader) context.Context {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in) // the other end is gone, however it ends
		stop()
	}()
	return ctx
}
