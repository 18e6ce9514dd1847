package forecast

import (
	"cmp"
	_ "embed" // the default prices
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// DefaultPrices is the file of prices that is built in.
//
//go:embed prices.yaml
var DefaultPrices string

// Prices are what a migration costs and how fast it may go. Each number is one of a
// price file.
type Prices struct {
	Currency string `json:"currency"`
	Checked  string `json:"checked"` // when the numbers were looked up
	From     string `json:"from"`    // the file

	kodo struct{ egress, get, list, ia, archive, deepArchive, gbit, requests float64 }
	oss  struct {
		put, coldPut, get, standard, ia, archive, coldArchive, deepCold float64
		gbit, requests, sequential                                      float64
	}
	functions struct{ cu, vcpuSecond, gbSecond, invocations, vcpu, memory, instances, consumers, mbyte, seconds, atOnce, gbit float64 }
	mns       struct{ requests, free, queueDay float64 }
}

// numbers names every number of the file.
func (p *Prices) numbers() map[string]*float64 {
	k, o, f := &p.kodo, &p.oss, &p.functions
	return map[string]*float64{
		"kodo.egress_gb": &k.egress, "kodo.get_10000": &k.get, "kodo.list_10000": &k.list,
		"kodo.ia_retrieval_gb": &k.ia, "kodo.archive_retrieval_gb": &k.archive, "kodo.deep_archive_retrieval_gb": &k.deepArchive,
		"kodo.gbit_per_second": &k.gbit, "kodo.requests_per_second": &k.requests,
		"oss.put_10000": &o.put, "oss.cold_put_10000": &o.coldPut, "oss.get_10000": &o.get,
		"oss.standard_gb_month": &o.standard, "oss.ia_gb_month": &o.ia, "oss.archive_gb_month": &o.archive,
		"oss.cold_archive_gb_month": &o.coldArchive, "oss.deep_cold_archive_gb_month": &o.deepCold,
		"oss.gbit_per_second": &o.gbit, "oss.requests_per_second": &o.requests, "oss.sequential_per_second": &o.sequential,
		"functions.cu": &f.cu, "functions.vcpu_second_cu": &f.vcpuSecond, "functions.gb_second_cu": &f.gbSecond, "functions.invocations_10000_cu": &f.invocations,
		"functions.vcpu": &f.vcpu, "functions.memory_gb": &f.memory,
		"functions.instances": &f.instances, "functions.consumers": &f.consumers, "functions.mbyte_per_second": &f.mbyte,
		"functions.seconds_per_object": &f.seconds, "functions.objects_at_once": &f.atOnce, "functions.network_gbit_per_second": &f.gbit,
		"mns.requests_10000": &p.mns.requests, "mns.free_requests": &p.mns.free, "mns.queue_day": &p.mns.queueDay,
	}
}

// Old is above how many days prices are to be looked up again.
const Old = 180

// Days is how many days before now prices were looked up, at checked; ok is false where that is
// no date.
func Days(checked string, now time.Time) (days int, ok bool) {
	at, err := time.Parse(time.DateOnly, checked)
	return int(now.Sub(at) / (24 * time.Hour)), err == nil
}

// needed are the numbers that must be above 0: with 0 nothing would ever move.
var needed = []string{
	"oss.gbit_per_second", "oss.requests_per_second", "oss.sequential_per_second", "functions.memory_gb", "functions.vcpu", "functions.instances",
	"functions.consumers", "functions.mbyte_per_second", "functions.seconds_per_object", "functions.objects_at_once",
}

// BuiltIn is what Prices.From has where no file changes DefaultPrices.
const BuiltIn = "built in"

// ReadPrices reads DefaultPrices and, over them, a file of changes, "" for none. Its
// error names every mistake with file and line.
func ReadPrices(file string) (Prices, error) {
	p := Prices{From: BuiltIn}
	if err := p.read("prices.yaml", []byte(DefaultPrices)); err != nil || file == "" {
		return p, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return p, fmt.Errorf("--prices: %w", err)
	}
	p.From = file
	return p, p.read(file, data)
}

// read takes in a file.
func (p *Prices) read(file string, data []byte) error {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return syntax(file, err)
	}
	r := &priceReader{file: file, prices: p, into: p.numbers(), seen: map[string]bool{}}
	for _, doc := range tree.Docs {
		r.section("", doc.Body)
	}
	return errors.Join(r.wrong...)
}

