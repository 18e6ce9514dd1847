package sheet

import (
	"slices"

	"kodoferry/shared/plan"
	"kodoferry/shared/store"
)

// classes are the storage classes in the order to show them.
var classes = []store.Class{store.Standard, store.Infrequent, store.ArchiveIR, store.Tiered, store.Archive, store.DeepArchive, store.ColdDeep}

// shares writes which class and size has which fate: a column for each fate that there is, as
// many side by side as the width has room for.
func (p *page) shares() {
	var fates []plan.Fate
	for _, fate := range plan.Fates {
		if p.f.Plan.Sum(fate, "", "").Objects > 0 {
			fates = append(fates, fate)
		}
	}
	for len(fates) > 0 {
		n := len(fates)
		for n > 1 && widest(p.fates(fates[:n]))+2 > p.width() {
			n--
		}
		p.WriteString("\n" + grid(p.fates(fates[:n]), p.width()))
		fates = fates[n:]
	}
}

// fates are the rows of some fates, by class and by size, in one grid, so that the columns of
// both stand below each other.
func (p *page) fates(fates []plan.Fate) [][]string {
	header := func(first string) []string {
		row := []string{first}
		for _, fate := range fates {
			row = append(row, p.fate(fate), "")
		}
		return row
	}
	all := [][]string{header(p.say("class"))}
	for _, c := range classesOf(p.f.Plan) {
		all = append(all, p.cells(fates, string(c), c, ""))
	}
	all = append(all, []string{""}, header(p.say("size")))
	for _, s := range plan.Sizes {
		all = append(all, p.cells(fates, p.say("size."+s.Name), "", s.Name))
	}
	return slices.DeleteFunc(all, func(r []string) bool { return r == nil })
}

// cells is a row, nil where it has nothing.
func (p *page) cells(fates []plan.Fate, name string, class store.Class, size string) []string {
	row, any := []string{name}, false
	for _, fate := range fates {
		s := p.f.Plan.Sum(fate, class, size)
		if s.Objects == 0 {
			row = append(row, "-", "")
			continue
		}
		any = true
		row = append(row, p.count(s.Objects), sized(s.Bytes))
	}
	if !any {
		return nil
	}
	return row
}

// classesOf are those that occur in p, the known ones first.
func classesOf(p plan.Plan) []store.Class {
	list := slices.Clone(classes)
	for _, s := range p.Shares {
		if !slices.Contains(list, s.Class) {
			list = append(list, s.Class)
		}
	}
	return list
}
