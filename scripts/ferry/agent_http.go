package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// unwellAfter is how long a queue may be unreadable before the agent says that
	// it is not well: a restart would not help sooner.
	unwellAfter = 2 * time.Minute
	healthTime  = 5 * time.Second // for one question about health
)

// listenForHealth answers /healthz and /metrics at addr until it is closed. Its
// error says why it cannot.
func listenForHealth(addr string, m *agentMetrics) (*http.Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w; name a free port, as 127.0.0.1:9464", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if bad := m.unread(unwellAfter); len(bad) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintf(w, "for more than %s these queues could not be read: %s\n", unwellAfter, strings.Join(bad, ", "))
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.write(w)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: healthTime, WriteTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // ends with Close
	return s, nil
}

// askHealth asks the agent at addr, for those who cannot ask by HTTP themselves:
// an image without a shell.
func askHealth(ctx context.Context, addr string, out io.Writer) error {
	if addr == "" {
		return usageError{errors.New("--health asks the agent at --listen: name its address, as 127.0.0.1:9464")}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		return usageError{fmt.Errorf("--listen %s is no address: write it as 127.0.0.1:9464", addr)}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("no agent answers at %s: %w", addr, err)
	}
	defer func() { _ = answer.Body.Close() }()
	const most = 4096
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return fmt.Errorf("no whole answer from %s: %w", addr, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not well (%d): %s", answer.StatusCode, strings.TrimSpace(string(text)))
	}
	_, err = out.Write(text)
	return err
}
