package consoles

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var (
	picture = flag.String("picture", "", "the file that the picture of a run's page is written to")
	after   = flag.Duration("after", time.Minute, "how long the run goes on before its picture is taken")
)

// TestPicture takes the picture that the README shows, of a run of a demo: scripts/screenshot.sh.
func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("-picture names no file")
	}
	ctx := newContext(t)
	s, err := serveDemo(20_000, true)
	if err != nil {
		t.Fatal(err)
	}
	p := s.enter(t, ctx)
	size := emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 1180, DeviceScaleFactor: 1}
	if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, size); err != nil {
		t.Fatal(err)
	}
	time.Sleep(*after)
	p.open("/runs/" + s.begun[Photos])
	p.until(`document.querySelectorAll(".uplot").length === 2`)
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*picture, shot.Data, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d bytes", *picture, len(shot.Data))
}
