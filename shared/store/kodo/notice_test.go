package kodo_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/qiniu/go-sdk/v7/auth"

	"kodoferry/shared/fault"
	"kodoferry/shared/store/kodo"
)

const notice = `{"Message":"{\"event\":\"put\",\"bucket\":\"photos\",\"key\":\"a\"}","Subject":"Qiniu KODO Notification"}`

// signed is a notification as the vendor's SDK signs it.
func signed(t *testing.T, scheme auth.TokenType, secret, kind, target string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(notice))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Qiniu-Date", "20260101T000000Z")
	if err := auth.New("ak", secret).AddToken(scheme, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOnlyWhatIsSignedWithTheKeysIsTakenForANotification(t *testing.T) {
	const form, plain = "application/x-www-form-urlencoded", "application/json"
	for name, tc := range map[string]struct {
		scheme auth.TokenType
		secret string
		kind   string
		change func(r *http.Request, body *[]byte)
		want   bool
	}{
		"Qiniu, JSON":                   {auth.TokenQiniu, "sk", plain, nil, true},
		"Qiniu, a form":                 {auth.TokenQiniu, "sk", form, nil, true},
		"QBox, JSON":                    {auth.TokenQBox, "sk", plain, nil, true},
		"QBox, a form":                  {auth.TokenQBox, "sk", form, nil, true},
		"another secret":                {auth.TokenQiniu, "another", plain, nil, false},
		"another secret, QBox":          {auth.TokenQBox, "another", form, nil, false},
		"another access key":            {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { tokenOf(r, "Qiniu ak:", "Qiniu al:") }, false},
		"a body that was changed":       {auth.TokenQiniu, "sk", plain, func(_ *http.Request, b *[]byte) { (*b)[20] ^= 1 }, false},
		"a form that was changed, QBox": {auth.TokenQBox, "sk", form, func(_ *http.Request, b *[]byte) { (*b)[20] ^= 1 }, false},
		"another path":                  {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.URL.Path = "/other" }, false},
		"another host":                  {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.Host = "other" }, false},
		"another method":                {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.Method = http.MethodPut }, false},
		"another time":                  {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Qiniu-Date", "20270101T000000Z") }, false},
		"the scheme's name changed":     {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { tokenOf(r, "Qiniu ", "QBox ") }, false},
		"no scheme":                     {auth.TokenQBox, "sk", plain, func(r *http.Request, _ *[]byte) { tokenOf(r, "QBox ", "") }, false},
		"a signature that is cut short": {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) {
			v := r.Header.Get("Authorization")
			r.Header.Set("Authorization", v[:len(v)-1])
		}, false},
		"no signature at all":          {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.Header.Del("Authorization") }, false},
		"a scheme and an empty token":  {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.Header.Set("Authorization", "Qiniu ") }, false},
		"a path that was sent escaped": {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.URL.RawPath = "/a%20b" }, true},
		"a header that is not signed":  {auth.TokenQiniu, "sk", plain, func(r *http.Request, _ *[]byte) { r.Header.Set("X-Other", "1") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed(t, tc.scheme, tc.secret, tc.kind, "http://notify.example.com/a%20b?x=1")
			body := []byte(notice)
			if tc.change != nil {
				tc.change(r, &body)
			}
			before := r.Header.Clone()
			if got := kodo.Signed("ak", "sk", r, body); got != tc.want {
				t.Errorf("Signed = %v, want %v", got, tc.want)
			}
			if fmt.Sprint(before) != fmt.Sprint(r.Header) {
				t.Error("the request's headers were changed")
			}
		})
	}
	if kodo.Signed("", "", signed(t, auth.TokenQiniu, "", "", "http://h/"), []byte(notice)) {
		t.Error("a process without keys takes a notification that is signed with none")
	}
}

func tokenOf(r *http.Request, old, replaced string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replaced, 1))
}

