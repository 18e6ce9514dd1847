package consoles

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// must is the variable that says that tests in a browser may not be skipped.
const must = "FERRY_BROWSER_TESTS"

// chromium is the browser of the machine, "" where there is none.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// patience is how long a test waits for anything in a browser: on a loaded machine all of it
// takes long, and what has happened ends the wait at once.
const patience = 2 * time.Minute

// closing are what ends what all tests share, the last first.
var closing []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range slices.Backward(closing) {
		end()
	}
	os.Exit(code)
}

// browser is one browser for all tests: it takes longer to start than most of them.
var browser = sync.OnceValues(func() (context.Context, error) {
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium()), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(alloc)
	closing = append(closing, func() {
		_ = chromedp.Cancel(ctx) // waits for its end, so that its directory can be removed
		end()
		stop()
	})
	return ctx, chromedp.Do(ctx)
})

// newContext is a tab of the browser with cookies of its own. Where the machine has no
// browser the test is skipped.
func newContext(t testing.TB) context.Context {
	t.Helper()
	skipWithoutChromium(t)
	all, err := browser()
	if err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	ctx, end := chromedp.NewContext(all, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium opens no tab: %v", err)
	}
	return ctx
}

// skipWithoutChromium skips a test before anything else is started.
func skipWithoutChromium(t testing.TB) {
	t.Helper()
	switch {
	case chromium() != "":
	case os.Getenv(must) != "":
		t.Fatalf("there is no chromium on this machine, and %s says that this test may not be skipped: apt-get install chromium", must)
	default:
		t.Skip("there is no chromium on this machine: apt-get install chromium")
	}
}

// tab is a page in the browser, as a test looks at it.
type tab struct {
	testing.TB
	ctx  context.Context
	base string // http://host:port
	mu   sync.Mutex
	// What the page said that it must not, whom else it asked, and what it loaded.
	wrong, strangers []string
	requests         int
	bytes            float64
}

// newTab watches the tab of ctx.
func newTab(t testing.TB, ctx context.Context, base string) *tab {
	t.Helper()
	p := &tab{TB: t, ctx: ctx, base: base}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *tab) hear(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.wrong = append(p.wrong, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			p.wrong = append(p.wrong, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		p.requests++
		if at := e.Request.URL; !strings.HasPrefix(at, p.base+"/") && !strings.HasPrefix(at, "data:") && at != "about:blank" {
			p.strangers = append(p.strangers, at)
		}
	case *network.EventLoadingFinished:
		p.bytes += e.EncodedDataLength
	}
}

// clean fails where a page said what it must not, or asked another host.
func (p *tab) clean() {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.wrong) > 0 || len(p.strangers) > 0 {
		p.Errorf("the pages said %q and asked %q, want neither", p.wrong, p.strangers)
	}
}

// do runs steps within patience.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.Fatalf("%v\n%s", err, p.text())
	}
}

// open loads a page.
func (p *tab) open(path string) {
	p.Helper()
	p.do(chromedp.Navigate(p.base + path))
}

// value evaluates an expression in the page.
func value[T any](p *tab, script string) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		p.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits until an expression is true. A page that is being left cannot answer: that is
// no failure.
func (p *tab) until(script string) {
	p.Helper()
	deadline := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+script+")"))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			p.Fatalf("it never was so that %s (%v)\n%s", script, err, p.text())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// text is what the page shows, for a failure.
func (p *tab) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 3000)`))
	return text
}

// fill types a text into a field, as a person does.
func (p *tab) fill(name, text string) {
	p.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`(() => { const f = document.querySelector('[name="`+name+`"]'); for (let d = f.closest('details'); d; d = d.parentElement.closest('details')) d.open = true; f.value = ''; f.focus(); })()`),
		chromedp.SendKeys(`[name="`+name+`"]`, text))
}

// press clicks what a selector finds, once it is there.
func (p *tab) press(selector string) {
	p.Helper()
	p.do(chromedp.Click(selector))
}
