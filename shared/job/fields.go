package job

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// jobNode is a job of a file that is being read.
type jobNode struct {
	file *jobFile
	line map[string]int  // of each field by its path
	bad  map[string]bool // fields with a mistake that is told already
}

// setter takes the value of the field that path names.
type setter func(r *jobNode, path string, n ast.Node)

// job reads a job and tells all that is wrong with it.
func (f *jobFile) job(e entry, set []func(*Job)) Filed {
	r := &jobNode{file: f, line: map[string]int{"": e.line}, bad: map[string]bool{}}
	var src, dst, ledger string
	var read Job
	read.Name = e.name
	fields := fieldsOf(&read)
	maps.Copy(fields, map[string]setter{"source": scalar(&src, word), "target": scalar(&dst, word), "ledger": scalar(&ledger, word)})
	switch f.real(e.value).(type) {
	case nil, *ast.NullNode: // a job without fields lacks those that it needs
	default:
		if !r.group("", "a job", e.value, fields) {
			return Filed{Job: read}
		}
	}
	j, wrong := assemble(src, dst, ledger, append([]func(*Job){func(j *Job) {
		read.Source, read.Target, read.Ledger = j.Source, j.Target, j.Ledger
		*j = read
	}}, set...)...)
	for _, w := range wrong {
		if line, told := r.at(w.field); !told {
			f.add(line, "%s", w.says)
		}
	}
	target, _ := r.at("target")
	kept, _ := r.at("ledger")
	return Filed{j, e.line, target, kept}
}