func TestWhatANotificationNamesIsFoundInEveryPlausibleShape(t *testing.T) {
	one := []kodo.Notice{{"photos", "a"}}
	two := []kodo.Notice{{"photos", "a"}, {"photos", "中文/b c"}}
	for name, tc := range map[string]struct {
		body string
		want []kodo.Notice
	}{
		"as documented":               {notice, one},
		"the message as an object":    {`{"Message":{"bucket":"photos","key":"a"}}`, one},
		"the event itself":            {`{"bucket":"photos","key":"a","unknown":{"bucket":"x","key":"y"},"fsize":"many"}`, one},
		"an array":                    {`[{"bucket":"photos","key":"a"},{"bucket":"photos","key":"中文/b c"},{"bucket":"photos","key":"a"}]`, two},
		"events":                      {`{"version":2,"events":[{"bucket":"photos","key":"a"},{"bucket":"photos","key":"中文/b c"}]}`, two},
		"items, of text":              {`{"items":["{\"bucket\":\"photos\",\"key\":\"a\"}","nonsense","{nonsense"]}`, one},
		"a move":                      {`{"Message":"{\"event\":\"move\",\"bucket\":\"photos\",\"key\":\"a\",\"dest_bucket\":\"photos\",\"dest_key\":\"中文/b c\"}"}`, two},
		"a form":                      {`bucket=photos&key=a&fsize=1`, one},
		"a key that is a number":      {`[{"bucket":"photos","key":7},{"bucket":"photos","key":"a"}]`, one},
		"a key with a NUL and quotes": {`{"bucket":"photos","key":"\u0000\"<&>"}`, []kodo.Notice{{"photos", "\x00\"<&>"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := kodo.Notices([]byte(tc.body)); err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("Notices = %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestANotificationThatNamesNoKeyIsInvalid(t *testing.T) {
	var list strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&list, `,{"bucket":"b","key":"%d"}`, i)
	}
	for name, body := range map[string]string{
		"nothing": "", "text": "hello", "null": "null", "a number": "7", "no key": `{"bucket":"photos"}`, "an empty key": `{"bucket":"photos","key":""}`,
		"cut short": `{"bucket":"photos","key":"a"`, "not UTF-8": "{\"bucket\":\"photos\",\"key\":\"\xff\"}", "too many": "[" + list.String()[1:] + "]",
		"too deep": strings.Repeat("[", 50) + `{"bucket":"photos","key":"secret"}` + strings.Repeat("]", 50),
	} {
		got, err := kodo.Notices([]byte(body))
		if fault.KindOf(err) != fault.Invalid || len(got) > 0 || strings.Contains(err.Error(), "photos") {
			t.Errorf("%s: %d notices, %v, want none and an error that repeats nothing of it", name, len(got), err)
		}
	}
}

func TestARuleIsSetOnceAndDropped(t *testing.T) {
	_, b := serve(t)
	rule := kodo.Rule{Name: "ferry_1", Prefix: "2019/", Events: []string{"put", "delete"}, URLs: []string{"http://127.0.0.1:1/"}}
	step := func(what string, want bool, got bool, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", what, got, err, want)
		}
	}
	changed, err := b.SetRule(t.Context(), rule)
	step("a new rule", true, changed, err)
	rule.Events = []string{"delete", "put"}
	changed, err = b.SetRule(t.Context(), rule)
	step("the same rule", false, changed, err)
	rule.Prefix = ""
	changed, err = b.SetRule(t.Context(), rule)
	step("another prefix", true, changed, err)
	if rules, err := b.Rules(t.Context()); err != nil || len(rules) != 1 || rules[0].Prefix != "" || len(rules[0].Events) != 2 {
		t.Errorf("Rules = %+v, %v, want the changed one", rules, err)
	}
	dropped, err := b.DropRule(t.Context(), "ferry_1")
	step("dropped", true, dropped, err)
	dropped, err = b.DropRule(t.Context(), "ferry_1")
	step("dropped again", false, dropped, err)
}
