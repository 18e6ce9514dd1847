package consoles

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"kodoferry/shared/console/language"
)

var (
	picture = flag.String("picture", "", "the file that the picture of a run's page is written to, and beside it the one in Chinese")
	after   = flag.Duration("after", time.Minute, "how long the run goes on before its picture is taken")
)

// TestPicture takes the pictures that the READMEs show, of a run of a demo: scripts/screenshot.sh.
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
	for tag, file := range map[string]string{"en": *picture, "zh": strings.TrimSuffix(*picture, ".png") + ".zh-CN.png"} {
		if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: language.Cookie, Value: tag, URL: s.base}); err != nil {
			t.Fatal(err)
		}
		p.open("/runs/" + s.begun[Photos])
		p.until(`document.querySelectorAll(".uplot").length === 2`)
		shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
		if err == nil {
			err = os.WriteFile(file, shot.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(shot.Data) > 200_000 {
			t.Errorf("%s has %d bytes, want less than 200,000", file, len(shot.Data))
		}
	}
}
