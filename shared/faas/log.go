package faas

import (
	"context"
	"log/slog"
)

type requestKey struct{}

// request returns the id of the invocation that ctx belongs to, "" outside of one.
func request(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// WithRequest returns h with the attribute request, the platform's id of the
// invocation, in every line that is logged with the context of a message. A
// function that logs through it everywhere can be followed by request.
func WithRequest(h slog.Handler) slog.Handler {
	if _, ok := h.(requestHandler); ok {
		return h
	}
	return requestHandler{h}
}

type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := request(ctx); id != "" {
		r = r.Clone() // the caller may go on with r
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
