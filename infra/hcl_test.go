package infra_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// terraform is a folder of Terraform's files, worked out with values for its
// variables as far as that goes without asking a provider.
type terraform struct {
	resources map[string][]instance       // by "type.name"
	sources   map[string]*hclsyntax.Block // the data sources, by "type.name"
	blocks    map[string]*hclsyntax.Block
	outputs   map[string]cty.Value
	ctx       *hcl.EvalContext
}

// instance is one resource, or a block of one.
type instance struct {
	key  string // of for_each; "" without
	each map[string]cty.Value
	body *hclsyntax.Body
	tf   *terraform
}

// ctx is what its expressions are seen from: all that is known by now.
func (i instance) ctx() *hcl.EvalContext {
	ctx := i.tf.ctx.NewChild()
	ctx.Variables = i.each
	return ctx
}

// inner is a block of i.
func (i instance) inner(b *hclsyntax.Block) instance { return instance{i.key, i.each, b.Body, i.tf} }

// functions of Terraform that our files use.
var terraformFunctions = map[string]function.Function{
	"concat": stdlib.ConcatFunc, "distinct": stdlib.DistinctFunc, "jsonencode": stdlib.JSONEncodeFunc, "length": stdlib.LengthFunc,
	"merge": stdlib.MergeFunc, "chunklist": stdlib.ChunklistFunc, "regex": stdlib.RegexFunc, "can": tryfunc.CanFunc, "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"endswith": affix(strings.HasSuffix), "startswith": affix(strings.HasPrefix),
}

func affix(test func(s, affix string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "s", Type: cty.String}, {Name: "affix", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(test(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// terraformFiles are the .tf files below dir, formatted and parsed by HashiCorp's
// own library: what is not is an error of the test.
func terraformFiles(t *testing.T, dir string) map[string]*hclsyntax.Body {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Terraform files in %s (%v)", dir, err)
	}
	parser, bodies := hclparse.NewParser(), map[string]*hclsyntax.Body{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(hclwrite.Format(raw)) != string(raw) {
			t.Errorf("%s is not formatted: terraform fmt does it", path)
		}
		file, diags := parser.ParseHCL(raw, path)
		if diags.HasErrors() {
			t.Fatalf("%s does not parse: %v", path, diags)
		}
		bodies[path] = file.Body.(*hclsyntax.Body)
	}
	return bodies
}

// readTerraform works a folder out. vars are values of its variables; data is
// what its data sources answer, and computed what providers make up of resources.
func readTerraform(t *testing.T, dir string, vars, data map[string]cty.Value, computed func(kind string, given map[string]cty.Value) map[string]cty.Value) *terraform {
	t.Helper()
	tf := &terraform{resources: map[string][]instance{}, sources: map[string]*hclsyntax.Block{}, blocks: map[string]*hclsyntax.Block{}, outputs: map[string]cty.Value{}}
	locals, outputs, variables := map[string]hclsyntax.Expression{}, map[string]hclsyntax.Expression{}, map[string]cty.Value{}
	for _, body := range terraformFiles(t, dir) {
		for _, b := range body.Blocks {
			switch b.Type {
			case "locals":
				for name, a := range b.Body.Attributes {
					locals[name] = a.Expr
				}
			case "output":
				outputs[b.Labels[0]] = b.Body.Attributes["value"].Expr
			case "variable":
				variables[b.Labels[0]] = variable(t, b, vars)
			case "data":
				tf.sources[strings.Join(b.Labels, ".")] = b
			case "resource":
				tf.blocks[strings.Join(b.Labels, ".")] = b
			}
		}
	}
	for name := range vars {
		if _, ok := variables[name]; !ok {
			t.Errorf("%s has no variable %q", dir, name)
		}
	}
	tf.solve(t, variables, data, locals, outputs, computed)
	return tf
}

// variable is a variable's value: one that was given, or its default.
func variable(t *testing.T, b *hclsyntax.Block, given map[string]cty.Value) cty.Value {
	t.Helper()
	name := b.Labels[0]
	kind, defaults, diags := typeexpr.TypeConstraintWithDefaults(b.Body.Attributes["type"].Expr)
	value, ok := given[name]
	if !ok {
		a := b.Body.Attributes["default"]
		if a == nil {
			t.Fatalf("variable %q has no default: give it a value", name)
		}
		var d hcl.Diagnostics
		value, d = a.Expr.Value(nil)
		diags = append(diags, d...)
	}
	if defaults != nil {
		value = defaults.Apply(value)
	}
	value, err := convert.Convert(value, kind)
	if diags.HasErrors() || err != nil {
		t.Fatalf("variable %q: %v, %v", name, diags, err)
	}
	for _, v := range b.Body.Blocks {
		ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{name: value})}, Functions: terraformFunctions}
		if holds, d := v.Body.Attributes["condition"].Expr.Value(ctx); d.HasErrors() || holds.False() {
			t.Errorf("variable %q: %s refused by its own validation (%v)", name, value.GoString(), d)
		}
	}
	return value
}

