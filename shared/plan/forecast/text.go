package forecast

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/ledger"
	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// Text is the forecast for people at now, from which the age of prices counts; show is a
// key as it may be shown.
func (f Forecast) Text(show func(key string) string, now time.Time) string {
	var t strings.Builder
	fmt.Fprintf(&t, "%s -> %s\n", f.Source, f.Target)
	f.headline(&t)
	f.shares(&t)
	f.reasons(&t, show)
	for _, n := range f.Plan.Notes {
		fmt.Fprintf(&t, "\nNote: %s\n", n)
	}
	f.Bill.text(&t, now)
	f.Time.text(&t)
	return t.String()
}

// about begins a number that is an estimate.
func (f Forecast) about() string {
	if f.Plan.Estimated {
		return "about "
	}
	return ""
}

// count writes a number of objects, rounded where it is an estimate.
func (f Forecast) count(n int64) string {
	if f.Plan.Estimated {
		n = rounded(n)
	}
	return humanize.Comma(n)
}

func (f Forecast) objects(n int64) string {
	if n == 1 {
		return "1 object"
	}
	return f.count(n) + " objects"
}

// fateWords are the fates in words, after a number.
var fateWords = map[plan.Fate]string{
	plan.ToCopy: "to copy", plan.ToUpdate: "to update in place", plan.ToProve: "to read in the target and compare", plan.Fate(ledger.Present): "present and unproved", plan.Fate(ledger.Unchanged): "unchanged", plan.Fate(ledger.Skipped): "to skip",
	plan.Fate(ledger.Conflict): "in conflict", plan.Fate(ledger.Failed): "would fail",
}

// headline writes what would be done, in few lines.
func (f Forecast) headline(t *strings.Builder) {
	p := f.Plan
	switch {
	case p.Partial:
		t.WriteString("interrupted: a plan of what was found until then; nothing was written\n\n")
	case p.Estimated:
		t.WriteString("a quick plan: every number is an estimate; nothing was written\n\n")
	default:
		t.WriteString("a plan: nothing was written\n\n")
	}
	copied, gone := p.Sum(plan.ToCopy, "", ""), p.Sum(plan.ToDelete, "", "")
	fmt.Fprintf(t, "PLAN: copy %s%s, %s%s\n", f.about(), f.objects(copied.Objects), f.about(), sized(copied.Bytes))
	var sum []string
	for _, fate := range plan.Fates {
		if s := p.Sum(fate, "", ""); s.Objects > 0 && fateWords[fate] != "" {
			sum = append(sum, f.count(s.Objects)+" "+fateWords[fate])
		}
	}
	if len(sum) > 0 {
		fmt.Fprintf(t, "  %s%s listed = %s\n", f.about(), f.count(p.Listed.Objects), strings.Join(sum, " + "))
	}
	if gone.Objects > 0 {
		fmt.Fprintf(t, "  %s to delete from the target, %s\n", humanize.Comma(gone.Objects), sized(gone.Bytes))
	}
	if n := p.LeftOut.Objects; n > 0 {
		fmt.Fprintf(t, "  %s%s left out by the filter, %s\n", f.about(), f.count(n), sized(p.LeftOut.Bytes))
	}
	if n := p.TargetOnly.Objects; n > 0 {
		fmt.Fprintf(t, "  %s in the target alone, left as they are\n", humanize.Comma(n))
	}
	for _, how := range p.How {
		fmt.Fprintf(t, "  %s\n", how)
	}
}

// classes are the storage classes in the order to show them.
var classes = []store.Class{store.Standard, store.Infrequent, store.ArchiveIR, store.Tiered, store.Archive, store.DeepArchive, store.ColdDeep}

// sizeNames are the classes of sizes for people.
var sizeNames = map[string]string{
	"0": "empty", "<=64KiB": "to 64 KiB", "<=1MiB": "to 1 MiB", "<=32MiB": "to 32 MiB", "<=1GiB": "to 1 GiB", "<=5GiB": "to 5 GiB", ">5GiB": "over 5 GiB",
}

// shares writes which class and size has which fate: a column for each fate that there is.
func (f Forecast) shares(t *strings.Builder) {
	var fates []plan.Fate
	for _, fate := range plan.Fates {
		if f.Plan.Sum(fate, "", "").Objects > 0 {
			fates = append(fates, fate)
		}
	}
	if len(fates) == 0 {
		return
	}
	header := func(first string) []string {
		row := []string{first}
		for _, fate := range fates {
			row = append(row, cmp.Or(fateWords[fate], "to delete"), "")
		}
		return row
	}
	cells := func(name string, class store.Class, size string) []string {
		row, any := []string{name}, false
		for _, fate := range fates {
			s := f.Plan.Sum(fate, class, size)
			if s.Objects == 0 {
				row = append(row, "-", "")
				continue
			}
			any = true
			row = append(row, f.count(s.Objects), sized(s.Bytes))
		}
		if !any {
			return nil
		}
		return row
	}
	byClass, bySize := [][]string{header("class")}, [][]string{header("size")}
	for _, c := range f.classes() {
		byClass = append(byClass, cells(string(c), c, ""))
	}
	for _, s := range plan.Sizes {
		bySize = append(bySize, cells(sizeNames[s.Name], "", s.Name))
	}
	// One grid for both, so that their columns stand below each other.
	all := append(append(byClass, []string{""}), bySize...)
	t.WriteString("\n" + grid(slices.DeleteFunc(all, func(r []string) bool { return r == nil }), "  "))
}

// classes are those that occur, the known ones first.
func (f Forecast) classes() []store.Class {
	list := slices.Clone(classes)
	for _, s := range f.Plan.Shares {
		if !slices.Contains(list, s.Class) {
			list = append(list, s.Class)
		}
	}
	return list
}

// reasons writes why objects have their fate, with the first keys of those that are not
// simply copied.
func (f Forecast) reasons(t *strings.Builder, show func(string) string) {
	title := ""
	for _, r := range f.Plan.Reasons {
		head := "Why"
		if r.Will == plan.Warned {
			head = "Copied, but for some of its metadata"
		}
		if head != title {
			title = head
			fmt.Fprintf(t, "\n%s\n", head)
		}
		what := f.count(r.Objects) + " " + cmp.Or(fateWords[r.Will], "to delete")
		if r.Will == plan.Warned {
			what = f.objects(r.Objects)
		}
		fmt.Fprintf(t, "  %s%s: %s\n", f.about(), what, r.Why)
		if r.Will != plan.ToCopy && r.Will != plan.Fate(ledger.Unchanged) {
			for _, key := range r.Examples {
				fmt.Fprintf(t, "      %s\n", show(key))
			}
			if more := r.Objects - int64(len(r.Examples)); more > 0 {
				fmt.Fprintf(t, "      and %s%s more\n", f.about(), f.count(more))
			}
		}
	}
}
