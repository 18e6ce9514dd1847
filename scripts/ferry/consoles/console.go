// Package consoles is ferry console: console.go serves the pages on this machine, demo.go
// what it shows without an account. The pages are shared/console's.
package consoles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/app"
	"kodoferry/shared/console"
	"kodoferry/shared/console/access"
	"kodoferry/shared/plan/forecast"
)

// options are the flags of `ferry console`.
type options struct {
	ledger, queues, listen, prices string
	open, demo, changes            bool
	objects                        int64
}

// The objects of a demo, at least and at most.
const fewest, most = 100, 10_000_000

// Command is ferry console.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "console",
		Short: "Serve pages on which jobs, runs and addresses are looked at and managed",
		Long: `Console serves pages over a ledger: addresses and their tests, jobs as forms, every
run with its progress, curves, books and failures, and what became of an object. It
prints a link that lets one browser in, once; the next one is printed after it. It
keeps nothing itself: what it shows is in the ledger, and each page names the
commands that do the same.

It only reads unless --allow-changes is given; then jobs and runs may be changed,
and each change is written into the ledger with who asked for it. It listens on the
loopback interface alone. Elsewhere, --listen 0.0.0.0:7680, it is reached without
encryption: put a server with https in front, or use functions/console. With
FERRY_CONSOLE_TOKEN set, that token lets in, too, any number of times.

With --demo it shows stand-ins for both clouds in this process, a bucket of --objects
and a run on the way, and allows changes: there is nothing to lose.`,
		Example: `  ferry console --demo --open
  ferry console --ledger 'oss://my-ledger/.ferry/?region=cn-hangzhou'
  ferry console --allow-changes --listen 127.0.0.1:8080`,
		Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	cli.LedgerFlag(c, &o.ledger)
	f := c.Flags()
	cli.QueuesFlag(f, &o.queues)
	f.StringVar(&o.listen, "listen", "127.0.0.1:7680", "where to listen, as `host:port`; port 0 is any free one")
	f.StringVar(&o.prices, "prices", "", "the `file` of prices that money is counted by; see ferry plan --help")
	f.BoolVar(&o.open, "open", false, "open the link in a browser")
	f.BoolVar(&o.changes, "allow-changes", false, "let jobs and runs be changed")
	f.BoolVar(&o.demo, "demo", false, "show stand-ins and a run on the way, without an account")
	f.Int64Var(&o.objects, "objects", 20_000, "with --demo: how many objects its bucket has")
	return c
}

// check returns every mistake in the flags.
func (o options) check() error {
	var errs []error
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		errs = append(errs, fmt.Errorf("--listen %q: want host:port, as 127.0.0.1:7680", o.listen))
	}
	if o.objects < fewest || o.objects > most {
		errs = append(errs, fmt.Errorf("--objects %d: want %d to %d", o.objects, fewest, most))
	}
	return errors.Join(errs...)
}

// of returns what the console is of: the environment's ledger and queues, or a demo. close
// ends what was started for it.
func (o options) of(ctx context.Context, errOut io.Writer) (c console.Options, close func(), err error) {
	close = func() {}
	if o.demo {
		d, err := StartDemo(ctx, o.objects, true, slog.New(slog.DiscardHandler))
		if err != nil {
			return c, close, trouble(err)
		}
		return console.Options{Config: d.Config, Ledger: d.Ledger, Changes: true}, d.Close, nil
	}
	_, at, err := cli.OpenLedger(o.ledger)
	if err != nil {
		return c, close, err
	}
	cfg := app.Load(os.Getenv)
	cfg.LedgerAt, cfg.QueuesAt = o.ledger, o.queues
	return console.Options{Config: cfg, Ledger: at, Changes: o.changes}, close, nil
}

func (o options) run(ctx context.Context, out, errOut io.Writer) error {
	prices, err := forecast.ReadPrices(o.prices)
	if err := errors.Join(o.check(), err); err != nil {
		return cli.Usage(err)
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return cli.Usage(fmt.Errorf("--listen: %w; choose another, or port 0 for any free one", err))
	}
	defer func() { _ = listener.Close() }() // also closed by the server
	c, end, err := o.of(ctx, errOut)
	if err != nil {
		return err
	}
	defer end()
	door := access.NewDoor(os.Getenv("FERRY_CONSOLE_TOKEN"), time.Now)
	c.Door, c.Guard = door, access.Guard{Hosts: access.HostsOf(listener.Addr().String())}
	c.Stays, c.Who, c.Prices, c.Log = true, operator(), &prices, cli.Warnings(errOut)
	link := func() string {
		return (&url.URL{Scheme: "http", Host: named(listener.Addr()), Path: "/sign-in", RawQuery: url.Values{"token": {door.Issue()}}.Encode()}).String()
	}
	c.Entered = func() { _, _ = fmt.Fprintf(out, "%s\n  %s\n", show.Sentence("console.entered"), link()) }
	handler, err := console.New(c)
	if err != nil {
		return cli.Usage(err)
	}
	first := link()
	if _, err := fmt.Fprintf(out, "%s\n  %s\n%s", may(c.Changes), first, exposed(listener.Addr())); err != nil {
		return err
	}
	if o.open {
		if err := browse(ctx, first); err != nil {
			_, _ = fmt.Fprintln(errOut, show.Sentence("console.no_browser", err))
		}
	}
	return serve(ctx, listener, handler)
}

func may(changes bool) string {
	if changes {
		return show.Sentence("console.changes")
	}
	return show.Sentence("console.reads")
}

// exposed warns of an address that others reach.
func exposed(at net.Addr) string {
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return ""
	}
	return show.Sentence("console.exposed") + "\n"
}

// named is a listener's address as a link has it.
func named(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", tcp.Port)
	}
	return at.String()
}

// operator is who works at this machine.
func operator() string {
	name, host := "", ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ = os.Hostname() // a name is a help, not a proof
	return cmp.Or(name, "somebody") + "@" + cmp.Or(host, "localhost")
}

// serve serves until ctx ends.
func serve(ctx context.Context, on net.Listener, c *console.Console) error {
	server := &http.Server{
		Handler: c, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // connections that browsers drop
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		c.Close() // streams end
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(last) // what is left is cut
	}()
	err := server.Serve(on)
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}

// browse opens a link in the browser of the desktop.
func browse(ctx context.Context, link string) error {
	name, args := "xdg-open", []string{link}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", link}
	}
	return exec.CommandContext(ctx, name, args...).Start()
}
