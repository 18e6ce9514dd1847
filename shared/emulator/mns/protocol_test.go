package mns_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-mns-go-sdk"

	"kodoferry/shared/emulator/chaos"
	"kodoferry/shared/emulator/mns"
)

// refusal is what the service says in an error.
type refusal struct {
	XMLName                          xml.Name `xml:"Error"`
	Code, Message, RequestId, HostId string
}

// ask does one signed request. headers replace those it would carry; "" leaves one out.
func ask(t *testing.T, s *mns.Server, method, resource, body string, headers map[string]string) (int, refusal) {
	t.Helper()
	status, answer := request(t, s, method, resource, body, headers)
	var r refusal
	if status >= 300 {
		if err := xml.Unmarshal(answer, &r); err != nil || r.RequestId == "" || r.HostId == "" || r.Message == "" {
			t.Errorf("refused with %s (%v), want an error with all its fields", answer, err)
		}
	}
	return status, r
}

// request is ask for an answer of any form.
func request(t *testing.T, s *mns.Server, method, resource, body string, headers map[string]string) (int, []byte) {
	t.Helper()
	all := map[string]string{
		sdk.MQ_VERSION: "2015-06-06", sdk.CONTENT_TYPE: "text/xml", sdk.DATE: time.Now().UTC().Format(http.TimeFormat),
	}
	for name, value := range headers {
		all[name] = value
		if value == "" {
			delete(all, name)
		}
	}
	signature, err := sdk.NewAliMNSCredential("secret", "").Signature(sdk.Method(method), all, resource)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.Endpoint()+resource, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range all {
		req.Header.Set(name, value)
	}
	if _, given := headers[sdk.AUTHORIZATION]; !given {
		req.Header.Set(sdk.AUTHORIZATION, "MNS id:"+signature)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Mns-Request-Id") == "" {
		t.Error("the answer has no request id, want one")
	}
	return resp.StatusCode, answer
}

func TestWhatTheProtocolRefuses(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	const messages = "/queues/jobs/messages"
	message := `<Message><MessageBody>x</MessageBody></Message>`
	at := func(d time.Duration) map[string]string {
		return map[string]string{sdk.DATE: time.Now().Add(d).UTC().Format(http.TimeFormat)}
	}
	for name, tc := range map[string]struct {
		method, resource, body string
		headers                map[string]string
		status                 int
		code                   string
	}{
		"nothing to refuse":           {"POST", messages, message, nil, 201, ""},
		"no signature":                {"GET", messages, "", map[string]string{sdk.AUTHORIZATION: ""}, 400, "MissingAuthorizationHeader"},
		"another scheme":              {"GET", messages, "", map[string]string{sdk.AUTHORIZATION: "Basic eDp5"}, 400, "InvalidAuthorizationHeader"},
		"another's signature":         {"GET", messages, "", map[string]string{sdk.AUTHORIZATION: "MNS id:x"}, 403, "SignatureDoesNotMatch"},
		"no version":                  {"GET", messages, "", map[string]string{sdk.MQ_VERSION: ""}, 400, "MissingVersionHeader"},
		"another version":             {"GET", messages, "", map[string]string{sdk.MQ_VERSION: "2014-07-08"}, 400, "InvalidVersionHeader"},
		"no date":                     {"GET", messages, "", map[string]string{sdk.DATE: ""}, 400, "MissingDateHeader"},
		"a date of another form":      {"GET", messages, "", map[string]string{sdk.DATE: "today"}, 400, "InvalidDateHeader"},
		"14 minutes late":             {"POST", messages, message, at(-14 * time.Minute), 201, ""},
		"16 minutes late":             {"GET", messages, "", at(-16 * time.Minute), 408, "TimeExpired"},
		"16 minutes early":            {"GET", messages, "", at(16 * time.Minute), 408, "TimeExpired"},
		"a digest of another body":    {"POST", messages, message, map[string]string{sdk.CONTENT_MD5: "AAAA"}, 400, "InvalidDegist"},
		"a body that is no XML":       {"POST", messages, "<Message>", nil, 400, "MalformedXML"},
		"a type that is not XML's":    {"POST", messages, message, map[string]string{sdk.CONTENT_TYPE: "text/plain"}, 400, "InvalidContentType"},
		"XML of something else":       {"POST", messages, "<Topic/>", nil, 400, "MalformedXML"},
		"no body at all":              {"POST", messages, "", nil, 400, "MalformedXML"},
		"an empty message":            {"POST", messages, "<Message><MessageBody/></Message>", nil, 400, "InvalidArgument"},
		"a priority of 17":            {"POST", messages, "<Message><MessageBody>x</MessageBody><Priority>17</Priority></Message>", nil, 400, "InvalidArgument"},
		"an empty batch":              {"POST", messages, "<Messages/>", nil, 400, "InvalidArgument"},
		"17 messages wanted":          {"GET", messages + "?numOfMessages=17", "", nil, 400, "InvalidArgument"},
		"a wait of 31 s":              {"GET", messages + "?waitseconds=31", "", nil, 400, "InvalidArgument"},
		"a parameter nobody knows":    {"GET", messages + "?wait=3", "", nil, 400, "InvalidQueryString"},
		"a path nobody knows":         {"GET", "/queues/jobs/letters", "", nil, 400, "InvalidRequestURL"},
		"a delete without a receipt":  {"DELETE", messages, "", nil, 400, "MissingReceiptHandle"},
		"a change without a receipt":  {"PUT", messages + "?VisibilityTimeout=5", "", nil, 400, "MissingReceiptHandle"},
		"a change without a time":     {"PUT", messages + "?ReceiptHandle=x", "", nil, 400, "MissingVisibilityTimeout"},
		"a change to 0 s":             {"PUT", messages + "?ReceiptHandle=x&VisibilityTimeout=0", "", nil, 400, "InvalidArgument"},
		"a change in the page's case": {"PUT", messages + "?receiptHandle=x&visibilityTimeout=5", "", nil, 400, "ReceiptHandleError"},
		"17 receipts":                 {"DELETE", messages, "<ReceiptHandles>" + strings.Repeat("<ReceiptHandle>x</ReceiptHandle>", 17) + "</ReceiptHandles>", nil, 400, "InvalidArgument"},
		"a visibility of 13 hours":    {"PUT", "/queues/jobs?metaoverride=true", "<Queue><VisibilityTimeout>46800</VisibilityTimeout></Queue>", nil, 400, "InvalidArgument"},
		"logging that is no boolean":  {"PUT", "/queues/jobs?metaoverride=true", "<Queue><LoggingEnabled>perhaps</LoggingEnabled></Queue>", nil, 400, "InvalidArgument"},
		"a list of 1,001 queues":      {"GET", "/queues", "", map[string]string{"x-mns-ret-number": "1001"}, 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			status, r := ask(t, s, tc.method, tc.resource, tc.body, tc.headers)
			if status != tc.status || r.Code != tc.code {
				t.Errorf("%d %s (%s), want %d %s", status, r.Code, r.Message, tc.status, tc.code)
			}
		})
	}
}

