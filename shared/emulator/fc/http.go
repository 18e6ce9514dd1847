package fc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kodoferry/shared/fault"
)

// HTTP returns a function's HTTP trigger, open to anybody (authType
// anonymous); on Lambda its function URL. A request becomes an event, the
// answer of the function a response.
func (c *Cloud) HTTP(function string) (http.Handler, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.find("fc.HTTP", function)
	if err != nil {
		return nil, err
	}
	return &trigger{c, f}, nil
}

type trigger struct {
	c *Cloud
	f *function
}

func (t *trigger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(standards[t.f.Platform].maxSync)))
	if err != nil {
		t.fail(w, http.StatusRequestEntityTooLarge, "FcCommonError", encode(map[string]string{"ErrorMessage": "the request's body is too large, or broke off"}))
		return
	}
	id := newID()
	w.Header().Set(t.header("Request-Id"), id)
	k := call{id: id}
	if t.f.Platform == Custom {
		k.through = forwardedOf(r, body)
	} else {
		k.event = t.request(r, id, body)
	}
	answer, err := t.c.invoke(r.Context(), t.f.Name, k)
	failure, failed := errors.AsType[*Failure](err)
	switch {
	case err == nil:
		t.respond(w, answer)
	case failed:
		t.fail(w, http.StatusBadGateway, standards[t.f.Platform].unhandled, failure.Body)
	case fault.KindOf(err) == fault.Throttled:
		t.fail(w, http.StatusTooManyRequests, "FcCommonError", encode(map[string]string{"ErrorMessage": err.Error()}))
	case fault.KindOf(err) == fault.Invalid:
		t.fail(w, http.StatusRequestEntityTooLarge, "FcCommonError", encode(map[string]string{"ErrorMessage": err.Error()}))
	default:
		t.fail(w, http.StatusInternalServerError, "FcCommonError", encode(map[string]string{"ErrorMessage": err.Error()}))
	}
}

// header is the name of one of the platform's own headers.
func (t *trigger) header(name string) string {
	if t.f.Platform == Lambda {
		return "X-Amzn-" + name
	}
	return "X-Fc-" + name
}

// fail answers for the platform. A function URL says nothing of what went
// wrong in the function.
func (t *trigger) fail(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	if t.f.Platform == Lambda {
		body = encode(map[string]string{"Message": http.StatusText(status)})
		kind = http.StatusText(status)
	}
	w.Header().Set(t.header("Error-Type"), kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone
}

// request is an HTTP request as an event: of Function Compute
// (fc-runtime-go-sdk, events/http.go), or of a function URL (payload format 2.0).
func (t *trigger) request(r *http.Request, id string, body []byte) []byte {
	now := time.Now().UTC()
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	host, _, _ := strings.Cut(r.Host, ":")
	prefix, _, _ := strings.Cut(host, ".")
	about := map[string]any{
		"accountId": t.f.Account, "domainName": host, "domainPrefix": prefix, "requestId": id,
		"time": now.Format(time.RFC3339), "timeEpoch": strconv.FormatInt(now.UnixMilli(), 10),
		"http": map[string]string{
			"method": r.Method, "path": r.URL.Path, "protocol": r.Proto, "sourceIp": ip, "userAgent": r.UserAgent(),
		},
	}
	event := map[string]any{"rawPath": r.URL.EscapedPath(), "requestContext": about, "isBase64Encoded": !utf8.Valid(body), "body": string(body)}
	if !utf8.Valid(body) {
		event["body"] = base64.StdEncoding.EncodeToString(body)
	}
	query := joined(r.URL.Query())
	if t.f.Platform != Lambda {
		event["version"], event["queryParameters"], event["headers"] = "v1", query, joined(r.Header)
		return encode(event)
	}
	headers := map[string]string{"host": r.Host}
	for k, v := range r.Header {
		if k == "Cookie" { // a function URL tells them apart
			continue
		}
		headers[strings.ToLower(k)] = strings.Join(v, ",")
	}
	if cookies := r.Header.Get("Cookie"); cookies != "" {
		event["cookies"] = strings.Split(cookies, "; ")
	}
	about["timeEpoch"], about["time"], about["apiId"], about["routeKey"], about["stage"] = now.UnixMilli(), now.Format("02/Jan/2006:15:04:05 -0700"), prefix, "$default", "$default"
	event["version"], event["routeKey"], event["rawQueryString"] = "2.0", "$default", r.URL.RawQuery
	event["queryStringParameters"], event["headers"] = query, headers
	return encode(event)
}

func joined(values map[string][]string) map[string]string {
	m := make(map[string]string, len(values))
	for k, v := range values {
		m[k] = strings.Join(v, ",")
	}
	return m
}

// respond makes a response of what a function answered: the response it
// describes, or its answer as the body of a 200.
func (t *trigger) respond(w http.ResponseWriter, answer []byte) {
	var told struct {
		StatusCode      *int              `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Cookies         []string          `json:"cookies"` // of Lambda alone
		IsBase64Encoded bool              `json:"isBase64Encoded"`
		Body            string            `json:"body"`
	}
	if json.Unmarshal(answer, &told) != nil || told.StatusCode == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // the client is gone
		return
	}
	body := []byte(told.Body)
	if told.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(told.Body); err != nil {
			t.fail(w, http.StatusBadGateway, standards[t.f.Platform].unhandled, encode(map[string]string{"errorMessage": "the response's body is not base64, which it says it is"}))
			return
		}
	}
	if *told.StatusCode < 200 || *told.StatusCode > 599 {
		t.fail(w, http.StatusBadGateway, standards[t.f.Platform].unhandled, encode(map[string]string{"errorMessage": "the response's status is not one, want 200 to 599"}))
		return
	}
	for k, v := range told.Headers {
		if t.f.Platform == Lambda && strings.EqualFold(k, "Set-Cookie") { // it wants them in cookies
			continue
		}
		w.Header().Set(k, v)
	}
	if t.f.Platform == Lambda {
		for _, cookie := range told.Cookies {
			w.Header().Add("Set-Cookie", cookie)
		}
	}
	w.WriteHeader(*told.StatusCode)
	_, _ = w.Write(body)
}
