package infra_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"kodoferry/shared/app"
	"kodoferry/shared/console"
	"kodoferry/shared/job"
	"kodoferry/shared/task"
)

func TestTheFilesOfTerraformForAWSAreFormatted(t *testing.T) {
	files, _ := filepath.Glob("aws/*.tf")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(hclwrite.Format(text), text) {
			t.Errorf("%s is not formatted: run terraform fmt infra/aws", name)
		}
	}
}

func TestEveryQueueOfTheCodeIsAtAWSAndBeforeItsFunction(t *testing.T) {
	s := readAWS(t)
	for _, name := range app.QueueNames {
		queue, function := "resource aws_sqs_queue stage", "ferry-"+name
		if name == "dead" {
			queue, function = "resource aws_sqs_queue dead", "ferry-verify"
		}
		if got := s.at(queue, name, "name").AsString(); got != "ferry-"+name {
			t.Errorf("the queue %s is called %s, want what the code reads", name, got)
		}
		if n, _ := s.at(queue, name, "visibility_timeout_seconds").AsBigFloat().Int64(); n != 1800 {
			t.Errorf("%s hides a message for %d s, want 30 minutes", name, n)
		}
		const mapping = "resource aws_lambda_event_source_mapping queue"
		source, to := s.at(mapping, name, "event_source_arn").AsString(), s.at(mapping, name, "function_name").AsString()
		if source != "arn:queue:ferry-"+name || to != "arn:function:"+function {
			t.Errorf("%s goes from %s to %s, want it before %s", name, source, to, function)
		}
		if types := s.at(mapping, name, "function_response_types").AsValueSlice(); len(types) != 1 || types[0].AsString() != "ReportBatchItemFailures" {
			t.Errorf("%s: answers are %v, want ReportBatchItemFailures: without it Lambda deletes what failed", name, types)
		}
		if name == "dead" {
			continue // its own dead letters would be lost
		}
		var policy struct {
			Target string `json:"deadLetterTargetArn"`
			Most   int    `json:"maxReceiveCount"`
		}
		if err := json.Unmarshal([]byte(s.at(queue, name, "redrive_policy").AsString()), &policy); err != nil || policy.Target != "arn:queue:ferry-dead" {
			t.Errorf("%s: redrive %+v, %v, want to ferry-dead", name, policy, err)
		}
		if waits, least := time.Duration(policy.Most)*30*time.Minute, time.Duration(job.DefaultLimits().Outage); waits < least+time.Hour {
			t.Errorf("%s: what fails at each delivery is buried after %v, want later than a ledger that does not answer is waited for, %v", name, waits, least)
		}
	}
}

func TestTheEnvironmentAtAWSIsWhatTheCodeReads(t *testing.T) {
	s := readAWS(t)
	for _, stage := range task.Stages {
		const function = "resource aws_lambda_function stage"
		for key, want := range map[string]string{"function_name": "ferry-" + string(stage), "runtime": "provided.al2023", "handler": "bootstrap", "filename": "./../../.package/lambda/" + string(stage) + ".zip"} {
			if got := s.at(function, string(stage), key).AsString(); got != want {
				t.Errorf("%s: %s is %s, want %s", stage, key, got, want)
			}
		}
		env, read := s.at(function, string(stage), "environment", "variables").AsValueMap(), map[string]bool{}
		_, err := app.Load(func(key string) string {
			read[key] = true
			if v, ok := env[key]; ok {
				return v.AsString()
			}
			return map[string]string{"AWS_ACCESS_KEY_ID": "role", "AWS_SECRET_ACCESS_KEY": "role"}[key] // what Lambda sets out of the role
		}).Deploy(nil)
		if err != nil {
			t.Errorf("%s: a function does not start with this environment: %v", stage, err)
		}
		for key := range env {
			if !read[key] {
				t.Errorf("%s sets %s, which no code reads", stage, key)
			}
		}
		if got, deletes := env["ALIBABA_CLOUD_ACCESS_KEY_ID"].AsString(), stage == task.Deleting; (got == "deleter") != deletes {
			t.Errorf("%s works with the keys of %s, want only the delete stage to have those that may delete", stage, got)
		}
		if got := env["FERRY_QUEUES"].AsString(); got != "sqs://123456789012/ferry-?region=eu-central-1" {
			t.Errorf("%s: FERRY_QUEUES is %s, want the prefix of the queues' names", stage, got)
		}
	}
}

