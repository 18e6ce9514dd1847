package sqs_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/sqs"
)

func take(t *testing.T, s *sqs.Server, queue string) []sqs.Message {
	t.Helper()
	got, err := s.Receive(t.Context(), queue, 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAQueueMisbehavesAsMuchAsItIsTold(t *testing.T) {
	const n = 400
	for name, tc := range map[string]struct {
		bad   sqs.Misbehaviour
		count func(sqs.Injected) int // how many of n
		check func(order []string, different, injected int) bool
	}{
		"duplicate": {sqs.Misbehaviour{Duplicate: 0.2}, func(i sqs.Injected) int { return i.Duplicated }, func(order []string, different, k int) bool {
			return different == n && len(order) == n+k
		}},
		"lose": {sqs.Misbehaviour{Lose: 0.2}, func(i sqs.Injected) int { return i.Lost }, func(order []string, different, k int) bool { return different == n-k }},
		"late": {sqs.Misbehaviour{Late: 0.2, LateBy: time.Hour}, func(i sqs.Injected) int { return i.Late }, func(order []string, different, k int) bool { return different == n-k }},
		"reorder": {sqs.Misbehaviour{Reorder: 0.5}, func(i sqs.Injected) int { return i.Reordered }, func(order []string, different, _ int) bool {
			return different == n && !slices.IsSortedFunc(order, func(a, b string) int {
				x, _ := strconv.Atoi(a)
				y, _ := strconv.Atoi(b)
				return x - y
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			s.Misbehave(tc.bad)
			if err := s.CreateQueue("jobs", sqs.Attributes{Visibility: time.Hour}); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if err := s.Send("jobs", []byte(strconv.Itoa(i)), 0); err != nil {
					t.Fatal(err)
				}
			}
			var order []string
			for batch := take(t, s, "jobs"); len(batch) > 0; batch = take(t, s, "jobs") {
				for _, m := range batch {
					order = append(order, string(m.Body))
				}
			}
			different := len(slices.Compact(slices.Sorted(slices.Values(order))))
			if k := tc.count(s.Injected()); k == 0 || k > 2*n/3 || !tc.check(order, different, k) {
				t.Errorf("%d received, %d different of %d sent, %d injected: not as told", len(order), different, n, k)
			}
		})
	}
}

func TestALongPollGetsWhatIsSentMeanwhile(t *testing.T) {
	s := start(t, nil)
	if err := s.CreateQueue("jobs", sqs.Attributes{}); err != nil {
		t.Fatal(err)
	}
	got := make(chan []sqs.Message)
	go func() {
		m, _ := s.Receive(t.Context(), "jobs", 1, 20*time.Second)
		got <- m
	}()
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if m := <-got; len(m) != 1 {
		t.Errorf("received %+v, want the message", m)
	}
}

// post sends what no client would, or takes away from what one sent.
func post(t *testing.T, s *sqs.Server, target, body string, change func(*http.Request)) (status int, answer, query string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint()+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	change(r)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header.Get("X-Amzn-Query-Error")
}

func TestWhatIsNotSignedRightIsRefused(t *testing.T) {
	s := start(t, nil)
	now := time.Now().UTC().Format("20060102T150405Z")
	credential := "AWS4-HMAC-SHA256 Credential=id/" + now[:8] + "/eu-central-1/sqs/aws4_request, SignedHeaders="
	for name, tc := range map[string]struct {
		authorization, date string
		want                string
	}{
		"nothing":                   {"", now, "MissingAuthenticationToken;Sender"},
		"another scheme":            {"Basic aWQ6c2VjcmV0", now, "IncompleteSignature;Sender"},
		"no date":                   {credential + "host;x-amz-date, Signature=00", "", "IncompleteSignature;Sender"},
		"a host that is not signed": {credential + "x-amz-date, Signature=00", now, "SignatureDoesNotMatch;Sender"},
		"a made-up signature":       {credential + "host;x-amz-date, Signature=00", now, "SignatureDoesNotMatch;Sender"},
		"another region":            {strings.Replace(credential, "eu-central-1", "us-east-1", 1) + "host;x-amz-date, Signature=00", now, "SignatureDoesNotMatch;Sender"},
	} {
		status, answer, query := post(t, s, "AmazonSQS.ListQueues", "{}", func(r *http.Request) {
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			r.Header.Set("X-Amz-Date", tc.date)
		})
		if query != tc.want || status < 400 || !strings.Contains(answer, "__type") {
			t.Errorf("%s: status %d, %s, %s, want %s", name, status, query, answer, tc.want)
		}
	}
}

func TestAnAlteredRequestIsRefused(t *testing.T) {
	s := start(t, nil)
	if err := s.CreateQueue("jobs", sqs.Attributes{}); err != nil {
		t.Fatal(err)
	}
	c := client(s, "id", "secret", "")
	var seen *http.Request
	body := capture(t, c, s, &seen)
	for name, change := range map[string]func(*http.Request, *[]byte){
		"as it was":      func(*http.Request, *[]byte) {},
		"another body":   func(_ *http.Request, b *[]byte) { *b = bytes.Replace(*b, []byte("pay 1"), []byte("pay 9"), 1) },
		"another target": func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Target", "AmazonSQS.PurgeQueue") },
	} {
		r, altered := seen.Clone(t.Context()), bytes.Clone(body)
		change(r, &altered)
		r.Body, r.ContentLength, r.RequestURI = io.NopCloser(bytes.NewReader(altered)), int64(len(altered)), ""
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if want := map[bool]int{true: 200, false: 403}[name == "as it was"]; resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, want)
		}
	}
}

func TestFaultsAreTheServicesOwn(t *testing.T) {
	s := start(t, nil)
	c := client(s, "id", "secret", "")
	url := create(t, c, "jobs", nil)
	for rule, want := range map[string]string{
		"send:throttle:1":   "RequestThrottled",
		"send:status:1:403": "AccessDenied",
		"send:status:1:500": "InternalFailure",
		"send:status:1:503": "ServiceUnavailable",
	} {
		r, err := chaos.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		s.Desk().Inject(r)
		if err := sendOne(t, c, url); code(err) != want {
			t.Errorf("%s: %v, want %s", rule, err, want)
		}
	}
	s.Desk().Inject()
	if err := sendOne(t, c, url); err != nil {
		t.Error(err)
	}
	if n := s.Desk().Counts()["send"]; n != 5 {
		t.Errorf("%d sends counted, want 5", n)
	}
}
