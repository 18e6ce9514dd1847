package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// gb is what a price a GB counts.
const gb = 1e9

// load is what a plan asks of the services, in requests and bytes.
type load struct {
	Objects     int64                       `json:"objects"` // to copy
	Bytes       int64                       `json:"bytes"`
	KodoGets    float64                     `json:"kodo_gets"`
	KodoLists   float64                     `json:"kodo_lists"`
	OSSPuts     float64                     `json:"oss_puts"`     // objects and parts
	OSSOwn      float64                     `json:"oss_own"`      // PUTs of the ledger
	OSSLists    float64                     `json:"oss_lists"`    //
	OSSGets     float64                     `json:"oss_gets"`     // HEADs, and GETs of the ledger
	Invocations float64                     `json:"invocations"`  // of functions
	Messages    float64                     `json:"messages"`     // requests to the queues
	Seconds     float64                     `json:"copy_seconds"` // of instances of the copy function
	MemorySecs  float64                     `json:"gb_seconds"`   //
	perSecond   struct{ kodo, oss float64 } // requests of all kinds
}

// page is how many keys a listing tells at once, everywhere.
const page = 1000

// loadOf derives the load of a plan. Both sides are listed twice: to find what
// differs, and to verify.
func loadOf(p plan.Plan, j job.Job, pr prices) load {
	copied := p.Sum(plan.ToCopy, "", "")
	l := load{Objects: copied.Objects, Bytes: copied.Bytes}
	there := p.Sum(plan.Fate(ledger.Unchanged), "", "").Objects + p.Sum(plan.Fate(ledger.Conflict), "", "").Objects + p.TargetOnly.Objects
	deleted := float64(p.Sum(plan.ToDelete, "", "").Objects)
	source := float64(p.Listed.Objects + p.LeftOut.Objects)
	lim := j.Limits
	batches := max(float64(copied.Objects)/float64(lim.BatchObjects), float64(copied.Bytes)/float64(lim.BatchBytes)) + float64(copied.Parts)
	shards := source/float64(lim.ShardKeys) + 1

	l.KodoGets = float64(copied.Objects + copied.Parts)
	l.KodoLists = 2 * (source/page + 1)
	l.OSSPuts = float64(copied.Objects+copied.Parts) + deleted
	l.OSSLists = (2*float64(there)+float64(copied.Objects))/page + 2
	l.OSSOwn = 2*batches + 4*shards // a sealed batch and its write-off; a shard's records and marks
	l.OSSGets = 2*float64(p.Heads) + deleted + 2*batches
	l.Invocations = batches + 2*shards
	l.Messages = 3 * l.Invocations // sent, received, deleted
	l.Seconds = max(l.KodoGets*pr.functions.seconds/atOnce(j, pr), float64(copied.Bytes)/(pr.functions.mbyte*1e6))
	l.MemorySecs = l.Seconds * pr.functions.memory
	l.perSecond.kodo = l.KodoGets + l.KodoLists
	l.perSecond.oss = l.OSSPuts + l.OSSLists + l.OSSOwn + l.OSSGets
	return l
}

// atOnce is how many objects an instance has in flight.
func atOnce(j job.Job, pr prices) float64 {
	if n := j.Limits.Parallel; n != job.DefaultLimits().Parallel {
		return float64(n)
	}
	return pr.functions.atOnce
}

// cost is a line of the bill.
type cost struct {
	What   string  `json:"what"`
	Amount float64 `json:"amount"`
	Unit   string  `json:"unit"`
	Price  float64 `json:"price"` // of one unit
	Cost   float64 `json:"cost"`
}

// bill is what a run costs, about, and what its copies cost from then on.
type bill struct {
	Estimated bool    `json:"estimated"` // always: prices are list prices, and loads are counted up
	Currency  string  `json:"currency"`
	Prices    string  `json:"prices"` // the file
	Checked   string  `json:"checked"`
	Once      []cost  `json:"once"`
	Sum       float64 `json:"sum"`
	Monthly   []cost  `json:"monthly"`
	Month     float64 `json:"month"`
	Without   string  `json:"without,omitempty"` // what costs, too, and has no price in the file
	Thaw      []cost  `json:"thaw,omitempty"`    // in no sum: what is archived is skipped until somebody thaws it
}

// billOf writes the bill. What leaves the source comes first: it is nearly
// always the biggest. The price file knows no source but Kodo.
func billOf(p plan.Plan, j job.Job, pr prices, l load) bill {
	b := bill{Estimated: true, Currency: pr.Currency, Prices: pr.From, Checked: pr.Checked, Once: []cost{}, Monthly: []cost{}}
	once := func(what string, amount float64, unit string, price float64) {
		if amount > 0 {
			b.Once = append(b.Once, cost{what, amount, unit, price, amount * price})
			b.Sum += amount * price
		}
	}
	requests := func(what string, n, price float64) { once(what, n/10_000, "10,000", price) }
	if j.Source.AtKodo() {
		once("Kodo traffic to the Internet", float64(l.Bytes)/gb, "GB", pr.kodo.egress)
		cold := float64(p.Sum(plan.ToCopy, store.Infrequent, "").Bytes + p.Sum(plan.ToCopy, store.ArchiveIR, "").Bytes)
		once("Kodo retrieval, infrequent access", cold/gb, "GB", pr.kodo.ia)
		requests("Kodo GET requests", l.KodoGets, pr.kodo.get)
		requests("Kodo listings", l.KodoLists, pr.kodo.list)
		b.thaw(p, pr)
	} else {
		b.Without = fmt.Sprintf("what %s asks is not in it, nor in the price file: %s GB of traffic, %s GET requests and %s listings", j.Source.S3Endpoint(),
			plainNumber(float64(l.Bytes)/gb), humanize.Comma(rounded(int64(l.KodoGets+0.5))), humanize.Comma(rounded(int64(l.KodoLists+0.5))))
	}
	warm, chilled := puts(p, j)
	requests("OSS PUT requests, standard", warm+l.OSSOwn+l.OSSLists, pr.oss.put)
	requests("OSS PUT requests, other classes", chilled, pr.oss.coldPut)
	requests("OSS HEAD and GET requests", l.OSSGets, pr.oss.get)
	once("functions, memory and processor", l.MemorySecs, "GB-second", pr.functions.gbSecond)
	requests("functions, invocations", l.Invocations, pr.functions.invocations)
	requests("queues, requests", l.Messages, pr.mns.requests)
	b.store(p, j, pr)
	return b
}

