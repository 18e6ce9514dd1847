//go:build unix

package fc_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kodoferry/shared/emulator/fc"
	"kodoferry/shared/emulator/fc/testdata/behave"
	"kodoferry/shared/emulator/journal"
	"kodoferry/shared/fault"
)

func TestAFunctionAnswersItsInvocation(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p})
		got, err := c.Invoke(t.Context(), "f", command(behave.Command{Echo: "hello"}))
		if err != nil || string(got) != `"hello"` {
			t.Errorf("Invoke = %q, %v, want %q", got, err, `"hello"`)
		}
		s := c.Stats()["f"]
		if s.Invocations != 1 || s.ColdStarts != 1 || s.Failures != 0 || len(s.FirstAnswers) != 1 || s.FirstAnswers[0] <= 0 {
			t.Errorf("Stats = %+v, want one invocation, one cold start and when it first answered", s)
		}
	})
}

func TestAWarmInstanceIsUsedAgain(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p})
		first := ask(t, c, behave.Command{})
		for range 20 {
			if again := ask(t, c, behave.Command{}); again.PID != first.PID || again.RequestID == first.RequestID {
				t.Fatalf("the next invocation ran as %s in process %d, want another id than %s and process %d", again.RequestID, again.PID, first.RequestID, first.PID)
			}
		}
		if s := c.Stats()["f"]; s.ColdStarts != 1 || s.MaxInstances != 1 {
			t.Errorf("Stats = %+v, want one cold start", s)
		}
	})
}

func TestAFailedInvocationSaysWhyAsItsPlatformDoes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		do      behave.Command
		timeout time.Duration
		kinds   [2]string // on Function Compute, on Lambda
		message string
		late    bool
		gone    [2]bool
	}{
		"it returned an error": {do: behave.Command{Fail: "no luck"}, kinds: [2]string{fc.Unhandled, "errorString"}, message: "no luck"},
		// Function Compute's SDK answers for a panic and goes on, Lambda's ends the process.
		"it panicked":               {do: behave.Command{Panic: "aaargh"}, kinds: [2]string{fc.Unhandled, "string"}, message: "aaargh"},
		"it exited":                 {do: behave.Command{Exit: 3}, kinds: [2]string{fc.Unhandled, fc.LambdaExited}, message: "exit status 3", gone: [2]bool{true, true}},
		"it took too long":          {do: behave.Command{Stub: time.Minute}, timeout: 300 * time.Millisecond, kinds: [2]string{fc.TimedOut, fc.LambdaTimedOut}, late: true, gone: [2]bool{true, true}},
		"it answered with too much": {do: behave.Command{Big: 33 << 20}, kinds: [2]string{fc.Unhandled, "ResponseSizeTooLarge"}, message: "larger than 32 MB"},
	} {
		for n, p := range platforms {
			t.Run(name+", "+string(p), func(t *testing.T) {
				t.Parallel()
				var said journal.Journal
				c := one(t, fc.Function{Platform: p, Timeout: tc.timeout, Log: &said})
				_, err := c.Invoke(t.Context(), "f", command(tc.do))
				f := failureOf(t, err)
				if f.Type != tc.kinds[n] || !strings.Contains(f.Message, tc.message) || f.Late != tc.late || f.Gone != tc.gone[n] {
					t.Errorf("the failure is %+v, want type %s, a message with %q, late %v, gone %v", f, tc.kinds[n], tc.message, tc.late, tc.gone[n])
				}
				if !json.Valid(f.Body) || !strings.Contains(string(f.Body), "errorMessage") {
					t.Errorf("the body is %s, want JSON with an errorMessage", f.Body)
				}
				if want := map[bool]fault.Kind{true: fault.Temporary, false: fault.Unknown}[f.Gone]; fault.KindOf(err) != want {
					t.Errorf("KindOf(%v) = %s, want %s", err, fault.KindOf(err), want)
				}
				if tc.do.Exit != 0 && !strings.Contains(said.String(), "about to exit\n") {
					t.Errorf("the log is %q, want what the function printed before it exited", said.String())
				}
				if got, err := c.Invoke(t.Context(), "f", command(behave.Command{Echo: "back"})); err != nil || string(got) != `"back"` {
					t.Errorf("the invocation after it = %q, %v, want %q", got, err, `"back"`)
				}
				if s := c.Stats()["f"]; s.Failures != 1 || (s.Timeouts == 1) != tc.late {
					t.Errorf("Stats = %+v, want one failure, a timeout: %v", s, tc.late)
				}
			})
		}
	}
}

