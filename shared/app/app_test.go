package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/agent"
	"kodoferry/shared/app"
	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/kodo"
	"kodoferry/shared/emulator/oss"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/report"
	"kodoferry/shared/task"
	"kodoferry/shared/worker"
)

var ecma = crc64.MakeTable(crc64.ECMA)

// world is both services on this machine, and the way to them.
type world struct {
	kodo   *kodo.Server
	oss    *oss.Server
	config app.Config
	src    string
	dst    string

	mu     sync.Mutex
	data   map[string]int // requests to OSS for data, by operation
	ledger map[string]int // requests to OSS for the ledger
	bodies map[string][]byte
}

func newWorld(t testing.TB) *world { return newWorldAt(t, nil) }

// newWorldAt is a world whose target and ledger go by that clock.
func newWorldAt(t testing.TB, now func() time.Time) *world {
	t.Helper()
	k, err := kodo.Start(kodo.Config{AccessKey: "ak", SecretKey: "sk", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	o, err := oss.Start(oss.Config{AccessKeyID: "id", AccessKeySecret: "secret", Seed: 1, Now: now, AnyDate: now != nil})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	w := &world{
		kodo: k, oss: o, data: map[string]int{}, ledger: map[string]int{}, bodies: map[string][]byte{},
		config: app.Config{KodoAccessKey: "ak", KodoSecretKey: "sk", OSSAccessKeyID: "id", OSSAccessSecret: "secret"},
		src:    "kodo://photos/?region=z0&insecure=true&endpoint=" + k.Endpoint(),
		dst:    "oss://photos-new/?region=cn-hangzhou&insecure=true&endpoint=" + o.Endpoint(),
	}
	if err := k.CreateBucket("photos"); err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{"photos-new", "ledger-bucket"} {
		if err := o.CreateBucket(bucket); err != nil {
			t.Fatal(err)
		}
	}
	o.OnRequest(func(r oss.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.Bucket == "ledger-bucket" {
			w.ledger[r.Op]++
		} else {
			w.data[r.Op]++
		}
	})
	return w
}

func (w *world) put(t testing.TB, o kodo.Object) {
	t.Helper()
	if _, err := w.kodo.Put("photos", o); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.bodies[o.Key] = o.Body
	w.mu.Unlock()
}

// fill puts n small objects, uploaded long ago.
func (w *world) fill(t testing.TB, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range n {
		body := make([]byte, r.IntN(3000))
		for k := range body {
			body[k] = byte(r.Uint32())
		}
		w.put(t, kodo.Object{Key: fmt.Sprintf("k/%05d", i), Body: body, PutTime: time.Now().Add(-24 * time.Hour)})
	}
}

func (w *world) copy(t testing.TB, o agent.CopyOptions, set ...func(*job.Job)) (report.Report, error) {
	t.Helper()
	return w.copyIn(t.Context(), t, o, set...)
}

// copyIn copies, as long as ctx lasts, in a process with connections of its own.
func (w *world) copyIn(ctx context.Context, t testing.TB, o agent.CopyOptions, set ...func(*job.Job)) (report.Report, error) {
	t.Helper()
	j, err := job.New(w.src, w.dst, w.ledgerAt(), set...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.config.Connect(j)
	if err != nil {
		t.Fatal(err)
	}
	o.Capacity = roomy
	return app.Copy(ctx, s, j, o)
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

func TestASmallObjectCostsOneRequestOnEachSide(t *testing.T) {
	const objects = 5000
	w := newWorld(t)
	w.fill(t, objects)
	rep, err := w.copy(t, agent.CopyOptions{})
	if err != nil || rep.Result != report.Verified || rep.Objects.Verified != objects {
		t.Fatalf("%+v, %v, want %d verified", rep.Summary, err, objects)
	}
	k := w.kodo.Desk().Counts()
	t.Logf("Kodo %v", k)
	t.Logf("OSS data %v", w.data)
	t.Logf("OSS ledger %v", w.ledger)
	if k["get"] != objects || k["stat"] != 0 || k["batch"] != 0 {
		t.Errorf("Kodo was asked %v, want one get an object and nothing else of it", k)
	}
	if w.data["put"] != objects || w.data["head"] != 0 || w.data["get"] != 0 {
		t.Errorf("OSS was asked %v, want one put an object and nothing else of it", w.data)
	}
	// Listing and verification read each side once, the probe at the start a page or two;
	// what the first page leaves is cut by a round of probes, once in a run.
	if pages := k["list"]; pages > 2*objects/1000+6+32 {
		t.Errorf("Kodo was listed %d times, want 2 passes of %d pages, the probe, and a cut", pages, objects/1000)
	}
	all := int(k["get"]) + int(k["list"]) + sum(w.data) + sum(w.ledger)
	if own := sum(w.ledger); own*50 >= all { // most of it is of the run, not of its objects
		t.Errorf("the ledger took %d of %d requests, want under 2 %%", own, all)
	}
}

func TestAFlippedByteNeverBecomesAVisibleObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(t, 400)
	big := make([]byte, 5<<20+3)
	for i := range big {
		big[i] = byte(i * 7)
	}
	for i := range 6 {
		w.put(t, kodo.Object{Key: fmt.Sprintf("big/%d", i), Body: big, Parts: [][]int64{nil, {2 << 20, 2 << 20, 1<<20 + 3}}[i%2], PutTime: time.Now().Add(-24 * time.Hour)})
	}
	w.kodo.Desk().Inject(
		chaos.Rule{Op: "get", Kind: chaos.Flip, Rate: 0.3}, chaos.Rule{Op: "get", Kind: chaos.Reset, Rate: 0.1},
		chaos.Rule{Op: "get", Kind: chaos.Status, Status: 599, Rate: 0.1}, chaos.Rule{Op: "list", Kind: chaos.EmptyPage, Rate: 0.3})
	w.oss.Desk().Inject(chaos.Rule{Op: "put", Kind: chaos.Lost, Rate: 0.05}, chaos.Rule{Op: "put", Kind: chaos.Status, Status: 500, Rate: 0.05})
	var appeared atomic.Int64
	w.oss.OnStored(func(bucket string, o oss.Object) {
		if bucket != "photos-new" {
			return
		}
		appeared.Add(1)
		w.mu.Lock()
		want := w.bodies[o.Key]
		w.mu.Unlock()
		if o.CRC64 != crc64.Checksum(want, ecma) || o.Size != int64(len(want)) {
			t.Errorf("%q became visible with %d bytes, CRC64 %d: not the source's", o.Key, o.Size, o.CRC64)
		}
	})
	rep, err := w.copy(t, agent.CopyOptions{})
	if err != nil || rep.Objects.Verified != 406 || rep.Result != report.Verified {
		t.Fatalf("%+v, %v, failures %+v, want 406 verified", rep.Summary, err, rep.Failures)
	}
	t.Logf("injected %v at Kodo, %v at OSS; %d objects appeared", w.kodo.Desk().Injected(), w.oss.Desk().Injected(), appeared.Load())
	if w.kodo.Desk().Injected()[chaos.Flip] == 0 {
		t.Error("no byte was flipped: the test proves nothing")
	}
	for key, want := range w.bodies {
		if got, ok := w.oss.Get("photos-new", key); !ok || !bytes.Equal(got.Body, want) {
			t.Errorf("%q: %d bytes in the target, want %d", key, len(got.Body), len(want))
		}
	}
}

func TestTheApplicationsBytesSurviveADelta(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 300)
	if rep, err := w.copy(t, agent.CopyOptions{}); err != nil || rep.Result != report.Verified {
		t.Fatalf("%+v, %v", rep.Summary, err)
	}
	time.Sleep(1100 * time.Millisecond) // OSS tells whole seconds, and run names do too
	theirs := map[string][]byte{}
	write := func(key string) {
		theirs[key] = []byte("the application's " + key)
		if err := w.oss.Put("photos-new", oss.Object{Key: key, Body: theirs[key]}); err != nil {
			t.Error(err)
		}
	}
	newer := func(key string) {
		w.put(t, kodo.Object{Key: key, Body: []byte("the source's newer " + key), PutTime: time.Now().Add(-2 * time.Second)})
	}
	for i := range 60 {
		newer(fmt.Sprintf("k/%05d", i)) // the delta
		w.put(t, kodo.Object{Key: fmt.Sprintf("n/%05d", i), Body: []byte("new"), PutTime: time.Now().Add(-2 * time.Second)})
	}
	for i := range 20 { // before
		write(fmt.Sprintf("k/%05d", i))
		write(fmt.Sprintf("n/%05d", i))
	}
	var during atomic.Int64
	var once sync.Map
	w.kodo.OnRequest(func(e kodo.Event) { // during: while the object's body is fetched
		if _, twice := once.LoadOrStore(e.Key, true); e.Op == "get" && !twice && (e.Key >= "k/00020" && e.Key < "k/00040" || e.Key >= "n/00020" && e.Key < "n/00040") {
			w.mu.Lock()
			defer w.mu.Unlock()
			during.Add(1)
			write(e.Key)
		}
	})
	var after atomic.Bool
	w.oss.OnRequest(func(r oss.Request) { // after: between the last copy and the verification
		if r.Op == "put" && strings.Contains(r.Key, "/copied/") && after.CompareAndSwap(false, true) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for i := 40; i < 50; i++ {
				write(fmt.Sprintf("k/%05d", i))
				write(fmt.Sprintf("n/%05d", i))
			}
		}
	})
	rep, err := w.copy(t, agent.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d written during, %+v", during.Load(), rep.Objects)
	if during.Load() == 0 {
		t.Error("nothing was written during the delta: the test proves too little")
	}
	for key, want := range theirs {
		if got, _ := w.oss.Get("photos-new", key); !bytes.Equal(got.Body, want) {
			t.Errorf("%q holds %q, want the application's bytes", key, got.Body)
		}
	}
	if got, want := rep.Objects.Conflict, int64(len(theirs)); got != want {
		t.Errorf("%d conflict rows, want one for each of the application's %d objects", got, want)
	}
}

func TestAJobOfListedKeysDoesNotStartWithoutThem(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 1)
	_, err := w.copy(t, agent.CopyOptions{}, func(j *job.Job) { j.KeyList = "keys.txt" })
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "keys.txt") || len(w.oss.Keys("photos-new")) > 0 {
		t.Errorf("Copy = %v and %q, want an error that names the list and no object", err, w.oss.Keys("photos-new"))
	}
}