// thaw adds what it costs to read what is archived, too.
func (b *bill) thaw(p plan.Plan, pr prices) {
	for _, of := range []struct {
		class store.Class
		price float64
	}{{store.Archive, pr.kodo.archive}, {store.DeepArchive, pr.kodo.deepArchive}} {
		if n := float64(p.Sum(plan.Fate(ledger.Skipped), of.class, "").Bytes) / gb; n > 0 {
			b.Thaw = append(b.Thaw, cost{"Kodo, thawing " + string(of.class), n, "GB", of.price, n * of.price})
		}
	}
}

// puts counts the requests that write, into Standard and into other classes.
func puts(p plan.Plan, j job.Job) (warm, cold float64) {
	for _, s := range p.Shares {
		switch n := float64(s.Objects + s.Parts); {
		case s.Will == plan.ToDelete:
			warm += float64(s.Objects)
		case s.Will != plan.ToCopy:
		case targetClass(j, s.Class) == store.Standard:
			warm += n
		default:
			cold += n
		}
	}
	return warm, cold
}

// targetClass is the class a copy gets at OSS, which lacks two of Kodo's (store/oss, className).
func targetClass(j job.Job, c store.Class) store.Class {
	if j.Class != job.KeepClass {
		c = store.Class(j.Class)
	}
	switch c {
	case store.ArchiveIR:
		return store.Infrequent
	case store.Infrequent, store.Archive, store.DeepArchive, store.ColdDeep:
		return c
	}
	return store.Standard
}

// leastBilled is what OSS bills of a smaller object in any class but Standard (OSS, "Storage fees").
const leastBilled = 64 << 10

// store adds what the copies cost a month.
func (b *bill) store(p plan.Plan, j job.Job, pr prices) {
	bytes := map[store.Class]float64{}
	for _, s := range p.Shares {
		if s.Will != plan.ToCopy {
			continue
		}
		c, n := targetClass(j, s.Class), float64(s.Bytes)
		if c != store.Standard && (s.Size == plan.Sizes[0].Name || s.Size == plan.Sizes[1].Name) {
			n = float64(s.Objects) * leastBilled
		}
		bytes[c] += n
	}
	for _, of := range []struct {
		class store.Class
		price float64
	}{
		{store.Standard, pr.oss.standard}, {store.Infrequent, pr.oss.ia}, {store.Archive, pr.oss.archive},
		{store.DeepArchive, pr.oss.coldArchive}, {store.ColdDeep, pr.oss.deepCold},
	} {
		if n := bytes[of.class] / gb; n > 0 {
			b.Monthly = append(b.Monthly, cost{"OSS storage, " + string(of.class), n, "GB", of.price, n * of.price})
			b.Month += n * of.price
		}
	}
}

// text is the bill for a person.
func (b bill) text(t *strings.Builder) {
	fmt.Fprintf(t, "\nMoney, about, in %s (prices %s, looked up %s: check them, ferry plan --print-prices)\n", b.Currency, b.Prices, b.Checked)
	if b.Without != "" {
		fmt.Fprintf(t, "  %s\n", b.Without)
	}
	each := map[string]string{"10,000": " / 10,000", "GB": " / GB", "GB-second": " / GB-second"}
	lines := func(costs []cost) (rows [][]string) {
		for _, c := range costs {
			rows = append(rows, []string{c.What, quantity(c), "x " + strconv.FormatFloat(c.Price, 'f', -1, 64) + each[c.Unit], money(c.Cost)})
		}
		return rows
	}
	rows := append(lines(b.Once), []string{"once", "", "", money(b.Sum)})
	if len(b.Monthly) > 0 {
		rows = append(append(append(rows, []string{""}), lines(b.Monthly)...), []string{"each month", "", "", money(b.Month)})
	}
	if len(b.Thaw) > 0 {
		rows = append(append(rows, []string{"", "", "", ""}, []string{"Skipped until it is thawed; to have it, too:"}), lines(b.Thaw)...)
	}
	t.WriteString(grid(rows, "  "))
}

// quantity is how much a line is of; of requests their number.
func quantity(c cost) string {
	switch c.Unit {
	case "10,000":
		return humanize.Comma(rounded(int64(c.Amount*10_000 + 0.5)))
	case "GB":
		return plainNumber(c.Amount)
	}
	return humanize.Comma(rounded(int64(c.Amount + 0.5)))
}

// rounded is n to four digits that count: an estimate knows no more.
func rounded(n int64) int64 {
	unit := int64(1)
	for n/unit >= 10_000 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}

// plainNumber writes a number as short as it can be read.
func plainNumber(x float64) string {
	if x >= 100 {
		return humanize.Comma(int64(x + 0.5))
	}
	return humanize.FtoaWithDigits(x, significant(x))
}

// significant is how many digits behind the point tell something.
func significant(x float64) int {
	n := 2
	for ; x > 0 && x < 0.1 && n < 8; x *= 10 {
		n++
	}
	return n
}

func money(x float64) string { return humanize.FormatFloat("#,###.##", x) }
