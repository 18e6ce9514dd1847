package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/kept"
	"kodoferry/shared/limit"
	"kodoferry/shared/report"
)

// swapped is what makes of a sound record one in which one text is another.
func swapped(was, is string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(was), []byte(is)) }
}

// damages make of the sound record of a job what this version cannot take for
// one. Each key says what that is.
var damages = map[string]func(sound []byte) []byte{
	"half of it":                     func(b []byte) []byte { return b[:len(b)/2] },
	"no JSON":                        func([]byte) []byte { return []byte("hello") },
	"nothing":                        func([]byte) []byte { return nil },
	"an empty object":                func([]byte) []byte { return []byte("{}") },
	"no job in it":                   swapped(`"job":{`, `"was":{`),
	"another job":                    swapped("damaged", "another"),
	"a number that is a word":        swapped(`"rounds":3`, `"rounds":"many"`),
	"a number out of its range":      swapped(`"rounds":3`, `"rounds":-7`),
	"a target that is no location":   swapped(`"target":{"scheme":"oss"`, `"target":{"scheme":"tape"`),
	"an expression that is none":     swapped(`"overlap":`, `"filter":{"includeRegexp":["("]},"overlap":`),
	"a record of a newer version":    swapped(`{"v":2,"name"`, `{"v":99,"name"`),
	"a job of a newer version":       swapped(`"job":{"v":1,`, `"job":{"v":99,`),
	"a newer job that none can read": swapped(`"job":{"v":1,`, `"job":{"v":99,"limits":7,`),
}

// damage keeps a damaged job beside the others for each of damages, with an
// object deeper below jobs/, and returns what they are by their names.
func (w *world) damage(t *testing.T) map[string]string {
	t.Helper()
	j, err := job.New(w.src, strings.Replace(w.dst, "photos-new/", "others/", 1), w.ledgerAt(), func(j *job.Job) { j.Name, j.Events.Window = "damaged", job.Span(time.Second) })
	if err != nil {
		t.Fatal(err)
	}
	raw, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	is := map[string]string{}
	for what, damage := range damages {
		name := fmt.Sprintf("damaged-%d", len(is))
		is[name] = what
		record, err := json.Marshal(kept.Job{V: ledger.Version, Name: name, Job: bytes.Replace(raw, []byte("damaged"), []byte(name), 1)})
		if err != nil {
			t.Fatal(err)
		}
		spoiled := damage(record)
		if bytes.Equal(spoiled, record) {
			t.Fatalf("%s: the record is as it was: %s", what, record)
		}
		w.lay(t, ".ferry/jobs/"+name+".json", spoiled)
	}
	w.lay(t, ".ferry/jobs/photos/copy.json", []byte("a stray object"))
	return is
}

// lay puts an object into the ledger's bucket.
func (w *world) lay(t *testing.T, key string, body []byte) {
	t.Helper()
	if err := w.oss.Put("ledger-bucket", oss.Object{Key: key, Body: body}); err != nil {
		t.Fatal(err)
	}
}

// TestAJobThatCannotBeReadStopsNoOther keeps jobs beside one that is sound.
func TestAJobThatCannotBeReadStopsNoOther(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 5)
	is := o.damage(t)
	photos := o.job(t, call("photos"))
	keep(t, o.deploy.Ledger(), photos)
	run, err := o.deploy.Tick(t.Context(), "photos", o.clock(), o.clock())
	if err != nil {
		t.Fatalf("a timer of the sound one: %v", err)
	}
	if rep := o.end(t, run); rep.Result != report.Verified {
		t.Errorf("%+v, want it verified", rep.Summary)
	}
	if run = o.start(t, photos); o.end(t, run).Result != report.Verified {
		t.Error("the sound one was started and is not verified")
	}
	names, err := kept.ListJobs(t.Context(), o.deploy.Ledger().Folder())
	if err != nil || len(names) != len(is)+1 || slices.Contains(names, "photos/copy") {
		t.Errorf("kept are %q, %v, want all of them and no stray object", names, err)
	}
	for name, what := range is {
		newer := strings.Contains(what, "newer")
		kind, cure := fault.Corrupt, "ferry jobs apply "+name
		if newer {
			kind, cure = fault.Newer, "upgrade"
		}
		_, err := o.deploy.Tick(t.Context(), name, o.clock(), o.clock())
		if fault.KindOf(err) != kind || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), cure) {
			t.Errorf("%s: a timer of it ends with %v, want %s, its name and %q", what, err, kind, cure)
		}
		err = kept.WriteJob(t.Context(), o.deploy.Ledger().Folder(), kept.Job{Name: name, Job: []byte(`{}`)}, nil)
		if refused := fault.KindOf(err) == fault.Newer; err != nil && !refused || refused != (what == "a record of a newer version") {
			t.Errorf("%s: keeping a job in its place: %v, want it refused for a record of a newer version alone", what, err)
		}
	}
	for name, what := range o.damage(t) {
		if err := kept.RemoveJob(t.Context(), o.deploy.Ledger().Folder(), name); err != nil {
			t.Errorf("%s: removing it: %v", what, err)
		}
	}
	if names, err := kept.ListJobs(t.Context(), o.deploy.Ledger().Folder()); err != nil || !slices.Equal(names, []string{"photos"}) {
		t.Errorf("left are %q, %v, want the sound one", names, err)
	}
}