// at returns the line of a field, or of the nearest around it that the file has.
func (r *jobNode) at(path string) (line int, told bool) {
	for {
		if r.bad[path] {
			return 0, true
		}
		if line := r.line[path]; line > 0 {
			return line, false
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

func fieldsOf(j *Job) map[string]setter {
	return map[string]setter{
		"class": scalar(&j.Class, word), "hashMismatch": scalar(&j.HashMismatch, word), "overwrite": scalar(&j.Overwrite, word),
		"present": scalar(&j.Present, word), "deletedInTarget": scalar(&j.DeletedInTarget, word), "attributes": scalar(&j.Attributes, word),
		"overlap":   scalar(&j.Overlap, word),
		"unguarded": scalar(&j.Unguarded, truth), "allowEmpty": scalar(&j.AllowEmpty, truth), "thaw": scalar(&j.Thaw, truth), "thawDays": scalar(&j.ThawDays, whole[int]), "thawWait": scalar(&j.ThawWait, parseSpan), "delete": scalar(&j.Delete, truth), "maxDeletes": scalar(&j.MaxDeletes, ParseDeletes),
		"maxDeleteShare": scalar(&j.MaxDeleteShare, ParseShare),
		"keyList":        scalar(&j.KeyList, word), "events": events(&j.Events), "filter": group("a filter", filterFields(&j.Filter)), "limits": group("limits", limitFields(&j.Limits)),
		"alerts": alerts(&j.Alerts),
	}
}

func filterFields(f *Filter) map[string]setter {
	return map[string]setter{
		"include": list(&f.Include), "exclude": list(&f.Exclude), "includeRegexp": list(&f.IncludeRegexp), "excludeRegexp": list(&f.ExcludeRegexp),
		"suffix": list(&f.Suffix), "minSize": scalar(&f.MinSize, ParseSize), "maxSize": scalar(&f.MaxSize, ParseSize),
		"after": scalar(&f.After, ParseTime), "before": scalar(&f.Before, ParseTime), "classes": list(&f.Classes),
	}
}

func limitFields(l *Limits) map[string]setter {
	return map[string]setter{
		"parallel": scalar(&l.Parallel, ParseParallel), "batchObjects": scalar(&l.BatchObjects, whole[int]), "batchBytes": scalar(&l.BatchBytes, ParseSize),
		"shardKeys": scalar(&l.ShardKeys, whole[int64]), "shardBytes": scalar(&l.ShardBytes, ParseSize),
		"attempts": scalar(&l.Attempts, whole[int]), "rounds": scalar(&l.Rounds, whole[int]), "fanout": scalar(&l.Fanout, whole[int]),
		"partsAbove": scalar(&l.PartsAbove, ParseSize), "partSize": scalar(&l.PartSize, ParseSize),
		"outage":    scalar(&l.Outage, parseSpan),
		"leastRate": scalar(&l.LeastRate, ParseRate),
		"requests":  scalar(&l.Requests, whole[int]), "instances": scalar(&l.Instances, whole[int]),
		"bandwidth": bandwidth(&l.Bandwidth),
	}
}

// bandwidth takes a mapping, or all of it in one text as ParseBandwidth does.
func bandwidth(to *Bandwidth) setter {
	return func(r *jobNode, path string, n ast.Node) {
		if _, isMap := r.file.real(n).(ast.MapNode); !isMap {
			scalar(to, ParseBandwidth)(r, path, n)
			return
		}
		r.group(path, "a bandwidth", n, map[string]setter{
			"rate": scalar(&to.Rate, ParseRate), "zone": scalar(&to.Zone, word),
			"timetable": func(r *jobNode, path string, n ast.Node) {
				items := r.items(path, n)
				to.Timetable = make([]Window, len(items))
				for i, n := range items {
					w := &to.Timetable[i]
					r.group(at(path, i), "a window", n, map[string]setter{
						"days": scalar(&w.Days, word), "from": scalar(&w.From, word), "to": scalar(&w.To, word), "rate": scalar(&w.Rate, ParseRate),
					})
					if r.line[at(path, i)+".rate"] == 0 {
						r.fail(at(path, i), r.line[at(path, i)], "%s has no rate: write one such as 20MiB/s, or unlimited", at(path, i))
					}
				}
			},
		})
	}
}

func group(what string, fields map[string]setter) setter {
	return func(r *jobNode, path string, n ast.Node) { r.group(path, what, n, fields) }
}

// group reads a mapping of fields.
func (r *jobNode) group(path, what string, n ast.Node, fields map[string]setter) bool {
	words := slices.Sorted(maps.Keys(fields))
	ok := r.file.mapping(n, what, func(e entry) bool {
		set, ok := fields[e.name]
		if ok {
			below := strings.TrimPrefix(path+"."+e.name, ".")
			r.line[below] = e.line
			set(r, below, e.value)
		}
		return ok
	}, words...)
	if !ok {
		r.bad[path] = true
	}
	return ok
}

func (r *jobNode) fail(path string, line int, format string, args ...any) {
	r.bad[path] = true
	r.file.add(line, format, args...)
}

// scalar takes a single value. Its errors repeat what parse repeats, nothing else.
func scalar[T any](to *T, parse func(string) (T, error)) setter {
	return func(r *jobNode, path string, n ast.Node) {
		text, wrong := r.text(n)
		if wrong != "" {
			r.fail(path, r.line[path], wrong, path)
			return
		}
		value, err := parse(text)
		for _, e := range apart(err) {
			r.fail(path, r.line[path], "%s: %s", path, e)
		}
		if err == nil {
			*to = value
		}
	}
}

// list takes words; one alone needs no brackets.
func list(to *[]string) setter {
	return func(r *jobNode, path string, n ast.Node) {
		for i, n := range r.items(path, n) {
			text, wrong := r.text(n)
			if wrong != "" {
				r.fail(at(path, i), r.line[at(path, i)], wrong, path)
			}
			*to = append(*to, text)
		}
	}
}

// items returns the items of a list, or what is none as its only one.
func (r *jobNode) items(path string, n ast.Node) []ast.Node {
	items := []ast.Node{n}
	if s, ok := r.file.real(n).(*ast.SequenceNode); ok {
		items = s.Values
	}
	for i, n := range items {
		r.line[at(path, i)] = max(lineOf(n), r.line[path]) // not before the list, where an alias points
	}
	return items
}

// text is a single value as it was written; wrong is the format of what is wrong with n, whose
// value is the name of the field.
func (r *jobNode) text(n ast.Node) (text, wrong string) {
	switch n := r.file.real(n).(type) {
	case *ast.StringNode:
		return n.Value, ""
	case *ast.LiteralNode:
		return strings.TrimRight(n.Value.Value, "\n"), ""
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, ""
	case nil, *ast.NullNode:
		return "", "%s has no value: give it one or leave it out"
	}
	return "", "%s takes a single value: write it on the line of its name"
}

func word(s string) (string, error) { return s, nil }

func truth(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("%.40q is neither true nor false", s)
	}
	return s == "true", nil
}

func whole[N int | int64](s string) (N, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || int64(N(n)) != n {
		return 0, fmt.Errorf("%.40q is no whole number: write one such as 64", s)
	}
	return N(n), nil
}
