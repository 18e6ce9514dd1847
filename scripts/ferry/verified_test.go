package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/ledger"
	"kodoferry/shared/report"
)

// ways are the ways in which a run is done, each from both kinds of source, side by
// side: most of it is waiting.
func ways(t *testing.T, f func(t *testing.T, c *clouds, run func(args ...string) report.Report)) {
	t.Parallel()
	for _, source := range []string{"kodo", "s3"} {
		for _, how := range []string{"copy", "functions"} {
			t.Run(source+" "+how, func(t *testing.T) {
				t.Parallel()
				c := newClouds(t)
				from := c.src
				if source == "s3" {
					from = c.s3
				}
				if how == "functions" {
					c.withQueues(t)
					c.work(t)
				}
				f(t, c, func(args ...string) report.Report { return c.ends(t, how, append([]string{from, c.dst}, args...)) })
			})
		}
	}
}

// ends runs the job of args to its end and returns its report.
func (c *clouds) ends(t *testing.T, how string, args []string) (rep report.Report) {
	t.Helper()
	var began struct{ Run string }
	name := "copy"
	if how == "functions" {
		name = "start"
	}
	out, said, code := execute(t, c.env, append(append([]string{name}, args...), "--json")...)
	if err := json.Unmarshal([]byte(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]), &began); err != nil || began.Run == "" || code != 0 && code != 3 {
		t.Fatalf("%s: exit code %d, %v\n%s%s", name, code, err, out, said)
	}
	if how == "functions" {
		if _, said, code := execute(t, c.env, "status", began.Run, "--watch"); code != 0 {
			t.Fatalf("status: exit code %d\n%s", code, said)
		}
	}
	out, said, code = execute(t, c.env, "report", began.Run, "--json", "--ledger", c.ledger)
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatalf("report: exit code %d, %v\n%s", code, err, said)
	}
	return rep
}

// owner puts an object into the source.
func (c *clouds) owner(t *testing.T, o kodo.Object) {
	t.Helper()
	if _, err := c.kodo.Put(standins.Source, o); err != nil {
		t.Fatal(err)
	}
}

// application puts an object into the target.
func (c *clouds) application(t *testing.T, o oss.Object) {
	t.Helper()
	if err := c.oss.Put(standins.Target, o); err != nil {
		t.Fatal(err)
	}
}

// holds fails unless the target has that body under key.
func (c *clouds) holds(t *testing.T, key, body string) {
	t.Helper()
	if o, ok := c.oss.Get(standins.Target, key); !ok || string(o.Body) != body {
		t.Errorf("the target's %s is %q (%v), want %q", key, o.Body, ok, body)
	}
}

func totals(t *testing.T, rep report.Report, want report.Totals) {
	t.Helper()
	if rep.Objects != want {
		t.Errorf("%s, %+v, want %+v\n%+v", rep.Result, rep.Objects, want, rep.Failures)
	}
}

// TestAnOlderObjectOfEqualSizeIsCopied has the owner move other objects over those that
// were copied: of equal size, with the time of their own, which is older.
func TestAnOlderObjectOfEqualSizeIsCopied(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 12)
		totals(t, run(), report.Totals{Listed: 12, Copied: 12, Verified: 12})
		long := time.Now().Add(-1000 * time.Hour)
		moved := strings.ToUpper(bodyOf(3))
		c.owner(t, kodo.Object{Key: keyOf(3), Body: []byte(moved), PutTime: long})
		rep := run()
		totals(t, rep, report.Totals{Listed: 12, Copied: 1, Unchanged: 11, Verified: 12})
		c.holds(t, keyOf(3), moved)
		if n := rep.Proofs[ledger.ByQetag].Objects; n != 12 || rep.Result != report.Verified {
			t.Errorf("%s, proved by %v, want the 11 by the hash that the first run saw", rep.Result, rep.Proofs)
		}
	})
}

// TestWhatEqualSizeAloneTiesToTheSourceIsReadInTheTarget has objects in the target before
// Ferry, newer by far than the source's: some with the source's bytes, one with others.
func TestWhatEqualSizeAloneTiesToTheSourceIsReadInTheTarget(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 6)
		for i := range 3 {
			body := bodyOf(i)
			if i == 2 {
				body = strings.ToUpper(body)
			}
			c.application(t, oss.Object{Key: keyOf(i), Body: []byte(body), LastModified: time.Now()})
		}
		before := bodiesSent(c)
		rep := run()
		totals(t, rep, report.Totals{Listed: 6, Copied: 3, Unchanged: 2, Conflict: 1, Verified: 5})
		if n := bodiesSent(c) - before; n != 3 {
			t.Errorf("%d bodies were read from the source, want those of the 3 that were copied", n)
		}
		c.holds(t, keyOf(2), strings.ToUpper(bodyOf(2)))
		if len(rep.Failures) != 1 || !strings.Contains(rep.Failures[0].Reason, "whose bytes differ") {
			t.Errorf("failures %+v, want why", rep.Failures)
		}
	})
}