// syntax is an error of the parser, which begins with [line:column], with file and line.
func syntax(file string, err error) error {
	first, _, _ := strings.Cut(err.Error(), "\n")
	var line, column int
	if _, scan := fmt.Sscanf(first, "[%d:%d]", &line, &column); scan != nil {
		return fmt.Errorf("%s: not YAML: %s", file, first)
	}
	_, what, _ := strings.Cut(first, "] ")
	return fmt.Errorf("%s:%d: not YAML: %s", file, line, what)
}

// priceReader reads one file into prices.
type priceReader struct {
	file   string
	into   map[string]*float64
	seen   map[string]bool
	wrong  []error
	prices *Prices
}

func (r *priceReader) bad(at *token.Token, format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Errorf("%s:%d: %s", r.file, at.Position.Line, fmt.Sprintf(format, args...)))
}

// section reads the entries of a mapping whose name is path, "" at the top.
func (r *priceReader) section(path string, n ast.Node) {
	var entries []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.CommentGroupNode:
		return // nothing but comments
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		r.bad(n.GetToken(), "%s: want names and numbers below it, as ferry plan --print-prices shows them", cmp.Or(path, "the file"))
		return
	}
	for _, e := range entries {
		name := e.Key.GetToken().Value
		full := strings.TrimPrefix(path+"."+name, ".")
		if r.seen[full] {
			r.bad(e.Key.GetToken(), "%s stands here for a second time: leave one of them out", full)
			continue
		}
		r.seen[full] = true
		r.entry(path, full, e)
	}
}

func (r *priceReader) entry(path, full string, e *ast.MappingValueNode) {
	into := r.into[full]
	switch {
	case into != nil:
		r.number(full, into, e)
	case full == "currency":
		r.prices.Currency = e.Value.GetToken().Value
	case full == "checked":
		r.prices.Checked = e.Value.GetToken().Value
	case path == "" && slices.ContainsFunc(r.names(), func(n string) bool { return strings.HasPrefix(n, full+".") }):
		r.section(full, e.Value)
	default:
		r.bad(e.Key.GetToken(), "unknown field %q%s: ferry plan --print-prices shows all of them", full, r.near(full))
	}
}

func (r *priceReader) names() []string {
	names := []string{"currency", "checked"}
	for n := range r.into {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// near is a hint at the field that was probably meant, "" where none is near.
func (r *priceReader) near(full string) string {
	for _, n := range r.names() {
		if strings.ReplaceAll(n, "_", "") == strings.ReplaceAll(strings.ToLower(full), "_", "") || strings.TrimSuffix(n, "s") == strings.TrimSuffix(full, "s") || strings.HasPrefix(n, full) {
			return fmt.Sprintf(" (did you mean %s?)", n)
		}
	}
	return ""
}

func (r *priceReader) number(full string, into *float64, e *ast.MappingValueNode) {
	var v float64
	switch n := e.Value.(type) {
	case *ast.FloatNode:
		v = n.Value
	case *ast.IntegerNode:
		switch i := n.Value.(type) {
		case int64:
			v = float64(i)
		case uint64:
			v = float64(i)
		}
	default:
		r.bad(e.Key.GetToken(), "%s is %q: want a number such as 0.25", full, e.Value.GetToken().Value)
		return
	}
	switch {
	case v < 0 || math.IsNaN(v) || math.IsInf(v, 0):
		r.bad(e.Key.GetToken(), "%s is %v: want a number from 0", full, v)
	case v == 0 && slices.Contains(needed, full):
		r.bad(e.Key.GetToken(), "%s is 0: with that nothing would ever move; write what holds, or leave the line out", full)
	default:
		*into = v
	}
}
