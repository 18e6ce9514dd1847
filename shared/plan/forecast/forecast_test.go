package forecast

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// planned is a plan that copies so many objects of so many bytes each.
func planned(t *testing.T, objects, size int64, set ...func(*job.Job)) (plan.Plan, job.Job, Prices) {
	t.Helper()
	j, err := job.New("kodo://photos/?region=z0", "oss://photos-new/?region=cn-hangzhou", "", set...)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := ReadPrices("")
	if err != nil {
		t.Fatal(err)
	}
	return plan.Plan{
		Listed: ledger.Tally{Objects: objects, Bytes: objects * size},
		Shares: []plan.Share{{Will: plan.ToCopy, Class: store.Standard, Size: "<=32MiB", Objects: objects, Bytes: objects * size}},
	}, j, pr
}

// priceFile is a price file of that text.
func priceFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTheBindingLimitAndWhatToAskFor(t *testing.T) {
	const mb = 1_000_000
	for name, tc := range map[string]struct {
		objects, size int64
		set           func(*job.Job)
		quotas        func(*Prices)
		binds         string
		hours         float64
		ask           []string // of each line a part
	}{
		"big objects: bandwidth": {
			objects: 10_000_000, size: 10 * mb, binds: "OSS bandwidth", hours: 100e12 * 8 / 10e9 / 3600,
			ask: []string{"ask for 21 Gbit/s of OSS bandwidth instead of 10, to end in about 11 h instead of 22 h", "maximumTasks"},
		},
		"small objects: requests": {
			objects: 1_000_000_000, size: 8 << 10, binds: "OSS requests", hours: 28,
			ask: []string{"requests/s at OSS instead of 10,000"},
		},
		"few instances": {
			objects: 10_000_000, size: 10 * mb, quotas: func(p *Prices) { p.functions.instances, p.functions.consumers = 20, 20 }, binds: "function network", hours: 100e12 / (20 * 40e6) / 3600,
			ask: []string{"ask for 40 Function Compute instances instead of 20 (and maximumTasks 40 instead of 20 for ferry-copy in s.yaml), to end in", "Gbit/s of OSS bandwidth"},
		},
		"a limit of one's own": {
			objects: 10_000_000, size: 10 * mb, set: func(j *job.Job) { j.Limits.Bandwidth.Rate = 100 * mb }, binds: "limits.bandwidth", hours: 1e14 / 1e8 / 3600,
			ask: []string{"limits.bandwidth is your own"},
		},
		"a source that says what it bears": {
			objects: 10_000_000, size: 10 * mb, quotas: func(p *Prices) { p.kodo.gbit, p.kodo.requests = 1, 1000 }, binds: "Kodo bandwidth", hours: 100e12 * 8 / 1e9 / 3600,
			ask: []string{"ask for 10 Gbit/s of Kodo's bandwidth instead of 1"},
		},
		"one chain of names in sequence": {
			objects: 100_000_000, size: 100, set: func(j *job.Job) { j.Limits.Fanout = 1 }, binds: "OSS names in sequence", hours: 100_000_000.0 / 2000 / 3600,
		},
		"an hour's work": {objects: 1000, size: mb, binds: "OSS bandwidth", hours: 0},
	} {
		t.Run(name, func(t *testing.T) {
			var set []func(*job.Job)
			if tc.set != nil {
				set = append(set, tc.set)
			}
			p, j, pr := planned(t, tc.objects, tc.size, set...)
			if tc.quotas != nil {
				tc.quotas(&pr)
			}
			got := timingOf(loadOf(p, j, pr, true), j, pr)
			if got.Binds != tc.binds || math.Abs(got.Hours-tc.hours) > 0.05*tc.hours+0.01 || !got.Estimated {
				t.Errorf("%s binds with %.2f h, want %s with %.2f", got.Binds, got.Hours, tc.binds, tc.hours)
			}
			if pr.kodo.gbit == 0 { // the last line asks for what nobody publishes
				last := got.Ask[len(got.Ask)-1]
				if !strings.Contains(last, "ask Qiniu which bandwidth") {
					t.Errorf("the last line is %q, want one about what is not known of Kodo", last)
				}
				got.Ask = got.Ask[:len(got.Ask)-1]
			}
			for i, want := range tc.ask {
				if i >= len(got.Ask) || !strings.Contains(got.Ask[i], want) {
					t.Errorf("asks %q, want line %d with %q", got.Ask, i+1, want)
				}
			}
			if tc.ask == nil && len(got.Ask) > 0 {
				t.Errorf("asks %q, want nothing", got.Ask)
			}
		})
	}
}