func TestAFunctionAtAWSMayDoNoMoreThanItsWork(t *testing.T) {
	s := readAWS(t)
	const document = "data aws_iam_policy_document stage"
	all := []string{"arn:queue:ferry-copy", "arn:queue:ferry-delete", "arn:queue:ferry-list", "arn:queue:ferry-verify"}
	for _, stage := range task.Stages {
		own := []string{"arn:queue:ferry-" + string(stage)}
		want := map[string][]string{
			"sqs:ReceiveMessage": own, "sqs:DeleteMessage": own, "sqs:GetQueueAttributes": own, "sqs:SendMessage": all,
			"logs:CreateLogStream": {"arn:log:ferry-" + string(stage) + ":*"}, "logs:PutLogEvents": {"arn:log:ferry-" + string(stage) + ":*"},
		}
		if stage == task.Verifying { // buries dead letters and sweeps
			dead := []string{"arn:queue:ferry-dead", "arn:queue:ferry-verify"}
			want["sqs:ReceiveMessage"], want["sqs:DeleteMessage"] = dead, dead
			want["sqs:GetQueueAttributes"] = slices.Sorted(slices.Values(append([]string{"arn:queue:ferry-dead"}, all...)))
			want["sqs:SendMessage"] = want["sqs:GetQueueAttributes"]
		}
		got := s.rights(document, string(stage))
		for action, on := range want {
			if !slices.Equal(got[action], on) {
				t.Errorf("%s may do %s on %q, want on %q", stage, action, got[action], on)
			}
			delete(got, action)
		}
		if len(got) > 0 {
			t.Errorf("%s may do %v, too", stage, got)
		}
	}
}

// TestTheConsoleAtAWSIsWhatTheCodeReads: its function starts with its environment and only
// reads, it is reached through its URL alone, and is there only where somebody says so.
func TestTheConsoleAtAWSIsWhatTheCodeReads(t *testing.T) {
	const token = "a-token-of-20-characters"
	for name, tc := range map[string]struct {
		changes bool
		keys    string // whose keys for OSS it has
		rights  map[string][]string
	}{
		"only reading": {false, "reader", nil},
		"changing": {true, "all", map[string][]string{
			"sqs:SendMessage":        {"arn:queue:ferry-copy", "arn:queue:ferry-delete", "arn:queue:ferry-list", "arn:queue:ferry-verify"},
			"sqs:GetQueueAttributes": {"arn:queue:ferry-copy", "arn:queue:ferry-delete", "arn:queue:ferry-list", "arn:queue:ferry-verify"},
		}},
	} {
		s := readAWS(t)
		s.set("console_token", cty.StringVal(token))
		s.set("console_changes", cty.BoolVal(tc.changes))
		s.set("oss_keys", cty.MapVal(map[string]cty.Value{"default": awsKeys("all"), "console": awsKeys(tc.keys)}))
		env, read := s.at("resource aws_lambda_function console", "", "environment", "variables").AsValueMap(), map[string]bool{}
		getenv := func(key string) string {
			read[key] = true
			if v, ok := env[key]; ok {
				return v.AsString()
			}
			return map[string]string{"AWS_ACCESS_KEY_ID": "role", "AWS_SECRET_ACCESS_KEY": "role"}[key]
		}
		if _, err := console.Open(app.Load(getenv), getenv, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%s: it does not start with this environment: %v", name, err)
		}
		if _, err := app.Load(getenv).Deploy(nil); err != nil {
			t.Errorf("%s: it begins no run with this environment: %v", name, err)
		}
		for key := range env {
			if !read[key] {
				t.Errorf("%s: it sets %s, which no code reads", name, key)
			}
		}
		if got := env["ALIBABA_CLOUD_ACCESS_KEY_ID"].AsString(); got != tc.keys {
			t.Errorf("%s: it works with the keys of %s, want those of %s", name, got, tc.keys)
		}
		got := s.rights("data aws_iam_policy_document console", "")
		for action, on := range map[string][]string{"logs:CreateLogStream": {"arn:log:ferry-console:*"}, "logs:PutLogEvents": {"arn:log:ferry-console:*"}} {
			if !slices.Equal(got[action], on) {
				t.Errorf("%s: it may do %s on %q, want on %q", name, action, got[action], on)
			}
			delete(got, action)
		}
		if !maps.EqualFunc(got, tc.rights, slices.Equal) {
			t.Errorf("%s: it may do %v, want %v", name, got, tc.rights)
		}
	}

	s := readAWS(t)
	for name, b := range s.blocks {
		if b.Type == "resource" && b.Labels[1] == "console" {
			if n, _ := s.at(name, "", "count").AsBigFloat().Int64(); n != 0 {
				t.Errorf("%s is made where nobody asks for a console", name)
			}
		}
	}
	if how := s.at("resource aws_lambda_function_url console", "", "authorization_type").AsString(); how != "NONE" {
		t.Errorf("its URL asks for %s, want NONE: browsers sign nothing", how)
	}
	if !s.at("resource aws_lambda_permission console", "", "invoked_via_function_url").True() {
		t.Error("anybody may invoke it with an event of his own")
	}
}

