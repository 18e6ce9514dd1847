package fc

import (
	"strings"
	"testing"
)

func TestABatchResponseIsReadByLambdasRules(t *testing.T) {
	batch := []Message{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	for name, tc := range map[string]struct {
		answer string
		want   string // what succeeded
		ok     bool
	}{
		"no answer at all":               {"", "abc", true},
		"null":                           {"null", "abc", true},
		"an object without the list":     {`{"done":3}`, "abc", true},
		"an empty list":                  {`{"batchItemFailures":[]}`, "abc", true},
		"a list that is null":            {`{"batchItemFailures":null}`, "abc", true},
		"one failed":                     {`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, "ac", true},
		"one failed, named twice":        {`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]}`, "ac", true},
		"all failed":                     {`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}`, "", true},
		"an empty name fails all":        {`{"batchItemFailures":[{"itemIdentifier":""}]}`, "", false},
		"a null name fails all":          {`{"batchItemFailures":[{"itemIdentifier":null}]}`, "", false},
		"another key fails all":          {`{"batchItemFailures":[{"id":"a"}]}`, "", false},
		"a stranger fails all":           {`{"batchItemFailures":[{"itemIdentifier":"z"}]}`, "", false},
		"what is not JSON fails all":     {`{"batchItem`, "", false},
		"what is not an object fails it": {`"fine"`, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := succeeded(batch, []byte(tc.answer))
			var ids []string
			for _, m := range got {
				ids = append(ids, m.ID)
			}
			if (err == nil) != tc.ok || strings.Join(ids, "") != tc.want {
				t.Errorf("succeeded(%s) = %v, %v, want %q, no error: %v", tc.answer, ids, err, tc.want, tc.ok)
			}
		})
	}
}
