package consoles

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/dustin/go-humanize"

	"kodoferry/shared/console"
	"kodoferry/shared/console/access"
	"kodoferry/shared/job"
	"kodoferry/shared/plan/forecast"
	"kodoferry/shared/report"
)

// photosOf is how many photos the demo of the tests has.
const photosOf = 600

// served is a demo with its console.
type served struct {
	*Demo
	base string // http://host:port
	door *access.Door
}

// world is a demo that all tests share. Each begins runs of its own.
var world = sync.OnceValues(func() (*served, error) { return serveDemo(photosOf, false) })

// serveDemo serves the console of a demo until the tests end.
func serveDemo(photos int64, held bool) (*served, error) {
	d, err := StartDemo(context.Background(), photos, held, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	s := &served{Demo: d, door: access.NewDoor("", time.Now)}
	server := httptest.NewUnstartedServer(nil)
	prices, perr := forecast.ReadPrices("")
	c, err := console.New(console.Options{
		Config: d.Config, Ledger: d.Ledger, Changes: true, Door: s.door, Guard: access.Guard{Hosts: access.HostsOf(server.Listener.Addr().String())},
		Stays: true, Who: "tester", Grace: time.Second, Every: 200 * time.Millisecond, Prices: &prices,
	})
	if err := errors.Join(err, perr); err != nil {
		d.Close()
		return nil, err
	}
	server.Config.Handler = c
	server.Start()
	closing = append(closing, func() { c.Close(); server.CloseClientConnections(); server.Close(); d.Close() })
	s.base = server.URL
	return s, nil
}

// look opens a tab at the console of the world, signed in.
func look(t testing.TB) (*served, *tab) {
	t.Helper()
	ctx := newContext(t)
	s, err := world()
	if err != nil {
		t.Fatal(err)
	}
	return s, s.enter(t, ctx)
}

// enter signs a tab in.
func (s *served) enter(t testing.TB, ctx context.Context) *tab {
	p := newTab(t, ctx, s.base)
	p.open("/sign-in?token=" + s.door.Issue())
	p.until(`location.pathname === "/runs"`)
	return p
}

// over waits for the end of the newest run of a job and returns its report as the ledger
// has it, which is what ferry report --json prints.
func (s *served) over(t testing.TB, run string) (rep report.Report) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		raw, err := s.deploy.Ledger().Run(run).Results().ReadReport(ctx)
		if err == nil {
			if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&rep); err != nil {
				t.Fatal(err)
			}
			return rep
		}
		select {
		case <-ctx.Done():
			t.Fatalf("run %s does not end: %v", run, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// confirm presses the button of a page that asks whether a change is to be made, and waits
// for the page that shows it.
func (p *tab) confirm() {
	p.Helper()
	p.press(`form.stack .buttons button`)
	p.until(`location.search.startsWith("?done=") || document.querySelector(".status-code")`)
	if value[bool](p, `Boolean(document.querySelector(".status-code"))`) {
		p.Fatalf("the change was not made\n%s", p.text())
	}
}

// TestThePagesDoWhatTheySay drives a real browser through what the console is for.
func TestThePagesDoWhatTheySay(t *testing.T) {
	s, p := look(t)

	// A job is made in the form. What is wrong stands beside its field while one types.
	p.open("/jobs/new")
	p.fill("name", "holidays")
	p.fill("source", s.SourceOf(Photos))
	p.fill("limits.partSize", "1MB")
	p.until(`document.querySelector('[data-field="limits.partSize"] .mistakes').textContent.includes("4 MiB")`)
	p.fill("limits.partSize", "16MiB")
	p.fill("limits.batchObjects", "50")
	p.fill("target", s.TargetOf(Spare))
	p.until(`!document.querySelector(".field.wrong") && document.querySelector("#yaml").textContent.includes("batchObjects: 50")`)
	p.press(`button[value="review"]`)
	p.until(`document.querySelector('form[action="/form/keep"]')`)
	p.press(`form[action="/form/keep"] button`)
	p.until(`location.pathname === "/jobs/holidays"`)

	// Its addresses are tested: each answer is there, and stays.
	p.open("/addresses")
	p.press(`button[value="holidays"]`)
	p.until(`document.querySelector("#tested")?.classList.contains("good")`)
	if n := value[int](p, `document.querySelectorAll("table.findings tbody tr").length`); n < 10 {
		t.Errorf("%d findings, want those of ferry check", n)
	}
	p.open("/addresses")
	if n := value[int](p, `document.querySelectorAll("article .badge.verified").length`); n < 3 {
		t.Errorf("%d addresses are shown as tested, want source, target and ledger", n)
	}

	// It is started, and the numbers rise to the end without anybody doing anything.
	p.open("/jobs/holidays/start")
	p.confirm()
	run := strings.TrimPrefix(value[string](p, `location.pathname`), "/runs/")
	p.until(`document.querySelector("#live[data-over]")`)
	rep := s.over(t, run)
	for what, want := range map[string]int64{"#listed-objects": rep.Objects.Listed, `[data-figure="verified"]`: rep.Objects.Verified, `[data-figure="ended"]`: rep.Objects.Copied} {
		if got := value[string](p, `document.querySelector('`+what+`').textContent`); got != humanize.Comma(want) {
			t.Errorf("at %s the page has %s, the report %d", what, got, want)
		}
	}
	p.open("/runs?job=holidays")
	row := value[string](p, `document.querySelector("#runs\\.list tbody tr").innerText`)
	if !strings.Contains(row, fmt.Sprint(rep.Objects.Listed)) || !strings.Contains(row, "verified") || rep.Objects.Listed != photosOf || rep.Result != report.Verified {
		t.Errorf("the list shows %q, the report has %d, %s", row, rep.Objects.Listed, rep.Result)
	}

	// What failed is retried once it is cured at the source.
	damaged := s.begun[Avatars]
	s.over(t, damaged)
	if err := s.Mend(); err != nil {
		t.Fatal(err)
	}
	p.open("/runs/" + damaged + "/retry")
	p.confirm()
	again := s.over(t, strings.TrimPrefix(value[string](p, `location.pathname`), "/runs/"))
	p.until(`document.querySelector("#live[data-over]")`) // it loads itself anew at the end of the run
	if again.Objects.Copied != 14 || again.Result != report.Verified {
		t.Errorf("the retry came to %+v, want 14 copied", again.Summary)
	}

	// The changes are in the ledger, with who made them.
	p.open("/changes")
	if text := value[string](p, `document.body.innerText`); !strings.Contains(text, "tester") || !strings.Contains(text, "holidays") {
		t.Errorf("the changes are not told\n%s", text)
	}
	p.clean()
}

// TestKeysStayTexts looks at a key that is markup, and at one of characters that turn the
// direction of what follows.
func TestKeysStayTexts(t *testing.T) {
	s, p := look(t)
	run := "/runs/" + s.begun[Avatars]
	s.over(t, s.begun[Avatars])
	for _, key := range []string{Markup, Reversed} {
		p.open(run + "/object?encoded=1&key=" + url.QueryEscape(url.PathEscape(key)))
		p.until(`document.querySelector(".story li")`)
		shown := value[string](p, `document.querySelector(".facts .key").textContent`)
		want := strings.NewReplacer("\u202e", "U+202E", "\u2066", "U+2066").Replace(key)
		if shown != want {
			t.Errorf("the key is shown as %q, want %q", shown, want)
		}
		if n := value[int](p, `document.querySelectorAll("main img, main script").length`); n != 0 {
			t.Errorf("the key %q has become %d elements", key, n)
		}
	}
	p.open(run)
	p.until(`document.querySelector("#live[data-over]")`)
	if n := value[int](p, `document.querySelectorAll("main img").length`); n != 0 {
		t.Error("a key of the failures has become an element")
	}
	p.clean()
}

// pagesOf are paths of every kind of page.
func pagesOf(s *served) []string {
	run := "/runs/" + s.begun[Avatars]
	return []string{"/runs", run, run + "/report", run + "/object?key=avatars/0001.jpg", run + "/retry", "/jobs", "/jobs/" + Photos, "/jobs/new", "/jobs/" + Photos + "/edit", "/jobs/" + Photos + "/schedule", "/jobs/" + Photos + "/seal", "/addresses", "/changes", "/nope"}
}

// contrast computes the least contrast of the texts of a page with what is behind them
// (WCAG 2.1, relative luminance), and of which text.
const contrast = `(() => {
	const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const rgba = (c) => { probe.clearRect(0, 0, 1, 1); probe.fillStyle = c; probe.fillRect(0, 0, 1, 1); const d = probe.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
	const lum = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
	let least = 99, where = "";
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) {
		const e = n.parentElement;
		if (!n.textContent.trim() || !e.checkVisibility() || e.closest("script, style, svg, .skip")) continue;
		const a = lum(rgba(getComputedStyle(e).color)), b = lum(behind(e));
		const c = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (c < least) { least = c; where = e.tagName + "." + e.className + ": " + n.textContent.trim().slice(0, 40); }
	}
	return { least, where };
})()`

// TestEveryPageIsLegible in both languages and both themes: no page is wider than 360
// pixels, every text has a contrast of 4.5, and no name of a sentence is shown in its place.
func TestEveryPageIsLegible(t *testing.T) {
	s, p := look(t)
	paths := pagesOf(s)
	for i, look := range [][2]string{{"en", "light"}, {"zh", "dark"}} {
		for name, v := range map[string]string{"ferry_language": look[0], "ferry_theme": look[1]} {
			if _, err := chromedp.Call(p.ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: v, URL: s.base}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 800, DeviceScaleFactor: 1, Mobile: true}); err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			p.open(path)
			p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach((d) => { d.open = true; })`))
			if wide := value[int](p, `document.documentElement.scrollWidth`); wide > 360 {
				t.Errorf("%s %v is %d pixels wide, want 360", path, look, wide)
			}
			c := value[struct {
				Least float64
				Where string
			}](p, contrast)
			if c.Least < 4.5 {
				t.Errorf("%s %v: a contrast of %.2f, want 4.5: %s", path, look, c.Least, c.Where)
			}
			if name := value[string](p, `(document.body.innerText.match(/^(act|nav|run|runs|form|field|help|problem|shown|row|space|work|job|jobs|says|done|command)\.[a-z_.]+$/m) || [""])[0]`); name != "" {
				t.Errorf("%s %v shows the name of a sentence: %s", path, look, name)
			}
			if i == 1 && value[string](p, `document.documentElement.lang`) != "zh-CN" {
				t.Errorf("%s is not in Chinese", path)
			}
		}
	}
	p.clean()
}

// TestTheKeyboardSuffices starts nothing and presses no mouse: it goes to a run, to its
// page of limits and back by Tab and Enter alone, and what has the focus is seen.
func TestTheKeyboardSuffices(t *testing.T) {
	_, p := look(t)
	p.open("/runs")
	tabTo := func(what string) {
		t.Helper()
		for range 60 {
			p.do(chromedp.KeyEvent(kb.Tab))
			if value[bool](p, `document.activeElement.matches(`+fmt.Sprintf("%q", what)+`)`) {
				if value[string](p, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
					t.Errorf("%s has the focus, and nobody sees it", what)
				}
				return
			}
		}
		t.Fatalf("%s is not reached by the keyboard\n%s", what, p.text())
	}
	p.do(chromedp.KeyEvent(kb.Tab))
	if !value[bool](p, `document.activeElement.matches(".skip")`) {
		t.Error("the first that is reached is not the way past the navigation")
	}
	tabTo(`#runs\.list a`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelector("#live")`)
	tabTo(`.acts a[href$="/object"]`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelector('[name="key"]')`)
	p.fill("key", "avatars/0001.jpg")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until(`location.search.includes("0001") && document.querySelector(".card dl.facts")`)
	p.clean()
}

// keep keeps a job that copies the photos slowly into a bucket of its own.
func (s *served) keep(t testing.TB, name string) {
	t.Helper()
	if err := s.world.OSS.CreateBucket(name); err != nil {
		t.Fatal(err)
	}
	j, err := job.New(s.SourceOf(Photos), s.TargetOf(name), s.Ledger.String(), func(j *job.Job) {
		j.Name, j.Limits.BatchObjects, j.Limits.Bandwidth.Rate = name, 50, 64<<10
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.keepJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
}

// TestARunIsSteeredOnItsPage: it is paused, its limits are changed, it is resumed, and cancelled.
func TestARunIsSteeredOnItsPage(t *testing.T) {
	s, p := look(t)
	s.keep(t, "steered")
	p.open("/jobs/steered/start")
	p.confirm()
	run := value[string](p, `location.pathname`)
	p.open(run + "/pause")
	p.confirm()
	p.until(`document.querySelector("#run\\.state .badge.paused")`)
	p.open(run + "/limits")
	p.fill("bandwidth", "fast")
	p.press(`form.stack .buttons button`)
	p.until(`document.querySelector(".says")?.textContent.includes("fast")`)
	p.open(run + "/limits")
	p.fill("bandwidth", "65KiB/s")
	p.confirm()
	p.until(`document.querySelector("#live").innerText.includes("65KiB/s")`)
	p.open(run + "/resume")
	p.confirm()
	p.until(`document.querySelector("#run\\.state .badge") && !document.querySelector("#run\\.state .badge.paused")`)
	p.open(run + "/cancel")
	p.confirm()
	if rep := s.over(t, strings.TrimPrefix(run, "/runs/")); rep.Result != report.Cancelled {
		t.Errorf("it ended %s", rep.Result)
	}
	p.until(`document.querySelector("#live[data-over]")`)
	p.clean()
}

// TestAJobIsSealedAndRemovedOnItsPage. What cannot be taken back asks for the name.
func TestAJobIsSealedAndRemovedOnItsPage(t *testing.T) {
	s, p := look(t)
	s.keep(t, "sealed")
	s.keep(t, "removed")
	p.open("/jobs/sealed/seal")
	p.fill("typed", "seal")
	p.press(`form.stack .buttons button`)
	p.until(`document.querySelector(".status-code")?.textContent === "422"`)
	p.open("/jobs/sealed/seal")
	p.fill("typed", "sealed")
	p.confirm()
	p.until(`location.pathname === "/jobs/sealed" && !document.querySelector('[href$="/start"], [href$="/seal"]')`)
	p.open("/jobs/removed/remove")
	p.confirm()
	p.until(`location.pathname === "/jobs" && !document.querySelector('[href="/jobs/removed"]')`)
	p.clean()
}

// TestWithoutScriptEveryFigureIsThere as it stood when the page was loaded.
func TestWithoutScriptEveryFigureIsThere(t *testing.T) {
	s, p := look(t)
	s.over(t, s.begun[Avatars])
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	p.open("/runs/" + s.begun[Avatars])
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{}); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{"#listed-objects": "254", `[data-figure="verified"]`: "240", `[id="run.failures"] h2 .badge`: "14"} {
		if got := value[string](p, `document.querySelector('`+what+`').textContent`); got != want {
			t.Errorf("at %s the page has %s, want %s", what, got, want)
		}
	}
	if n := value[int](p, `document.querySelectorAll("svg.plot polyline").length`); n != 2 {
		t.Errorf("without script there are %d curves, want 2", n)
	}
	p.clean()
}

// TestPagesAreLight holds the page of a run against what it may weigh.
func TestPagesAreLight(t *testing.T) {
	s, p := look(t)
	run := "/runs/" + s.begun[Avatars]
	s.over(t, s.begun[Avatars])
	p.mu.Lock()
	p.bytes, p.requests = 0, 0
	p.mu.Unlock()
	p.open(run)
	p.until(`document.querySelector("#live[data-over]")`)
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Logf("the page of a run weighs %.0f bytes in %d requests", p.bytes, p.requests)
	if p.bytes > 150<<10 {
		t.Errorf("the page weighs %.0f bytes, want at most 150 KiB", p.bytes)
	}
}