func TestATimeoutTakesTheWholeInstanceWithIt(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Concurrency: 2, MaxInstances: 1, Timeout: 2 * time.Second})
	pid := ask(t, c, behave.Command{}).PID
	late := make(chan error)
	go func() {
		_, err := tryAsk(c, behave.Command{Stub: time.Minute})
		late <- err
	}()
	time.Sleep(time.Second) // so that the other has time left when this one has none
	_, err := tryAsk(c, behave.Command{Stub: time.Minute})
	if f := failureOf(t, err); f.Late || !f.Gone || f.Type != fc.Unhandled {
		t.Errorf("the other invocation failed with %+v, want %s because its instance is gone", f, fc.Unhandled)
	}
	if f := failureOf(t, <-late); !f.Late {
		t.Errorf("the late invocation failed with %+v, want its timeout", f)
	}
	eventually(t, "the late process is gone", func() bool { return !alive(pid) })
	if s := c.Stats()["f"]; s.Timeouts != 1 || s.Failures != 2 || s.Instances != 0 {
		t.Errorf("Stats = %+v, want one timeout, two failures, no instance", s)
	}
}

func TestAFunctionIsToldItsDeadline(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p, Timeout: 20 * time.Second})
		if r := ask(t, c, behave.Command{}); r.Deadline < 15*time.Second || r.Deadline > 20*time.Second {
			t.Errorf("the function has %v left, want a little under 20s", r.Deadline)
		}
	})
}

func TestAnInstancesEnvironmentIsItsPlatformsAlone(t *testing.T) {
	t.Setenv("FERRY_LEAK", "of this process")
	for _, p := range platforms {
		t.Run(string(p), func(t *testing.T) {
			c := one(t, fc.Function{Platform: p, Memory: 1024, Env: map[string]string{"FERRY_MINE": "yes"}})
			env := ask(t, c, behave.Command{}).Env
			for _, k := range []string{"PATH", "HOME", "TMPDIR", "FERRY_MINE"} {
				if env[k] == "" {
					t.Errorf("%s is not set", k)
				}
				delete(env, k)
			}
			own, want := "FC_", map[string]string{"FC_FUNCTION_NAME": "f", "FC_FUNCTION_MEMORY_SIZE": "1024", "FC_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1000000000000001"}
			if p == fc.Lambda {
				own, want = "AWS_", map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_REGION": "us-east-1"}
			}
			for k, v := range want {
				if env[k] != v {
					t.Errorf("%s = %q, want %q", k, env[k], v)
				}
			}
			for k, v := range env {
				if k != "TZ" && k != "LANG" && k != "_HANDLER" && !strings.HasPrefix(k, own) && !strings.HasPrefix(k, "ALIBABA_CLOUD_") &&
					!strings.HasPrefix(k, "LAMBDA_") && k != "_X_AMZN_TRACE_ID" { // the last is set by Lambda's SDK itself
					t.Errorf("%s=%s is set, want only what the platform sets", k, v)
				}
			}
		})
	}
}

// rotating returns other keys each time.
func rotating() func() fc.Credentials {
	var n atomic.Int32
	return func() fc.Credentials {
		s := string(rune('a' + n.Add(1) - 1))
		return fc.Credentials{AccessKeyID: "id-" + s, AccessKeySecret: "secret-" + s, SecurityToken: "token-" + s}
	}
}

func TestKeysRotateWithEveryInvocationOnFunctionCompute(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Credentials: rotating()})
	first, second := ask(t, c, behave.Command{}), ask(t, c, behave.Command{})
	if want := [3]string{"id-b", "secret-b", "token-b"}; first.Keys != want {
		t.Errorf("the first invocation's keys are %v, want %v", first.Keys, want)
	}
	if want := [3]string{"id-c", "secret-c", "token-c"}; second.Keys != want || second.PID != first.PID {
		t.Errorf("the second's are %v in process %d, want %v in the same process %d", second.Keys, second.PID, want, first.PID)
	}
	if got := second.Env["ALIBABA_CLOUD_ACCESS_KEY_ID"]; got != "id-a" {
		t.Errorf("the environment's key is %s, want id-a, that of the instance's start", got)
	}
}

func TestKeysComeInTheEnvironmentOnLambda(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Platform: fc.Lambda, Credentials: rotating()})
	for range 2 {
		if r := ask(t, c, behave.Command{}); r.Keys != [3]string{"id-a", "secret-a", "token-a"} {
			t.Errorf("the keys are %v, want those of the instance's start", r.Keys)
		}
	}
	_, err := tryAsk(c, behave.Command{Exit: 1})
	_ = failureOf(t, err)
	if r := ask(t, c, behave.Command{}); r.Keys != [3]string{"id-b", "secret-b", "token-b"} {
		t.Errorf("a new instance's keys are %v, want new ones", r.Keys)
	}
}

