package mark_test

import (
	"testing"
	"time"

	"kodoferry/shared/pipeline/mark"
)

var noon = time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)

func TestAMarkTellsByWhenItsWritingCameToPass(t *testing.T) {
	for name, tc := range map[string]struct {
		mark  string
		after time.Duration
		past  bool
	}{
		"right away":                      {mark.Make("a", 1, noon, mark.Request, 8<<10), time.Second, false},
		"before, by the target's clock":   {mark.Make("a", 1, noon, mark.Request, 8<<10), -10 * time.Minute, false},
		"within an hour and the clocks":   {mark.Make("a", 1, noon, mark.Request, 8<<10), 62 * time.Minute, false},
		"behind that":                     {mark.Make("a", 1, noon, mark.Request, 8<<10), 64 * time.Minute, true},
		"a large body, slowly":            {mark.Make("a", 1, noon, mark.Request, 64<<20), 2 * time.Hour, false},
		"a large body, too late":          {mark.Make("a", 1, noon, mark.Request, 64<<20), 3 * time.Hour, true},
		"an upload of days":               {mark.Make("a", 1, noon, mark.Upload, 8<<20), 6 * 24 * time.Hour, false},
		"an upload, too late":             {mark.Make("a", 1, noon, mark.Upload, 8<<20), 8 * 24 * time.Hour, true},
		"another try":                     {mark.Make("a", 2, noon, mark.Request, 0), 77 * time.Minute, true},
		"before the target told its time": {mark.Make("a", 1, time.Time{}, mark.Request, 0), 1000 * time.Hour, false},
		"of an earlier version":           {"AbC-_123", 1000 * time.Hour, false},
		"its second try":                  {"AbC-_123.2", 1000 * time.Hour, false},
		"none":                            {"", 1000 * time.Hour, false},
		"a time that is none":             {"a~!", 1000 * time.Hour, false},
		"a time beyond all":               {"a~zzzzzzzzzzzzzzzz", 1000 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mark.Past(tc.mark, noon.Add(tc.after)); got != tc.past {
				t.Errorf("written %v later, the mark %q is past: %v, want %v", tc.after, tc.mark, got, tc.past)
			}
		})
	}
}

func TestEachTryHasAMarkOfItsOwnThatNamesItsBatch(t *testing.T) {
	d := mark.Delivery("0~1-b", "AbC-_123")
	one, two := mark.Make(d, 1, noon, mark.Request, 1), mark.Make(d, 2, noon, mark.Request, 1)
	if one == two || mark.Batch(one) != "0~1-b" || mark.Batch(two) != "0~1-b" || mark.Batch(mark.Make(d, 2, time.Time{}, mark.Request, 1)) != "0~1-b" || mark.Batch("AbC-_123.2") != "" {
		t.Errorf("the marks are %q and %q", one, two)
	}
	if !mark.Dated(one) || !mark.Dated(two) || mark.Dated("AbC-_123.2") {
		t.Error("a mark of today tells no time, or one of an earlier version does")
	}
}

func TestAClockIsTheTargetsOnceItHasToldTheTime(t *testing.T) {
	var c mark.Clock
	if !c.At(noon).IsZero() || !(*mark.Clock)(nil).At(noon).IsZero() {
		t.Error("a clock tells a time that nobody has told")
	}
	c.Learn(time.Time{}, noon, noon)
	if !c.At(noon).IsZero() {
		t.Error("an answer without a time tells one")
	}
	c.Learn(noon.Add(3*time.Hour), noon, noon)
	if got := c.At(noon.Add(time.Minute)); !got.Equal(noon.Add(3*time.Hour + time.Minute)) {
		t.Errorf("three hours ahead, a minute later it is %v", got)
	}
}

// TestAMarkIsNotPastForAClockThatJumps has the clock of the machine jump, or the machine sleep,
// around an answer of the target, whose clock is right, and then write at once: what it
// writes cannot be what somebody else made later.
func TestAMarkIsNotPastForAClockThatJumps(t *testing.T) {
	const second, far = time.Second, 5 * time.Hour
	for name, tc := range map[string]struct {
		begun, at, now time.Duration // of the answer
		own, target    time.Duration // when the writing begins
	}{
		"not at all":                         {0, second, second, 2 * second, 2 * second},
		"back, behind the answer":            {0, second, second, 2*second - far, 2 * second},
		"back, amid the request":             {0, second, second - far, 2*second - far, 2 * second},
		"forth, behind the answer":           {0, second, second, 2*second + far, 2 * second},
		"forth, amid the request":            {0, second, second + far, 2*second + far, 2 * second},
		"not, but sleeps with it unread":     {0, second, far, far, far},
		"not, but sleeps behind the answer":  {0, second, second, far, far},
		"not, but is as long at the request": {0, far, far, far, far},
	} {
		t.Run(name, func(t *testing.T) {
			var c mark.Clock
			c.Learn(noon.Add(tc.at), noon.Add(tc.begun), noon.Add(tc.now))
			if m := mark.Make("a", 1, c.At(noon.Add(tc.own)), mark.Request, 1); mark.Past(m, noon.Add(tc.target)) {
				t.Errorf("the mark %q is past when it is made, the clock tells %v", m, c.At(noon.Add(tc.own)))
			}
		})
	}
}