func TestARunIsNotGoneOnWithByOneWhoAsksForSomethingElse(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 30)
	mirror := func(j *job.Job) { j.Delete = true }
	interrupted := func(p worker.Doer) worker.Doer { return halting{p} }
	if _, err := w.copy(t, agent.CopyOptions{Around: interrupted}, mirror); !errors.Is(err, agent.ErrHalted) {
		t.Fatalf("Copy = %v, want it halted", err)
	}
	_, err := w.copy(t, agent.CopyOptions{})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "begun with another delete:") {
		t.Errorf("Copy without delete = %v, want it refused because of delete", err)
	}
	_, err = w.copy(t, agent.CopyOptions{Keys: []string{"k/00001"}}, func(j *job.Job) { j.KeyList = "keys.txt" })
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "keyList, delete") {
		t.Errorf("Copy of a list of keys = %v, want it refused", err)
	}
	if rep, err := w.copy(t, agent.CopyOptions{}, mirror, func(j *job.Job) { j.Limits.Parallel = 7 }); err != nil || rep.Objects.Verified != 30 {
		t.Errorf("Copy of the same at another pace = %+v (%v), want it gone on with", rep.Objects, err)
	}
}

// halting denies every copy.
type halting struct{ worker.Doer }

func (h halting) Do(ctx context.Context, t task.Task) ([]task.Task, error) {
	if t.Kind == task.Copy {
		return nil, fault.New(fault.Denied, "copy", "", errors.New("403"))
	}
	return h.Doer.Do(ctx, t)
}

func TestEverythingThatIsMissingIsNamedAtOnce(t *testing.T) {
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = app.Load(func(string) string { return "" }).Connect(j)
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("Connect = %v, want invalid", err)
	}
	for _, name := range []string{"QINIU_ACCESS_KEY", "QINIU_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("Connect = %v, want it to name %s", err, name)
		}
	}
}
