package infra_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// providerBlock is a block in the form of `terraform providers schema -json`.
type providerBlock struct {
	Attributes map[string]struct {
		Type                           json.RawMessage
		Required, Optional, Deprecated bool
	}
	BlockTypes map[string]struct {
		Block    providerBlock
		MinItems int `json:"min_items"`
		MaxItems int `json:"max_items"`
	} `json:"block_types"`
}

// elsewhere are resources that the schema beside this checkout does not hold,
// and their arguments as the provider's own pages on them tell.
var elsewhere = map[string][]string{
	"alicloud_cms_alarm":                        {"name", "project", "metric", "metric_dimensions", "period", "contact_groups", "silence_time", "escalations_warn", "statistics", "comparison_operator", "threshold", "times"},
	"alicloud_event_bridge_service_linked_role": {"product_name"},
	"alicloud_log_store_index":                  {"project", "logstore", "full_text", "case_sensitive", "token"},
}

func TestEveryResourceHoldsAgainstTheProvidersSchema(t *testing.T) {
	raw, err := os.ReadFile("../../shared/data/alicloud.schema.json")
	if err != nil {
		t.Skipf("the provider's schema is not beside this checkout: %v", err)
	}
	var doc struct {
		Schemas map[string]struct {
			Resources map[string]struct{ Block providerBlock } `json:"resource_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	known := doc.Schemas["registry.terraform.io/aliyun/alicloud"].Resources
	for address, all := range alicloud(t).resources {
		kind, _, _ := strings.Cut(address, ".")
		schema, ok := known[kind]
		for _, i := range all {
			where := address + "[" + i.key + "]"
			if ok {
				i.holds(t, where, i.body, schema.Block)
				continue
			}
			for _, name := range namesIn(i.body) {
				if !slices.Contains(elsewhere[kind], name) {
					t.Errorf("%s: neither the schema nor the provider's page on it has %q", where, name)
				}
			}
		}
	}
}

// holds holds body against a block of the schema: names, types, what must be
// there and what nobody should write any more.
func (i instance) holds(t *testing.T, where string, body *hclsyntax.Body, schema providerBlock) {
	t.Helper()
	for name, a := range body.Attributes {
		if slices.Contains(meta, name) {
			continue
		}
		s, ok := schema.Attributes[name]
		switch {
		case !ok:
			t.Errorf("%s: the provider knows no %q", where, name)
			continue
		case !s.Required && !s.Optional:
			t.Errorf("%s: %q is not for us to set", where, name)
		case s.Deprecated:
			t.Errorf("%s: %q is deprecated", where, name)
		}
		want, err := ctyjson.UnmarshalType(s.Type)
		if err != nil {
			t.Fatal(err)
		}
		v, diags := a.Expr.Value(i.ctx())
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if _, err := convert.Convert(v, want); err != nil {
			t.Errorf("%s: %s: %v", where, name, err)
		}
	}
	for name, s := range schema.Attributes {
		if s.Required && body.Attributes[name] == nil {
			t.Errorf("%s: %q is missing", where, name)
		}
	}
	count := map[string]int{}
	for _, b := range body.Blocks {
		if slices.Contains(meta, b.Type) {
			continue
		}
		s, ok := schema.BlockTypes[b.Type]
		if count[b.Type]++; !ok || s.MaxItems > 0 && count[b.Type] > s.MaxItems {
			t.Errorf("%s: block %q is not known, or there are too many", where, b.Type)
			continue
		}
		i.holds(t, where+"."+b.Type, b.Body, s.Block)
	}
	for name, s := range schema.BlockTypes {
		if count[name] < s.MinItems {
			t.Errorf("%s: block %q is missing", where, name)
		}
	}
}

// namesIn are the arguments and blocks of a body, and of the blocks in it.
func namesIn(body *hclsyntax.Body) (names []string) {
	for name := range body.Attributes {
		if !slices.Contains(meta, name) {
			names = append(names, name)
		}
	}
	for _, b := range body.Blocks {
		names = append(append(names, b.Type), namesIn(b.Body)...)
	}
	return names
}