// bodiesSent is how many bodies the source has sent.
func bodiesSent(c *clouds) int64 {
	n := c.kodo.Desk().Counts()
	return int64(n["get"]) + int64(n["s3-get"])
}

// TestWhatTheApplicationCopiedInTheTargetIsItsOwn has the application copy copies of
// Ferry's by the service, with all of their metadata: to a key that the source has since,
// to one that it never had, and onto itself.
func TestWhatTheApplicationCopiedInTheTargetIsItsOwn(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 6)
		run()
		later := time.Now().Add(time.Minute) // the same second would not show
		for _, to := range []string{"photos/since.jpg", "photos/theirs.jpg", keyOf(1), keyOf(2)} {
			from := to
			if strings.Contains(to, "s.jpg") || strings.Contains(to, "since") {
				from = keyOf(0)
			}
			o, ok := c.oss.Get(standins.Target, from)
			if !ok || len(o.Meta) == 0 {
				t.Fatalf("%s carries %v", from, o.Meta)
			}
			o.Key, o.LastModified, o.Meta = to, later, maps.Clone(o.Meta)
			c.application(t, o)
		}
		c.owner(t, kodo.Object{Key: "photos/since.jpg", Body: []byte("the source's, newer and larger"), PutTime: time.Now().Add(time.Hour)})
		c.owner(t, kodo.Object{Key: keyOf(1), Body: []byte("another, newer"), PutTime: time.Now().Add(time.Hour)})
		c.kodo.Remove(standins.Source, keyOf(2))
		rep := run("--delete", "--max-delete-share", "1")
		totals(t, rep, report.Totals{Listed: 6, Unchanged: 4, Conflict: 2, Verified: 4})
		c.holds(t, "photos/since.jpg", bodyOf(0))
		c.holds(t, "photos/theirs.jpg", bodyOf(0))
		c.holds(t, keyOf(1), bodyOf(1))
		c.holds(t, keyOf(2), bodyOf(2))
	})
}

// TestAnOlderVersionThatTheApplicationRestoresIsItsOwn has two runs copy a version each, and
// the application put the first back, with all of its metadata, or other bytes of its size with
// these; one of the objects is deleted at the source since, one has a third version, and one is
// the first version again.
func TestAnOlderVersionThatTheApplicationRestoresIsItsOwn(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 6)
		run()
		var was [5]oss.Object
		for i := range was {
			was[i], _ = c.oss.Get(standins.Target, keyOf(i))
			c.owner(t, kodo.Object{Key: keyOf(i), Body: []byte(strings.ToUpper(bodyOf(i)))})
		}
		totals(t, run(), report.Totals{Listed: 6, Copied: 5, Unchanged: 1, Verified: 6})
		later := time.Now().Add(time.Minute) // the same second would not show
		for i, o := range was {
			o.LastModified = later
			if i == 1 {
				o.Body = []byte(strings.Repeat("x", len(o.Body)))
				o.ETag, o.CRC64 = "", 0
			}
			c.application(t, o)
		}
		c.kodo.Remove(standins.Source, keyOf(2))
		c.owner(t, kodo.Object{Key: keyOf(3), Body: []byte("a third version")})
		c.owner(t, kodo.Object{Key: keyOf(4), Body: []byte(bodyOf(4))})
		rep := run("--delete", "--max-delete-share", "1")
		totals(t, rep, report.Totals{Listed: 5, Unchanged: 2, Conflict: 3, Verified: 2})
		for i := range was {
			want := bodyOf(i)
			if i == 1 {
				want = strings.Repeat("x", len(want))
			}
			c.holds(t, keyOf(i), want)
		}
	})
}

// TestNeitherAClockNorAKeptHashMakesBytesEqual has the application write over two copies:
// one seconds after it, by a clock that is behind, and one with the copy's own metadata
// and other bytes of equal size.
func TestNeitherAClockNorAKeptHashMakesBytesEqual(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 6)
		run()
		was, _ := c.oss.Get(standins.Target, keyOf(1))
		forged := strings.ToUpper(bodyOf(1))
		c.application(t, oss.Object{Key: keyOf(0), Body: []byte("the application's"), LastModified: was.LastModified.Add(-30 * time.Second)})
		c.application(t, oss.Object{Key: keyOf(1), Body: []byte(forged), Meta: was.Meta, LastModified: was.LastModified.Add(time.Minute)})
		c.owner(t, kodo.Object{Key: keyOf(0), Body: []byte("the owner's"), PutTime: was.LastModified})
		rep := run()
		totals(t, rep, report.Totals{Listed: 6, Unchanged: 4, Conflict: 2, Verified: 4})
		c.holds(t, keyOf(0), "the application's")
		c.holds(t, keyOf(1), forged)
	})
}