// TestAJobThatCannotBeReadKeepsItsPlace: who can read it writes there.
func TestAJobThatCannotBeReadKeepsItsPlace(t *testing.T) {
	for what, held := range map[string]bool{"a job of a newer version": true, "a number out of its range": true, "a record of a newer version": true, "no JSON": false} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			for name, is := range o.damage(t) {
				if is != what {
					if err := kept.RemoveJob(t.Context(), o.deploy.Ledger().Folder(), name); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := o.oss.CreateBucket("others"); err != nil {
				t.Fatal(err)
			}
			j := o.job(t, call("another"), func(j *job.Job) { j.Target.Bucket = "others" })
			if _, err := o.deploy.Start(t.Context(), j, nil, o.clock()); (fault.KindOf(err) == fault.Invalid) != held || !held && err != nil {
				t.Errorf("a job that writes to its place: %v, want it refused: %v", err, held)
			}
		})
	}
}

func TestASealThatCannotBeReadEndsItsJobAlone(t *testing.T) {
	for what, seal := range map[string]string{"no JSON": "hello", "nothing": "", "an empty object": "{}", "of a newer version": `{"v":99}`, "of another type": `{"v":2,"at":7}`} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			o.fill(t, 3)
			keep(t, o.deploy.Ledger(), o.job(t, call("photos")))
			other := o.job(t, call("other"), func(j *job.Job) { j.Target.Prefix = "other/" })
			o.lay(t, ".ferry/jobs/photos.sealed", []byte(seal))
			if _, err := o.deploy.Tick(t.Context(), "photos", o.clock(), o.clock()); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ended for good") {
				t.Errorf("a timer of it: %v, want it refused as ended for good", err)
			}
			if since, _, err := o.operator().Seal(t.Context(), "photos", limit.Notice); err != nil || since.IsZero() {
				t.Errorf("sealed again: since %v, %v, want since the seal was written", since, err)
			}
			if rep := o.end(t, o.start(t, other)); rep.Result != report.Verified {
				t.Errorf("%+v, want the other job's run verified", rep.Summary)
			}
		})
	}
}

func TestAListOfKeysThatIsMissingStopsItsJobAlone(t *testing.T) {
	o := newOffice(t)
	o.fill(t, 10)
	l := o.deploy.Ledger()
	some := o.job(t, call("some"), func(j *job.Job) { j.KeyList, j.Target.Prefix = "keys.txt", "some/" })
	keep(t, l, some, "k/00003")
	for _, key := range o.oss.Keys("ledger-bucket") {
		if strings.Contains(key, "/lists/") {
			o.oss.Remove("ledger-bucket", key)
		}
	}
	_, err := o.deploy.Tick(t.Context(), "some", o.clock(), o.clock())
	if fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), "ferry jobs apply some") {
		t.Errorf("a timer of it: %v, want corrupt, and the cure", err)
	}
	o.end(t, o.start(t, o.job(t, call("photos"), func(j *job.Job) { j.Target.Prefix = "photos/" })))
	keep(t, l, some, "k/00003", "k/00004")
	run, err := o.deploy.Tick(t.Context(), "some", o.clock(), o.clock())
	if err != nil {
		t.Fatalf("kept again: %v", err)
	}
	if rep := o.end(t, run); rep.Objects.Copied != 2 {
		t.Errorf("%+v, want the two keys of the new list", rep.Objects)
	}
}

// TestNoticesAreTakenBesideJobsThatCannotBeRead lets the function notify read them.
func TestNoticesAreTakenBesideJobsThatCannotBeRead(t *testing.T) {
	p := newPlatform(t, fc.FC, 0)
	p.kept(t)
	p.damage(t)
	p.lay(t, ".ferry/jobs/photos-2.sealed", nil)
	status, heard := post(t, p.notify(t), `{"bucket":"photos","key":"k/1"}`, "sk", auth.TokenQiniu, nil)
	if status != http.StatusOK || heard["tasks"] != 1 {
		t.Errorf("answered %d, %v, want 200 and a task of the job that is sound\n%s", status, heard, tail(p.logs.String()))
	}
	if log := p.logs.String(); !strings.Contains(log, "damaged-0") || !strings.Contains(log, "ferry jobs apply") {
		t.Errorf("the log names no job that cannot be read, and its cure:\n%s", tail(log))
	}
}