// TestTheFunctionsThatNoQueueFeedsAreAtAWS: each starts with its environment, has no right
// beyond its work, and who may reach it does.
func TestTheFunctionsThatNoQueueFeedsAreAtAWS(t *testing.T) {
	s := readAWS(t)
	all := []string{"arn:queue:ferry-copy", "arn:queue:ferry-delete", "arn:queue:ferry-list", "arn:queue:ferry-verify"}
	logs := func(name string) []string { return []string{"arn:log:ferry-" + name + ":*"} }
	copies := []string{"arn:queue:ferry-copy"}
	for name, want := range map[string]map[string][]string{
		"notify": {"sqs:SendMessage": copies},
		"pull": {
			"sqs:SendMessage": all, "sqs:ReceiveMessage": copies, "sqs:DeleteMessage": copies, "sqs:ChangeMessageVisibility": copies, "sqs:GetQueueAttributes": copies,
		},
	} {
		want["logs:CreateLogStream"], want["logs:PutLogEvents"] = logs(name), logs(name)
		if got := s.rights("data aws_iam_policy_document direct", name); !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s may do %v, want %v", name, got, want)
		}
		const function = "resource aws_lambda_function direct"
		if got := s.at(function, name, "filename").AsString(); got != "./../../.package/lambda/"+name+".zip" {
			t.Errorf("%s is of %s, want its own package", name, got)
		}
		env, read := s.at(function, name, "environment", "variables").AsValueMap(), map[string]bool{}
		if _, err := app.Load(func(key string) string {
			read[key] = true
			if v, ok := env[key]; ok {
				return v.AsString()
			}
			return map[string]string{"AWS_ACCESS_KEY_ID": "role", "AWS_SECRET_ACCESS_KEY": "role"}[key]
		}).Deploy(nil); err != nil {
			t.Errorf("%s does not start with this environment: %v", name, err)
		}
		for key := range env {
			if !read[key] {
				t.Errorf("%s sets %s, which no code reads", name, key)
			}
		}
	}
	if !s.at("resource aws_lambda_permission invoke", "notify", "invoked_via_function_url").True() {
		t.Error("anybody may invoke notify, want through its address alone")
	}
	if may := s.rights("data aws_iam_policy_document invoke", ""); !slices.Contains(may["lambda:InvokeFunction"], "arn:function:ferry-pull") {
		t.Errorf("the scheduler may invoke %v, want pull among them", may)
	}
}