func TestAnAsynchronousInvocationIsTriedAgain(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p fc.Platform) {
		c := one(t, fc.Function{Platform: p, RetryWait: time.Millisecond})
		id, err := c.Async("f", command(behave.Command{Fail: "again"}))
		if err != nil || id == "" {
			t.Fatalf("Async = %q, %v, want an id", id, err)
		}
		eventually(t, "it is given up", func() bool { return c.Stats()["f"].Dropped == 1 })
		want := map[fc.Platform]int{fc.FC: 3, fc.Lambda: 2}[p]
		if s := c.Stats()["f"]; s.Retries != want || s.Invocations != want+1 {
			t.Errorf("Stats = %+v, want %d retries", s, want)
		}
	})
}

func TestWhatThePlatformsRefuseIsRefused(t *testing.T) {
	t.Parallel()
	good := func() fc.Function {
		return fc.Function{Name: "g", Binary: filepath.Join(binaries, "fc")}
	}
	for name, tc := range map[string]struct {
		change func(*fc.Function)
		says   string
	}{
		"no name":                        {func(f *fc.Function) { f.Name = "" }, "without a name"},
		"no binary":                      {func(f *fc.Function) { f.Binary = "nowhere" }, "not a file"},
		"an unknown platform":            {func(f *fc.Function) { f.Platform = "gcf" }, `want "fc", "custom" or "lambda"`},
		"a timeout of 25 hours":          {func(f *fc.Function) { f.Timeout = 25 * time.Hour }, "up to 24h"},
		"16 minutes on Lambda":           {func(f *fc.Function) { f.Platform, f.Timeout = fc.Lambda, 16*time.Minute }, "up to 15m"},
		"two at a time on Lambda":        {func(f *fc.Function) { f.Platform, f.Concurrency = fc.Lambda, 2 }, "1 to 1"},
		"201 at a time":                  {func(f *fc.Function) { f.Concurrency = 201 }, "1 to 200"},
		"100 MB":                         {func(f *fc.Function) { f.Memory = 100 }, "128 to"},
		"a negative time":                {func(f *fc.Function) { f.Idle = -1 }, "negative"},
		"a variable of the platform's":   {func(f *fc.Function) { f.Env = map[string]string{"FC_REGION": "x"} }, "keeps this name"},
		"a variable of Lambda's":         {func(f *fc.Function) { f.Platform, f.Env = fc.Lambda, map[string]string{"AWS_REGION": "x"} }, "keeps this name"},
		"a variable with a wrong name":   {func(f *fc.Function) { f.Env = map[string]string{"A=B": "x"} }, "letters, digits"},
		"a variable with a NUL":          {func(f *fc.Function) { f.Env = map[string]string{"A": "\x00"} }, "NUL"},
		"5 KB of variables":              {func(f *fc.Function) { f.Env = map[string]string{"A": strings.Repeat("x", 5<<10)} }, "4096"},
		"a name that is taken":           {func(f *fc.Function) { f.Name = "f" }, "of this name"},
		"several mistakes, all are told": {func(f *fc.Function) { f.Memory, f.Concurrency = 100, 201 }, "concurrency 201"},
	} {
		t.Run(name, func(t *testing.T) {
			c := one(t, fc.Function{})
			f := good()
			tc.change(&f)
			if err := c.Deploy(f); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Deploy = %v, want Invalid with %q", err, tc.says)
			}
		})
	}
}

func TestACallThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	c := one(t, fc.Function{Platform: fc.Lambda})
	if _, err := c.Invoke(t.Context(), "nobody", nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Invoke of an unknown function = %v, want NotFound", err)
	}
	if _, err := c.Invoke(t.Context(), "f", make([]byte, 6<<20+1)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Invoke with more than 6 MB = %v, want Invalid", err)
	}
	if _, err := c.Async("f", make([]byte, 256<<10+1)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Async with more than 256 KB = %v, want Invalid", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Invoke(ctx, "f", command(behave.Command{Stub: 300 * time.Millisecond})); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Invoke with a context that ends = %v, want its deadline", err)
	}
	c.Close()
	if _, err := c.Invoke(t.Context(), "f", nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Invoke after Close = %v, want Invalid", err)
	}
}

func TestAProcessThatIsNoFunctionFailsItsInvocation(t *testing.T) {
	t.Parallel()
	c := cloud(t, fc.Config{})
	for name, tc := range map[string]struct {
		binary string
		start  time.Duration
		says   string
	}{
		"it ends at once":         {"/bin/true", time.Minute, "exit status 0"},
		"it asks for nothing":     {"/usr/bin/yes", 100 * time.Millisecond, "no runtime asked"},
		"it is not an executable": {"world_test.go", time.Minute, "could not be started"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.Deploy(fc.Function{Name: name, Binary: tc.binary, Start: tc.start}); err != nil {
				t.Skip(err) // a system without this program
			}
			_, err := c.Invoke(t.Context(), name, nil)
			if f := failureOf(t, err); !f.Gone || !strings.Contains(f.Message, tc.says) {
				t.Errorf("the failure is %+v, want the instance gone and %q", f, tc.says)
			}
		})
	}
}