// solve works out locals and resources in the order in which they name each
// other, whichever that is, and then the outputs.
func (tf *terraform) solve(t *testing.T, variables, data map[string]cty.Value, locals, outputs map[string]hclsyntax.Expression, computed func(string, map[string]cty.Value) map[string]cty.Value) {
	t.Helper()
	known, made := map[string]cty.Value{}, map[string]map[string]cty.Value{}
	for {
		tf.ctx = &hcl.EvalContext{Functions: terraformFunctions, Variables: map[string]cty.Value{
			"var": cty.ObjectVal(variables), "data": cty.ObjectVal(data), "local": cty.ObjectVal(known),
		}}
		for kind, byName := range made {
			tf.ctx.Variables[kind] = cty.ObjectVal(byName)
		}
		before, open := len(known)+len(tf.resources), hcl.Diagnostics{}
		for name, expr := range locals {
			if _, done := known[name]; done {
				continue
			}
			v, diags := expr.Value(tf.ctx)
			if open = append(open, diags...); !diags.HasErrors() {
				known[name] = v
			}
		}
		for address, b := range tf.blocks {
			if _, done := tf.resources[address]; done {
				continue
			}
			all, v, diags := tf.make(b, computed)
			if open = append(open, diags...); diags.HasErrors() {
				continue
			}
			tf.resources[address] = all
			if made[b.Labels[0]] == nil {
				made[b.Labels[0]] = map[string]cty.Value{}
			}
			made[b.Labels[0]][b.Labels[1]] = v
		}
		if len(known)+len(tf.resources) > before {
			continue
		}
		if open.HasErrors() {
			t.Fatalf("not everything can be worked out: %v", open)
		}
		break
	}
	for name, expr := range outputs {
		v, diags := expr.Value(tf.ctx)
		if diags.HasErrors() {
			t.Fatalf("output %q: %v", name, diags)
		}
		tf.outputs[name] = v
	}
}

// make works out the instances of one resource, and the value that others see.
func (tf *terraform) make(b *hclsyntax.Block, computed func(string, map[string]cty.Value) map[string]cty.Value) ([]instance, cty.Value, hcl.Diagnostics) {
	each := b.Body.Attributes["for_each"]
	if each == nil {
		i := instance{"", nil, b.Body, tf}
		v, diags := i.value(b.Labels[0], computed)
		return []instance{i}, v, diags
	}
	over, diags := each.Expr.Value(tf.ctx)
	if diags.HasErrors() {
		return nil, cty.NilVal, diags
	}
	var all []instance
	values := map[string]cty.Value{}
	for it := over.ElementIterator(); it.Next(); {
		k, v := it.Element()
		if over.Type().IsSetType() {
			k = v
		}
		i := instance{k.AsString(), map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": k, "value": v})}, b.Body, tf}
		made, d := i.value(b.Labels[0], computed)
		if diags = append(diags, d...); d.HasErrors() {
			return nil, cty.NilVal, diags
		}
		all, values[i.key] = append(all, i), made
	}
	return all, cty.ObjectVal(values), diags
}

// meta are arguments that are Terraform's own.
var meta = []string{"for_each", "count", "depends_on", "provider", "lifecycle"}

// value is what others see of a resource: its arguments and what its provider makes up.
func (i instance) value(kind string, computed func(string, map[string]cty.Value) map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	given := map[string]cty.Value{}
	var all hcl.Diagnostics
	for name, a := range i.body.Attributes {
		if slices.Contains(meta, name) {
			continue
		}
		v, diags := a.Expr.Value(i.ctx())
		all = append(all, diags...)
		given[name] = v
	}
	if all.HasErrors() {
		return cty.NilVal, all
	}
	maps.Copy(given, computed(kind, given))
	return cty.ObjectVal(given), all
}

// get is an argument of i, or of a block in it as "block.argument".
func (i instance) get(t *testing.T, path string) cty.Value {
	t.Helper()
	body := i.body
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		k := slices.IndexFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == name })
		if k < 0 {
			t.Fatalf("no block %s", path)
		}
		body = body.Blocks[k].Body
	}
	a := body.Attributes[names[len(names)-1]]
	if a == nil {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	v, diags := a.Expr.Value(i.ctx())
	if diags.HasErrors() {
		t.Fatalf("%s: %v", path, diags)
	}
	return v
}

// text is v as a text, whatever primitive it is; "<nil>" of nothing.
func text(v cty.Value) string {
	if v == cty.NilVal || v.IsNull() {
		return "<nil>"
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return fmt.Sprintf("%#v", v)
	}
	return s.AsString()
}
