package forecast

import (
	"fmt"
	"math"
	"strconv"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/job"
	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// gb is what a price a GB counts.
const gb = 1e9

// Cost is a line of a Bill.
type Cost struct {
	What   string  `json:"what"`
	Amount float64 `json:"amount"`
	Unit   string  `json:"unit"`
	Price  float64 `json:"price"` // of one unit
	Cost   float64 `json:"cost"`
}

// Bill is what a run costs, about, and what its copies cost from then on.
type Bill struct {
	Estimated bool    `json:"estimated"` // always: prices are list prices, and loads are counted up
	Currency  string  `json:"currency"`
	Prices    string  `json:"prices"` // the file
	Checked   string  `json:"checked"`
	Once      []Cost  `json:"once"`
	Sum       float64 `json:"sum"`
	Monthly   []Cost  `json:"monthly"`
	Month     float64 `json:"month"`
	Without   string  `json:"without,omitempty"` // what costs, too, and has no price in the file
	Thaw      []Cost  `json:"thaw,omitempty"`    // in no sum: what is archived is skipped, for the job does not thaw
}

// billOf returns the Bill of a plan that takes so many hours. What leaves the source comes first: it is nearly
// always the largest item. There are prices of no source but Kodo.
func billOf(p plan.Plan, j job.Job, pr Prices, l Load, hours float64) Bill {
	b := Bill{Estimated: true, Currency: pr.Currency, Prices: pr.From, Checked: pr.Checked, Once: []Cost{}, Monthly: []Cost{}}
	once := func(what string, amount float64, unit string, price float64) {
		if amount > 0 {
			b.Once = append(b.Once, Cost{what, amount, unit, price, amount * price})
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
		for _, c := range thawing(p, j, pr) {
			if j.Thaw {
				once(c.What, c.Amount, c.Unit, c.Price)
			} else {
				b.Thaw = append(b.Thaw, c)
			}
		}
	} else if j.Source.S3Endpoint() != "" {
		b.Without = fmt.Sprintf("what %s asks is not in it, nor in the price file: %s GB of traffic, %s GET requests and %s listings", j.Source.S3Endpoint(),
			plainNumber(float64(l.Bytes)/gb), humanize.Comma(Rounded(int64(l.KodoGets+0.5))), humanize.Comma(Rounded(int64(l.KodoLists+0.5))))
		if n := float64(p.Sum(plan.ToCopy, store.Archive, "").Bytes+p.Sum(plan.ToCopy, store.DeepArchive, "").Bytes) / gb; j.Thaw && n > 0 {
			b.Without += fmt.Sprintf("; nor the restoring of %s GB of archived objects", plainNumber(n))
		}
	}
	warm, chilled := puts(p, j)
	requests("OSS PUT requests, standard", warm+l.OSSOwn+l.OSSLists, pr.oss.put)
	requests("OSS PUT requests, other classes", chilled, pr.oss.coldPut)
	requests("OSS HEAD and GET requests", l.OSSGets, pr.oss.get)
	f := pr.functions
	once("functions, memory and processor", l.MemorySecs*(f.gbSecond+f.vcpuSecond*f.vcpu/f.memory), "CU", f.cu)
	once("functions, invocations", l.Invocations/10_000*f.invocations, "CU", f.cu)
	requests("queues, requests", max(0, l.Messages-pr.mns.free), pr.mns.requests)
	if l.Messages > 0 {
		once("queues, a day each", queues*max(1, math.Ceil(hours/24)), "day", pr.mns.queueDay)
	}
	b.store(p, j, pr)
	return b
}

// queues is how many a deployment has: one for each stage, and one for dead letters.
const queues = 5

// thawing is what it costs to restore what is archived and, where j thaws, is copied, or
// else is skipped.
func thawing(p plan.Plan, j job.Job, pr Prices) (costs []Cost) {
	fate := plan.Fate(ledger.Skipped)
	if j.Thaw {
		fate = plan.ToCopy
	}
	for _, of := range []struct {
		class store.Class
		price float64
	}{{store.Archive, pr.kodo.archive}, {store.DeepArchive, pr.kodo.deepArchive}} {
		if n := float64(p.Sum(fate, of.class, "").Bytes) / gb; n > 0 {
			costs = append(costs, Cost{"Kodo, thawing " + string(of.class), n, "GB", of.price, n * of.price})
		}
	}
	return costs
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
func (b *Bill) store(p plan.Plan, j job.Job, pr Prices) {
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
			b.Monthly = append(b.Monthly, Cost{"OSS storage, " + string(of.class), n, "GB", of.price, n * of.price})
			b.Month += n * of.price
		}
	}
}

// Each is the price of a unit, with the unit.
func (c Cost) Each() string { return strconv.FormatFloat(c.Price, 'f', -1, 64) + " / " + c.Unit }

// Quantity is how much a line is of; of requests their number.
func (c Cost) Quantity() string {
	switch c.Unit {
	case "10,000":
		return humanize.Comma(Rounded(int64(c.Amount*10_000 + 0.5)))
	case "GB":
		return plainNumber(c.Amount)
	}
	return humanize.Comma(Rounded(int64(c.Amount + 0.5)))
}
