package report

import (
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"kodoferry/shared/ledger"
	"kodoferry/shared/ledger/timeline"
)

// plot is one drawing of bars. The template draws it as SVG that is stretched to the
// width there is; what is to be read stands around it as text, which is not.
type plot struct {
	ID    string // names it within the page
	Title string
	Most  string // what the highest bar stands for
	Desc  string // what is seen, in a sentence
	Class string // of the bars: what colors them
	Width int    // in places for bars
	Bars  []bar
	Marks []mark
}

// bar is a bar of a plot: its place, its height from 0 to 100, and what it stands for.
type bar struct {
	X     int
	H     float64
	Title string
}

// Top is where the bar begins, from above.
func (b bar) Top() float64 { return 100 - b.H }

// mark is a text below a plot, at a part of the width in percent.
type mark struct {
	At   float64
	Side string // "left" of that, around it: "mid", or right of it: ""
	Text string
}

// scale sets the heights of bars by their values; the highest is 100.
func (p *plot) scale(values []float64, say func(i int) string) {
	most := highest(values)
	p.Width = len(values)
	for i, v := range values {
		if v > 0 {
			p.Bars = append(p.Bars, bar{i, max(v/most*100, 1), say(i)}) // one that is not 0 is seen
		}
	}
}

// timePlots draws what was done when: objects and bytes written a second, and what
// failed where something did.
func (w Words) timePlots(l timeline.Timeline) []plot {
	if len(l.Ticks) == 0 {
		return nil
	}
	each := float64(l.Each)
	objects := values(l.Ticks, func(t timeline.Tick) float64 { return float64(t.Objects) / each })
	bytes := values(l.Ticks, func(t timeline.Tick) float64 { return float64(t.Bytes) / each })
	failed := values(l.Ticks, func(t timeline.Tick) float64 { return float64(t.Failed) })
	at := func(i int) string { return utc(time.Unix(l.From+int64(i)*l.Each, 0)) }
	marks := w.timeMarks(l)
	span := w.In("from %s to %s, a bar for each %s", utc(l.Begin()), utc(l.End()), w.width(l.Each))
	var plots []plot
	if most := highest(objects); most > 0 {
		p := plot{ID: "objects", Title: w.In("Objects written a second"), Class: "copied", Most: w.In("at most %s", rate(most)), Marks: marks}
		p.Desc = w.In("Objects written a second %s; at most %s.", span, rate(most))
		p.scale(objects, func(i int) string { return w.In("%s: %s objects/s", at(i), rate(objects[i])) })
		plots = append(plots, p)
	}
	if most := highest(bytes); most > 0 {
		p := plot{ID: "bytes", Title: w.In("Bytes written a second"), Class: "unchanged", Most: w.In("at most %s", size(int64(most))), Marks: marks}
		p.Desc = w.In("Bytes written a second %s; at most %s.", span, size(int64(most)))
		p.scale(bytes, func(i int) string { return w.In("%s: %s/s", at(i), size(int64(bytes[i]))) })
		plots = append(plots, p)
	}
	if most := highest(failed); most > 0 {
		p := plot{ID: "failures", Title: w.In("Objects that need a person"), Class: "failed", Most: w.In("at most %s", humanize.Comma(int64(most))), Marks: marks}
		p.Desc = w.In("Objects that failed, conflict or differ, %s; at most %s in one.", span, humanize.Comma(int64(most)))
		p.scale(failed, func(i int) string { return at(i) + ": " + humanize.Comma(l.Ticks[i].Failed) })
		plots = append(plots, p)
	}
	return plots
}

func values(ticks []timeline.Tick, of func(timeline.Tick) float64) []float64 {
	all := make([]float64, len(ticks))
	for i, t := range ticks {
		all[i] = of(t)
	}
	return all
}

func highest(values []float64) (most float64) {
	for _, v := range values {
		most = max(most, v)
	}
	return most
}

// timeMarks name the beginning, the width of a bar, and the end.
func (w Words) timeMarks(l timeline.Timeline) []mark {
	format := "15:04:05"
	switch {
	case l.Each >= 24*3600:
		format = "2006-01-02"
	case l.Begin().YearDay() != l.End().YearDay() || l.End().Sub(l.Begin()) >= 24*time.Hour:
		format = "01-02 15:04"
	}
	return []mark{
		{At: 0, Text: l.Begin().Format(format)},
		{At: 50, Side: "mid", Text: w.In("%s a bar", w.width(l.Each))},
		{At: 100, Side: "left", Text: l.End().Format(format)},
	}
}

