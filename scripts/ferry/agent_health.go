package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"kodoferry/scripts/ferry/cli"
)

// healthTime bounds one question about health.
const healthTime = 5 * time.Second

// askHealth prints the health of the agent at addr, for an image without a shell or an HTTP
// client. It fails where the agent does not answer or is not well.
func askHealth(ctx context.Context, addr string, out io.Writer) error {
	if addr == "" {
		return cli.Usage(errors.New("--health asks the agent at --listen: name its address, as 127.0.0.1:9464"))
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		return cli.Usage(fmt.Errorf("--listen %s is no address: write it as 127.0.0.1:9464", addr))
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
