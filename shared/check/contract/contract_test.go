package contract

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/fault"
	"kodoferry/shared/queue"
	"kodoferry/shared/store"
)

func TestARecorderEndsACaseAsATestWould(t *testing.T) {
	for name, tc := range map[string]struct {
		f    func(r *recorder)
		want string // failures
		skip string
	}{
		"nothing wrong":     {func(*recorder) {}, "", ""},
		"errors go on":      {func(r *recorder) { r.Errorf("a"); r.Errorf("b") }, "a; b", ""},
		"a fatal one ends":  {func(r *recorder) { r.Fatalf("a"); r.Errorf("b") }, "a", ""},
		"a skip ends":       {func(r *recorder) { r.Skipf("why"); r.Errorf("b") }, "", "why"},
		"a panic is a fail": {func(*recorder) { var none []int; _ = none[len(none)] }, "not of the expected form", ""},
		"many are counted": {func(r *recorder) {
			for range 7 {
				r.Errorf("a")
			}
		}, "a; a; a; and 4 more", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{ctx: t.Context()}
			r.run(func() { tc.f(r) })
			if got := r.text(); !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") || r.skipped != tc.skip {
				t.Errorf("failures %q, skipped %q, want %q and %q", got, r.skipped, tc.want, tc.skip)
			}
		})
	}
}

func TestWhatIsPrivateDoesNotStay(t *testing.T) {
	h := newRedactor([]string{"photos", "photos-new", "2019/", "LTAI5tABC", "", "a"})
	for text, want := range map[string]string{
		`bucket "photos-new" does not exist`:                                `bucket "…" does not exist`,
		"status 403: 2019/a.jpg of photos (request 5C0E)":                   "status 403: …a.jpg of …",
		"dial tcp 10.0.0.1:443: refused":                                    "dial tcp [address]: refused",
		"https://img.example.com/x?token=LTAI5tABC:sig sends":               "[address] sends",
		"img.example.com alters what it serves":                             "[address] alters what it serves",
		"Get \"http://[::1]:80/\"":                                          "Get \"[address]\"",
		"a line\nand another":                                               "a line and another",
		"Open(2, 3) = \"234\", want \"239\"":                                "Open(2, 3) = \"234\", want \"239\"",
		"a is too short a name to hide, and so is it in every word with an": "a is too short a name to hide, and so is it in every word with an",
	} {
		if got := h.text(text); got != want {
			t.Errorf("%q is told as %q, want %q", text, got, want)
		}
	}
	if got := h.text(strings.Repeat("图", 1000)); len(got) > maxShown+len("…") || !strings.HasSuffix(got, "图…") {
		t.Errorf("a long text is told in %d bytes that end in %q", len(got), got[len(got)-8:])
	}
	err := fault.New(fault.Invalid, "kodo.List", "a \"private\" name", errors.New(`"b" after "c"`))
	if got := unquoted(err); strings.Contains(got, "private") || strings.Contains(got, `"b"`) {
		t.Errorf("an error about the user's own objects is told as %q", got)
	}
}

// hosted is a source that has hosts.
type hosted struct {
	store.Source
	hosts []string
}

func (h hosted) Hosts(context.Context) ([]string, error) { return h.hosts, nil }

// TestWhatIsNotKnownIsAnsweredByWhatWasSeen has a service answer each question in its ways.
func TestWhatIsNotKnownIsAnsweredByWhatWasSeen(t *testing.T) {
	self := httptest.NewTLSServer(http.NotFoundHandler()) // vouches for itself
	t.Cleanup(self.Close)
	self.Config.ErrorLog = log.New(io.Discard, "", 0)
	ways := func(says string, inside, asked bool) func(context.Context) (string, bool, bool) {
		return func(context.Context) (string, bool, bool) { return says, inside, asked }
	}
	queues := func(string) (queue.Scratch, error) { return nil, errors.New("not asked") }
	for name, tc := range map[string]struct {
		sentence string
		setup    Setup
		told     queue.Depth
		verdict  Verdict
		says     string // Found and Reason
	}{
		"numbers":          {"GetQueueAttributes tells", Setup{Queue: queues}, queue.Depth{Ready: 2, Delayed: 1}, Pass, "numbers: 2 ready, 0 at work, 1 waiting"},
		"zeros":            {"GetQueueAttributes tells", Setup{Queue: queues}, queue.Depth{Unknown: true}, Pass, "0 of each kind, of a queue that holds some"},
		"no queues":        {"GetQueueAttributes tells", Setup{}, queue.Depth{}, Skipped, "FERRY_QUEUES"},
		"https inside":     {"an internal address", Setup{Queue: queues, Ways: ways("internal https answers", true, true)}, queue.Depth{}, Pass, "internal https answers"},
		"outside":          {"an internal address", Setup{Queue: queues, Ways: ways("internal https does not answer", false, true)}, queue.Depth{}, Skipped, "internal https does not answer inside the region"},
		"a host":           {"an internal address", Setup{Queue: queues, Ways: ways("", false, false)}, queue.Depth{}, Skipped, "leave endpoint= out"},
		"no certificate":   {"the hosts of a source", Setup{Source: hosted{hosts: []string{self.URL}}}, queue.Depth{}, Fail, "certificate"},
		"plain http":       {"the hosts of a source", Setup{Source: hosted{hosts: []string{"http://127.0.0.1:1"}}}, queue.Depth{}, Skipped, "plain http"},
		"rights of one":    {"which right a receive", Setup{}, queue.Depth{}, Skipped, "mns:BatchReceiveMessage"},
		"dead letters":     {"the shape of a dead letter", Setup{}, queue.Depth{}, Skipped, "peek at the dead queue"},
		"streams":          {"maximumTasks", Setup{}, queue.Depth{}, Skipped, "GetEventStreaming"},
		"a HEAD, unlisted": {"a HEAD of a missing key", Setup{}, queue.Depth{}, Skipped, "--role copy"},
		"alarms":           {"the namespace, metric", Setup{}, queue.Depth{}, Skipped, "DescribeMetricMetaList"},
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan queue.Depth, 1)
			told <- tc.told
			items := slices.Concat(tc.setup.sourceFacts(), tc.setup.queueFacts(told), unasked)
			i := slices.IndexFunc(items, func(it item) bool { return strings.HasPrefix(it.sentence, tc.sentence) })
			if i < 0 {
				t.Fatalf("nobody asks %q", tc.sentence)
			}
			row := put(t.Context(), items[i], newRedactor(nil))
			if said := row.Found + " " + row.Reason; row.Verdict != tc.verdict || !hasAll(said, strings.Split(tc.says, " ")) {
				t.Errorf("%s: %q, want %s, saying %q", row.Verdict, said, tc.verdict, tc.says)
			}
		})
	}
}

func hasAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}