// width is how long a stretch of time is, in words.
func (w Words) width(seconds int64) string {
	switch {
	case seconds >= 24*3600:
		return w.In("%d d", seconds/(24*3600))
	case seconds >= 3600:
		return w.In("%d h", seconds/3600)
	case seconds >= 60:
		return w.In("%d min", seconds/60)
	}
	return w.In("%d s", seconds)
}

// rate is a number of objects a second, as exact as it is of use.
func rate(v float64) string {
	if v < 10 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return humanize.Comma(int64(v + 0.5))
}

// sizePlots draws how many objects are how large, and in which of them the bytes are.
func (w Words) sizePlots(sizes []ledger.Tally) []plot {
	first, last := 0, len(sizes)
	for first < last && sizes[first].Objects == 0 {
		first++
	}
	for first < last && sizes[last-1].Objects == 0 {
		last--
	}
	sizes = sizes[first:last]
	if len(sizes) == 0 {
		return nil
	}
	var all ledger.Tally
	objects, bytes := make([]float64, len(sizes)), make([]float64, len(sizes))
	for i, t := range sizes {
		objects[i], bytes[i] = float64(t.Objects), float64(t.Bytes)
		all.Add(t.Objects, t.Bytes)
	}
	say := func(i int) string {
		return w.In("%s: %s objects, %s", w.sizesOf(first+i), humanize.Comma(sizes[i].Objects), size(sizes[i].Bytes))
	}
	marks := sizeMarks(first, len(sizes))
	span := w.In("from %s to %s, by powers of two", w.sizesOf(first), w.sizesOf(last-1))
	p := plot{ID: "sizes", Title: w.In("Objects by size"), Class: "copied", Most: w.In("at most %s", humanize.Comma(int64(highest(objects)))), Marks: marks}
	p.Desc = w.In("How many of %s objects have which size, %s.", humanize.Comma(all.Objects), span)
	p.scale(objects, say)
	plots := []plot{p}
	if most := highest(bytes); most > 0 {
		p := plot{ID: "weights", Title: w.In("Bytes by size of their objects"), Class: "unchanged", Most: w.In("at most %s", size(int64(most))), Marks: marks}
		p.Desc = w.In("How many of %s are in objects of which size, %s.", size(all.Bytes), span)
		p.scale(bytes, say)
		plots = append(plots, p)
	}
	return plots
}

// sizesOf names the sizes that have so many binary digits.
func (w Words) sizesOf(digits int) string {
	switch digits {
	case 0:
		return w.In("empty")
	case 1:
		return "1 B"
	}
	return w.In("%s and more", size(1<<(digits-1)))
}

// sizeMarks name a few of the sizes that n bars from first stand for.
func sizeMarks(first, n int) []mark {
	step := max(1, (n+3)/4)
	var marks []mark
	for i := 0; i < n; i += step {
		text := "0 B"
		if digits := first + i; digits > 0 {
			text = size(1 << (digits - 1))
		}
		marks = append(marks, mark{At: float64(i) / float64(n) * 100, Text: text})
	}
	return marks
}

// classLine is one storage class of the source.
type classLine struct {
	Name string
	ledger.Tally
	Share float64 // of the bytes in percent; of the objects where there are no bytes
}

// classLines are the storage classes that objects are of.
func classLines(classes map[ledger.ClassName]ledger.Tally) []classLine {
	var all ledger.Tally
	for _, t := range classes {
		all.Add(t.Objects, t.Bytes)
	}
	var lines []classLine
	for _, c := range ledger.Classes {
		t := classes[c]
		if t.Objects == 0 {
			continue
		}
		l := classLine{Name: className(c), Tally: t, Share: float64(t.Objects) / float64(all.Objects) * 100}
		if all.Bytes > 0 {
			l.Share = float64(t.Bytes) / float64(all.Bytes) * 100
		}
		lines = append(lines, l)
	}
	return lines
}

func className(c ledger.ClassName) string {
	switch c {
	case ledger.UnknownClass:
		return "not told by the source"
	case ledger.OtherClass:
		return "any other"
	}
	return string(c)
}