func TestOneMachineIsBilledAndBoundByNoFunction(t *testing.T) {
	p, j, pr := planned(t, 10_000_000, 1_000_000, func(j *job.Job) { j.Limits.Instances = 2 })
	for _, deployed := range []bool{true, false} {
		f := New(j, p, pr, deployed)
		ofFunctions := func(name string) bool {
			return strings.Contains(name, "function") || strings.Contains(name, "queues") || strings.Contains(name, "limits.instances")
		}
		billed := slices.ContainsFunc(f.Bill.Once, func(c Cost) bool { return ofFunctions(c.What) })
		bound := slices.ContainsFunc(f.Time.Limits, func(b Bottleneck) bool { return ofFunctions(b.Name) })
		itself := slices.ContainsFunc(f.Time.Limits, func(b Bottleneck) bool { return b.Name == "this machine" && b.Rate == NotKnown && b.Note != "" })
		if billed != deployed || bound != deployed || itself == deployed {
			t.Errorf("deployed %t: functions and queues billed %t, a bound %t, this machine named %t", deployed, billed, bound, itself)
		}
		if deployed != (f.Load.Messages > 0) || deployed != (f.Load.Invocations > 0) || deployed != (f.Load.Seconds > 0) {
			t.Errorf("deployed %t: the load is %+v", deployed, f.Load)
		}
	}
}

func TestTheBillBeginsWithTheSourcesTrafficAndAddsUp(t *testing.T) {
	p, j, pr := planned(t, 10_000_000, 10_000_000)
	p.Shares = append(p.Shares,
		plan.Share{Will: plan.ToCopy, Class: store.ArchiveIR, Size: "<=64KiB", Objects: 1000, Bytes: 1000},
		plan.Share{Will: plan.Fate(ledger.Skipped), Class: store.Archive, Size: "<=1GiB", Objects: 5, Bytes: 5e9})
	b := billOf(p, j, pr, loadOf(p, j, pr, true), 30)
	sum := 0.0
	for _, c := range b.Once {
		if sum += c.Cost; math.Abs(c.Amount*c.Price-c.Cost) > 1e-9 {
			t.Errorf("%+v does not multiply", c)
		}
	}
	if b.Once[0].What != "Kodo traffic to the Internet" || math.Abs(b.Once[0].Cost-100_000*pr.kodo.egress) > 0.01 || math.Abs(sum-b.Sum) > 1e-6 {
		t.Errorf("first %+v, sum %.2f of %.2f", b.Once[0], b.Sum, sum)
	}
	// What is smaller than 64 KiB is billed as 64 KiB in any class but Standard.
	if len(b.Monthly) != 2 || math.Abs(b.Monthly[1].Amount-1000*65536/1e9) > 1e-9 || b.Monthly[1].Price != pr.oss.ia {
		t.Errorf("monthly %+v, want standard, and ia of 1,000 x 64 KiB", b.Monthly)
	}
	if len(b.Thaw) != 1 || b.Thaw[0].Amount != 5 || b.Thaw[0].Price != pr.kodo.archive {
		t.Errorf("thaw %+v, want 5 GB of archive, in no sum", b.Thaw)
	}
}

