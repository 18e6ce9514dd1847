package console

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"kodoferry/shared/app"
	"kodoferry/shared/console/access"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/plan/forecast"
)

const (
	// shortest is how many characters FERRY_CONSOLE_TOKEN has at least: who finds the
	// function's address may try as often as he likes.
	shortest = 20
	// mostAnswer is the largest file that a function answers with, in bytes: Lambda takes
	// 6 MB, of which base64 makes a third.
	mostAnswer = 4 << 20
)

// Open returns the console of a function's environment. FERRY_LEDGER names the ledger;
// FERRY_QUEUES the queues, without which nothing is started; FERRY_CONSOLE_TOKEN is what
// lets in, and FERRY_CONSOLE_CHANGES=1 lets jobs and runs be changed. The error is Invalid
// and names every mistake.
func Open(c app.Config, getenv func(string) string, log *slog.Logger) (http.Handler, error) {
	var wrong []error
	say := func(name, format string, args ...any) {
		wrong = append(wrong, fault.New(fault.Invalid, "environment", name, fmt.Errorf(format, args...)))
	}
	at, err := job.ParseLocation(c.LedgerAt)
	switch {
	case c.LedgerAt == "":
		say("FERRY_LEDGER", "FERRY_LEDGER is not set: write where the deployment keeps its runs, oss://my-ledger/.ferry/?region=cn-hangzhou")
	case err != nil:
		wrong = append(wrong, fault.New(fault.Invalid, "environment", "FERRY_LEDGER", fmt.Errorf("FERRY_LEDGER: %w", err)))
	}
	token, changes := getenv("FERRY_CONSOLE_TOKEN"), getenv("FERRY_CONSOLE_CHANGES")
	if len(token) < shortest {
		say("FERRY_CONSOLE_TOKEN", "FERRY_CONSOLE_TOKEN has %d characters: anybody reaches the function, so set a random one of at least %d, as openssl rand -base64 30 prints it", len(token), shortest)
	}
	if changes != "" && changes != "0" && changes != "1" {
		say("FERRY_CONSOLE_CHANGES", "FERRY_CONSOLE_CHANGES is %q: write 1 to let jobs and runs be changed, or leave it out", changes)
	}
	prices, err := forecast.ReadPrices("")
	if err := errors.Join(append(wrong, err)...); err != nil {
		return nil, err
	}
	console, err := New(Options{
		Config: c, Ledger: at, Changes: changes == "1", Door: access.NewDoor(token, time.Now), Secure: true,
		Prices: &prices, Largest: mostAnswer, Log: log,
	})
	if err != nil { // not as a handler that is nil
		return nil, err
	}
	return console, nil
}
