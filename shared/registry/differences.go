package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"kodoferry/shared/job"
)

// Differences returns the fields in which two jobs differ, each by its name in a file
// with both values: "limits.parallel: auto -> 9".
func Differences(before, after job.Job) ([]string, error) {
	was, err := flat(before)
	if err != nil {
		return nil, err
	}
	is, err := flat(after)
	if err != nil {
		return nil, err
	}
	// As they are written in a file, where 0 is none.
	was["maxDeletes"], is["maxDeletes"] = fmt.Sprint(before.Deletes()), fmt.Sprint(after.Deletes())
	was["limits.parallel"], is["limits.parallel"] = job.FormatParallel(before.Limits.Parallel), job.FormatParallel(after.Limits.Parallel)
	was["maxDeleteShare"], is["maxDeleteShare"] = fmt.Sprint(before.DeleteShare()), fmt.Sprint(after.DeleteShare())
	names := slices.Collect(func(yield func(string) bool) {
		for name := range was {
			if !yield(name) {
				return
			}
		}
		for name := range is {
			if _, both := was[name]; !both && !yield(name) {
				return
			}
		}
	})
	slices.Sort(names)
	var out []string
	for _, name := range names {
		if was[name] != is[name] {
			out = append(out, fmt.Sprintf("%s: %s -> %s", name, orNone(was[name]), orNone(is[name])))
		}
	}
	return out, nil
}

// orNone is value, or that there is none.
func orNone(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}

// flat returns a job as names and values, as limits.parallel and 64.
func flat(j job.Job) (map[string]string, error) {
	raw, err := job.Encode(j)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	out := map[string]string{}
	var walk func(path string, v any) error
	walk = func(path string, v any) error {
		if m, ok := v.(map[string]any); ok {
			for name, value := range m {
				if err := walk(strings.TrimPrefix(path+"."+name, "."), value); err != nil {
					return err
				}
			}
			return nil
		}
		text, err := json.Marshal(v)
		out[path] = string(text)
		return err
	}
	err = walk("", tree)
	return out, err
}
