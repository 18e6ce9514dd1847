package kodo_test

import (
	"net/url"
	"testing"

	"github.com/qiniu/go-sdk/v7/storage"

	"kodoferry/shared/emulator/kodo"
)

func TestATypeThatIsNotNamedIsDetected(t *testing.T) {
	w := newWorld(t, kodo.Config{})
	const png = "\x89PNG\r\n\x1a\n0000"
	for name, tc := range map[string]struct {
		detect           int
		named, key, body string
		want             string
	}{
		"by the file's name first":       {0, "", "k.css", png, "image/jpeg"}, // photo.one.jpg
		"octets are not named":           {0, "application/octet-stream", "k", png, "image/jpeg"},
		"what is named stays":            {0, "text/x-claim", "k.css", png, "text/x-claim"},
		"by content, whatever is named":  {1, "text/x-claim", "k.css", png, "image/png"},
		"by name, where content is mute": {1, "text/x-claim", "k.css", "\x00\x01", "image/jpeg"},
		"never":                          {-1, "", "k.css", png, "application/octet-stream"},
	} {
		t.Run(name, func(t *testing.T) {
			w.Remove("b", tc.key)
			token := w.token(storage.PutPolicy{Scope: "b", DetectMime: tc.detect})
			if resp, body := w.form(url.Values{"key": {tc.key}, "token": {token}}, tc.body, tc.named); resp.StatusCode != 200 {
				t.Fatalf("upload = %d %s", resp.StatusCode, body)
			}
			if o, _ := w.Get("b", tc.key); o.MimeType != tc.want {
				t.Errorf("type = %q, want %q", o.MimeType, tc.want)
			}
		})
	}
}
