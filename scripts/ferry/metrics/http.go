package metrics

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// unwellAfter is how long the receives of a queue may fail before the agent is not well:
	// a restart would not help sooner.
	unwellAfter = 2 * time.Minute
	headerTime  = 5 * time.Second // for the headers of a request
)

// Serve answers /healthz and /metrics at addr until it is closed. Its error is of the
// flag --listen.
func Serve(addr string, m *Agent) (*http.Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w; name a free port, as 127.0.0.1:9464", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if bad := m.Unread(unwellAfter); len(bad) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintf(w, "for more than %s these queues could not be read: %s\n", unwellAfter, strings.Join(bad, ", "))
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.Write(w)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: headerTime, WriteTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // ends with Close
	return s, nil
}