// TestTheEnvironmentOfAWSIsForAShell, which evaluates it.
func TestTheEnvironmentOfAWSIsForAShell(t *testing.T) {
	s := readAWS(t)
	env := map[string]string{}
	for _, m := range export.FindAllStringSubmatch(s.at("output environment", "", "value").AsString(), -1) {
		env[m[1]] = m[2]
	}
	if env["FERRY_LEDGER"] != "oss://my-ledger/.ferry/?region=eu-central-1" || env["FERRY_QUEUES"] != "sqs://123456789012/ferry-?region=eu-central-1" {
		t.Errorf("it exports %v", env)
	}
}

func TestASchedulesInputIsATimersEvent(t *testing.T) {
	s := readAWS(t)
	schedules := s.scope.Variables["var"].AsValueMap()
	schedules["schedules"] = cty.ObjectVal(map[string]cty.Value{"photos": cty.ObjectVal(map[string]cty.Value{"expression": cty.StringVal("rate(6 hours)"), "timezone": cty.StringVal("UTC")})})
	s.scope.Variables["var"] = cty.ObjectVal(schedules)
	for block, want := range map[string]struct{ function, payload string }{
		"resource aws_scheduler_schedule sweep": {"arn:function:ferry-verify", "sweep"},
		"resource aws_scheduler_schedule job":   {"arn:function:ferry-list", "photos"},
		"resource aws_scheduler_schedule pull":  {"arn:function:ferry-pull", "copy"},
	} {
		each := "photos"
		if want.payload == "copy" {
			each = "pull"
		}
		var event struct{ TriggerTime, TriggerName, Payload string }
		err := json.Unmarshal([]byte(s.at(block, each, "target", "input").AsString()), &event)
		if err != nil || event.TriggerTime != "<aws.scheduler.scheduled-time>" || event.TriggerName == "" || event.Payload != want.payload {
			t.Errorf("%s: %+v, %v, want a timer's event for %s at the scheduled time", block, event, err, want.payload)
		}
		if got := s.at(block, each, "target", "arn").AsString(); got != want.function {
			t.Errorf("%s: invokes %s, want %s", block, got, want.function)
		}
	}
}

func TestThePackagesForLambdaHoldABootstrap(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash here")
	}
	dir := t.TempDir()
	pack := exec.CommandContext(t.Context(), "bash", "../scripts/package.sh", "--lambda", dir)
	pack.Env = append(os.Environ(), "GOARCH=amd64") // which the other packages are built for, too
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("package.sh --lambda: %v\n%s", err, out)
	}
	for _, stage := range task.Stages {
		z, err := zip.OpenReader(filepath.Join(dir, string(stage)+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		if len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode().Perm() != 0o755 || z.File[0].UncompressedSize64 > maxBinary {
			t.Errorf("%s.zip holds %d files, want one executable named bootstrap of at most %d bytes", stage, len(z.File), maxBinary)
		}
		_ = z.Close()
	}
}

func TestAlarmsAtAWSWatchDeadLettersAgeAndFailures(t *testing.T) {
	s := readAWS(t)
	seen := map[string]bool{}
	for name, b := range s.blocks {
		if len(b.Labels) > 0 && b.Labels[0] == "aws_cloudwatch_metric_alarm" {
			attributes := b.Body.Attributes
			seen[s.value(attributes["namespace"].Expr, s.scope).AsString()+" "+s.value(attributes["metric_name"].Expr, s.scope).AsString()] = true
			if attributes["alarm_actions"] == nil || attributes["alarm_description"] == nil {
				t.Errorf("%s tells nobody, or does not say what to do", name)
			}
		}
	}
	// SQS's count of sent messages leaves out those that redrive moved.
	for _, want := range []string{"AWS/SQS NumberOfMessagesReceived", "AWS/SQS ApproximateAgeOfOldestMessage", "AWS/Lambda Errors"} {
		if !seen[want] {
			t.Errorf("no alarm on %s, only on %v", want, seen)
		}
	}
}