// TestChangedAttributesArriveWithoutABody has the owner set another type and metadata over
// the same bytes.
func TestChangedAttributesArriveWithoutABody(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 6)
		run()
		was, _ := c.oss.Get(standins.Target, keyOf(4))
		c.owner(t, kodo.Object{Key: keyOf(4), Body: []byte(bodyOf(4)), MimeType: "image/x-new", Meta: map[string]string{"owner": "me"}})
		c.owner(t, kodo.Object{Key: keyOf(5), Body: []byte(bodyOf(5)), PutTime: time.Now()}) // touched alone
		before := bodiesSent(c)
		ignored := run("--attributes", "ignore")
		totals(t, ignored, report.Totals{Listed: 6, Unchanged: 6, Verified: 6})
		totals(t, run(), report.Totals{Listed: 6, Updated: 1, Unchanged: 5, Verified: 6})
		now, _ := c.oss.Get(standins.Target, keyOf(4))
		if now.Header.Get("Content-Type") != "image/x-new" || now.Meta["owner"] != "me" || now.ETag != was.ETag || string(now.Body) != bodyOf(4) {
			t.Errorf("the target's is %+v, want the new attributes over the same bytes", now)
		}
		if n := bodiesSent(c) - before; n != 0 {
			t.Errorf("%d bodies were read from the source, want none", n)
		}
		totals(t, run(), report.Totals{Listed: 6, Unchanged: 6, Verified: 6})
		// What was set in place is the job's own: another version replaces it.
		c.owner(t, kodo.Object{Key: keyOf(4), Body: []byte("another version")})
		totals(t, run(), report.Totals{Listed: 6, Copied: 1, Unchanged: 5, Verified: 6})
		c.holds(t, keyOf(4), "another version")
	})
}

// TestAnotherClassArrivesWithoutABody has the job name another class for what was copied;
// before that, one that overwrites nothing leaves it.
func TestAnotherClassArrivesWithoutABody(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 6)
		run()
		before := bodiesSent(c)
		class := func() string {
			o, _ := c.oss.Get(standins.Target, keyOf(3))
			return o.Class
		}
		left := run("--class", "ia", "--overwrite", "never")
		totals(t, left, report.Totals{Listed: 6, Unchanged: 6, Verified: 6})
		if left.Warned != 6 || class() != "Standard" {
			t.Errorf("%d warnings, the class is %s, want 6 that it was left", left.Warned, class())
		}
		totals(t, run("--class", "ia"), report.Totals{Listed: 6, Updated: 6, Verified: 6})
		if class() != "IA" {
			t.Errorf("the class is %s, want IA", class())
		}
		totals(t, run("--class", "ia"), report.Totals{Listed: 6, Unchanged: 6, Verified: 6})
		if n := bodiesSent(c) - before; n != 0 {
			t.Errorf("%d bodies were read from the source, want none", n)
		}
	})
}

// TestWhatWasDeletedInTheTargetComesBackOnlyWhereTheJobSaysSo has the application delete
// copies.
func TestWhatWasDeletedInTheTargetComesBackOnlyWhereTheJobSaysSo(t *testing.T) {
	ways(t, func(t *testing.T, c *clouds, run func(...string) report.Report) {
		c.fill(t, 6)
		run()
		c.oss.Remove(standins.Target, keyOf(2))
		for range 2 { // the second knows it from the first
			rep := run("--deleted-in-target", "leave")
			totals(t, rep, report.Totals{Listed: 6, Unchanged: 5, Skipped: 1, Verified: 5})
			if rep.Causes[ledger.DeletedThere].Objects != 1 {
				t.Errorf("causes %v, want that it was deleted there", rep.Causes)
			}
		}
		totals(t, run(), report.Totals{Listed: 6, Copied: 1, Unchanged: 5, Restored: 1, Verified: 6})
		c.holds(t, keyOf(2), bodyOf(2))
	})
}

// TestWhatNothingProvesIsNotVerified has an object in the target of which the source lists
// no hash that could be recomputed, under each word of present.
func TestWhatNothingProvesIsNotVerified(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		says []string
		left string
	}{
		{nil, 3, []string{"VERIFIED, but for 1 object that was there before and unproved", "present=copy copies them"}, "THE BYTES OF 1"},
		{[]string{"--present", "accept"}, 0, []string{"VERIFIED", "1 present"}, "THE BYTES OF 1"},
		{[]string{"--present", "copy"}, 0, []string{"VERIFIED", "3 listed = 3 copied"}, bodyOf(1)},
	} {
		t.Run(fmt.Sprint(tc.args), func(t *testing.T) {
			c := newClouds(t)
			c.fill(t, 3)
			c.owner(t, kodo.Object{Key: keyOf(1), Body: []byte(bodyOf(1)), NoHash: true, PutTime: time.Now().Add(-time.Hour)})
			c.application(t, oss.Object{Key: keyOf(1), Body: []byte(strings.ToUpper(bodyOf(1)))})
			out, said, code := execute(t, c.env, append([]string{"copy", c.src, c.dst}, tc.args...)...)
			for _, want := range tc.says {
				if code != tc.code || !strings.Contains(out, want) {
					t.Errorf("exit code %d, %s%s, want %d and %q", code, out, said, tc.code, want)
				}
			}
			c.holds(t, keyOf(1), tc.left)
		})
	}
}
