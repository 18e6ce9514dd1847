package infra_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"kodoferry/shared/task"
)

// awsGiven are the variables that have no default, as a user might give them.
var awsGiven = map[string]cty.Value{
	"pulls":     cty.NumberIntVal(3),
	"region":    cty.StringVal("eu-central-1"),
	"ledger":    cty.StringVal("oss://my-ledger/.ferry/?region=eu-central-1"),
	"kodo_keys": cty.ObjectVal(map[string]cty.Value{"access_key": cty.StringVal("ak"), "secret_key": cty.StringVal("sk")}),
	"oss_keys": cty.MapVal(map[string]cty.Value{
		"default": awsKeys("all"), "delete": awsKeys("deleter"),
	}),
}

func awsKeys(id string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"access_key_id": cty.StringVal(id), "access_key_secret": cty.StringVal("secret")})
}

// awsStack is infra/aws with its variables filled in.
type awsStack struct {
	*testing.T
	blocks map[string]*hclsyntax.Block // by "resource aws_sqs_queue dead"
	scope  *hcl.EvalContext
}

func readAWS(t *testing.T) *awsStack {
	t.Helper()
	files, err := filepath.Glob("aws/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of Terraform in infra/aws (%v)", err)
	}
	s := &awsStack{T: t, blocks: map[string]*hclsyntax.Block{}}
	parser, locals := hclparse.NewParser(), map[string]hclsyntax.Expression{}
	for _, name := range files {
		file, problems := parser.ParseHCLFile(name)
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			s.blocks[strings.Join(append([]string{b.Type}, b.Labels...), " ")] = b
			if b.Type == "locals" {
				for _, a := range b.Body.Attributes {
					locals[a.Name] = a.Expr
				}
			}
		}
	}
	s.fill(locals)
	return s
}

// set gives a variable a value.
func (s *awsStack) set(name string, v cty.Value) {
	all := s.scope.Variables["var"].AsValueMap()
	all[name] = v
	s.scope.Variables["var"] = cty.ObjectVal(all)
}

// fill makes the scope: variables, then locals, which may name each other, then
// what resources are called.
func (s *awsStack) fill(locals map[string]hclsyntax.Expression) {
	s.Helper()
	variables := map[string]cty.Value{}
	for name, b := range s.blocks {
		if given, ok := awsGiven[strings.TrimPrefix(name, "variable ")]; ok && b.Type == "variable" {
			variables[b.Labels[0]] = given
		} else if a := b.Body.Attributes["default"]; b.Type == "variable" && a != nil {
			variables[b.Labels[0]], _ = a.Expr.Value(nil)
		}
	}
	text := func(key, value string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{key: cty.StringVal(value)})
	}
	known := map[string]cty.Value{}
	s.scope = &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(variables), "path": text("module", "."),
			"data": cty.ObjectVal(map[string]cty.Value{"aws_caller_identity": cty.ObjectVal(map[string]cty.Value{"current": text("account_id", "123456789012")})}),
		},
		Functions: map[string]function.Function{
			"merge": stdlib.MergeFunc, "keys": stdlib.KeysFunc, "format": stdlib.FormatFunc, "jsonencode": stdlib.JSONEncodeFunc,
			"try": tryfunc.TryFunc, "concat": stdlib.ConcatFunc,
		},
	}
	for range locals {
		for name, expr := range locals {
			if v, problems := expr.Value(s.scope); !problems.HasErrors() {
				known[name] = v
			}
		}
		s.scope.Variables["local"] = cty.ObjectVal(known)
	}
	queues, functions, logs := map[string]cty.Value{}, map[string]cty.Value{}, map[string]cty.Value{}
	direct, directLogs := map[string]cty.Value{}, map[string]cty.Value{}
	for _, name := range []string{"notify", "pull"} {
		direct[name], directLogs[name] = text("arn", "arn:function:ferry-"+name), text("arn", "arn:log:ferry-"+name)
	}
	for _, stage := range task.Stages {
		queues[string(stage)] = text("arn", "arn:queue:ferry-"+string(stage))
		functions[string(stage)] = text("arn", "arn:function:ferry-"+string(stage))
		logs[string(stage)] = text("arn", "arn:log:ferry-"+string(stage))
	}
	s.scope.Variables["aws_sqs_queue"] = cty.ObjectVal(map[string]cty.Value{"stage": cty.ObjectVal(queues), "dead": text("arn", "arn:queue:ferry-dead")})
	s.scope.Variables["aws_lambda_function"] = cty.ObjectVal(map[string]cty.Value{"stage": cty.ObjectVal(functions), "direct": cty.ObjectVal(direct)})
	s.scope.Variables["aws_cloudwatch_log_group"] = cty.ObjectVal(map[string]cty.Value{
		"stage": cty.ObjectVal(logs), "direct": cty.ObjectVal(directLogs), "console": cty.TupleVal([]cty.Value{text("arn", "arn:log:ferry-console")}),
	})
}

// at is an attribute of a block, or of one within it, for one of its for_each's;
// names lead to it.
func (s *awsStack) at(block, each string, names ...string) cty.Value {
	s.Helper()
	b := s.blocks[block]
	if b == nil {
		s.Fatalf("infra/aws has no %s", block)
	}
	scope := s.each(b, each)
	body := b.Body
	for ; len(names) > 1; names = names[1:] {
		i := slices.IndexFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == names[0] })
		if i < 0 {
			s.Fatalf("%s has no %s", block, names[0])
		}
		body = body.Blocks[i].Body
	}
	a := body.Attributes[names[0]]
	if a == nil {
		s.Fatalf("%s has no %s", block, names[0])
	}
	return s.value(a.Expr, scope)
}

func (s *awsStack) value(expr hcl.Expression, scope *hcl.EvalContext) cty.Value {
	s.Helper()
	v, problems := expr.Value(scope)
	if problems.HasErrors() {
		s.Fatal(problems)
	}
	return v
}

// each is the scope of one of a block's for_each's.
func (s *awsStack) each(b *hclsyntax.Block, key string) *hcl.EvalContext {
	s.Helper()
	if b.Body.Attributes["for_each"] == nil {
		return s.scope
	}
	all := s.value(b.Body.Attributes["for_each"].Expr, s.scope).AsValueMap()
	if _, ok := all[key]; !ok {
		s.Fatalf("%s is not made for %q", strings.Join(b.Labels, "."), key)
	}
	scope := s.scope.NewChild()
	scope.Variables = map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(key), "value": all[key]})}
	return scope
}

// rights are the things that each action may be done to, by a policy document.
func (s *awsStack) rights(document, each string) map[string][]string {
	s.Helper()
	b := s.blocks[document]
	if b == nil {
		s.Fatalf("infra/aws has no %s", document)
	}
	scope, rights := s.each(b, each), map[string][]string{}
	for _, statement := range b.Body.Blocks {
		body := statement.Body
		if statement.Type == "dynamic" {
			if s.value(body.Attributes["for_each"].Expr, scope).LengthInt() == 0 {
				continue
			}
			body = body.Blocks[0].Body
		}
		for _, action := range s.value(body.Attributes["actions"].Expr, scope).AsValueSlice() {
			for _, on := range s.value(body.Attributes["resources"].Expr, scope).AsValueSlice() {
				rights[action.AsString()] = append(rights[action.AsString()], on.AsString())
			}
		}
	}
	for action, on := range rights {
		rights[action] = slices.Compact(slices.Sorted(slices.Values(on)))
	}
	return rights
}