// TestFunctionsAndQueuesAreBilledAsTheirServicesDo: CU for processor, memory and invocations,
// what is above the free requests, and each queue for each day that has begun.
func TestFunctionsAndQueuesAreBilledAsTheirServicesDo(t *testing.T) {
	p, j, pr := planned(t, 1000, 1000)
	for name, tc := range map[string]struct {
		load  Load
		hours float64
		want  map[string]float64 // amounts
	}{
		"a second of an instance with 1 vCPU and 1 GB": {Load{MemorySecs: 1}, 1, map[string]float64{"functions, memory and processor": 1.15}},
		"10,000 invocations":                           {Load{Invocations: 10_000}, 1, map[string]float64{"functions, invocations": 75}},
		"no more messages than are free":               {Load{Messages: 20e6}, 1, map[string]float64{"queues, a day each": 5}},
		"more messages than are free, for 30 hours":    {Load{Messages: 21e6}, 30, map[string]float64{"queues, requests": 100, "queues, a day each": 10}},
		"nothing deployed":                             {Load{}, 1, nil},
	} {
		got := map[string]float64{}
		for _, c := range billOf(p, j, pr, tc.load, tc.hours).Once {
			if strings.HasPrefix(c.What, "functions") || strings.HasPrefix(c.What, "queues") {
				got[c.What] = math.Round(c.Amount*1e6) / 1e6
			}
		}
		if !maps.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestEveryPriceSaysWhereItIsFromAndWhenItWasRead, or that no page of the vendor has it.
func TestEveryPriceSaysWhereItIsFromAndWhenItWasRead(t *testing.T) {
	section, prices := "", 0
	origin := regexp.MustCompile(`(read|not confirmed|third-party).* 20\d\d-\d\d`)
	for line := range strings.Lines(DefaultPrices) {
		if name, ok := strings.CutSuffix(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "#") {
			section = name
		}
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		quota := strings.Contains(name, "per_second") || slices.Contains([]string{"memory_gb", "vcpu", "instances", "consumers", "seconds_per_object", "objects_at_once"}, name)
		if !ok || section == "" || strings.HasPrefix(name, "#") || quota {
			continue
		}
		if prices++; !origin.MatchString(rest) {
			t.Errorf("%s.%s: %q does not say", section, name, strings.TrimSpace(rest))
		}
	}
	if prices < 20 {
		t.Errorf("%d prices were looked at, want all", prices)
	}
}

func TestAJobThatThawsPaysForIt(t *testing.T) {
	p, j, pr := planned(t, 1000, 1000)
	p.Shares = append(p.Shares, plan.Share{Will: plan.ToCopy, Class: store.DeepArchive, Size: "<=1GiB", Objects: 5, Bytes: 5e9})
	j.Thaw = true
	b := billOf(p, j, pr, loadOf(p, j, pr, true), 1)
	if len(b.Thaw) > 0 || !slices.Contains(b.Once, Cost{"Kodo, thawing deep-archive", 5, "GB", pr.kodo.deepArchive, 5 * pr.kodo.deepArchive}) {
		t.Errorf("once %+v, thaw %+v, want 5 GB of deep archive in the sum", b.Once, b.Thaw)
	}
	j.Source = job.Location{Scheme: job.S3, Bucket: "photos", Region: "eu-west-1"}
	if b := billOf(p, j, pr, loadOf(p, j, pr, true), 1); !strings.Contains(b.Without, "nor the restoring of 5 GB of archived objects") {
		t.Errorf("of an S3 source: %q, want it to say that restoring is not in the sum", b.Without)
	}
}

func TestAPriceFileChangesWhatItNamesAndKeepsTheRest(t *testing.T) {
	pr, err := ReadPrices(priceFile(t, "# mine\ncurrency: EUR\nkodo: {egress_gb: 1}\n"))
	built, berr := ReadPrices("")
	if err != nil || berr != nil || pr.kodo.egress != 1 || pr.Currency != "EUR" || pr.oss != built.oss || pr.functions != built.functions {
		t.Errorf("%+v (%v, %v)", pr, err, berr)
	}
	for name, n := range built.numbers() {
		if *n == 0 && name != "kodo.gbit_per_second" && name != "kodo.requests_per_second" && name != "functions.network_gbit_per_second" {
			t.Errorf("the built-in file does not name %s", name)
		}
	}
}