func TestLoggingAndDeadLettersAreSetByRequest(t *testing.T) {
	s := start(t)
	set := `<Queue><LoggingEnabled>True</LoggingEnabled><DlqPolicy><Enabled>true</Enabled><DeadLetterTargetQueue>dead</DeadLetterTargetQueue><MaxReceiveCount>1</MaxReceiveCount></DlqPolicy></Queue>`
	if status, r := ask(t, s, "PUT", "/queues/jobs", set, nil); status != 201 {
		t.Fatalf("create = %d %+v, want 201", status, r)
	}
	if status, r := ask(t, s, "PUT", "/queues/jobs", set, nil); status != 204 {
		t.Errorf("create alike = %d %+v, want 204", status, r)
	}
	if err := s.CreateQueue("dead", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Send("jobs", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeVisibility("jobs", take(t, s, "jobs", 0)[0].Receipt, 0); err != nil {
		t.Fatal(err)
	}
	if again := take(t, s, "jobs", 0); len(again) != 0 {
		t.Errorf("received %+v again, want it among the dead letters", again)
	}
	if d, err := s.Depth("dead"); err != nil || d.Ready != 1 {
		t.Errorf("dead letters: %+v, %v, want one", d, err)
	}
}

func TestFaultsAreAnsweredAsTheServiceWould(t *testing.T) {
	s := start(t)
	if err := s.CreateQueue("jobs", mns.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for rule, want := range map[string]struct {
		status int
		code   string
	}{
		"attributes:throttle:1":   {400, "QpsLimitExceeded"},
		"attributes:status:1":     {500, "InternalError"},
		"attributes:status:1:403": {403, "AccessDenied"},
		"attributes:status:1:503": {503, "ServiceUnavailable"},
		"send:status:1":           {200, ""},
	} {
		r, err := chaos.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		s.Desk().Inject(r)
		if status, r := ask(t, s, "GET", "/queues/jobs", "", nil); status != want.status || r.Code != want.code {
			t.Errorf("%s: %d %s, want %d %s", rule, status, r.Code, want.status, want.code)
		}
	}
	if n := s.Desk().Counts()["attributes"]; n != 5 {
		t.Errorf("%d requests counted, want 5", n)
	}
}
