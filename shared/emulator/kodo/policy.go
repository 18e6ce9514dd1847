package kodo

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// policy is what an upload token allows (Kodo, "put policy"). Processing is not
// part of this stand-in: a token that asks for it is refused.
type policy struct {
	Scope            string `json:"scope"`
	IsPrefixalScope  int    `json:"isPrefixalScope"`
	Deadline         int64  `json:"deadline"` // Unix seconds
	InsertOnly       int    `json:"insertOnly"`
	EndUser          string `json:"endUser"`
	ReturnBody       string `json:"returnBody"`
	ReturnURL        string `json:"returnUrl"`
	CallbackURL      string `json:"callbackUrl"`
	CallbackHost     string `json:"callbackHost"`
	CallbackBody     string `json:"callbackBody"`
	CallbackBodyType string `json:"callbackBodyType"`
	DetectMime       int    `json:"detectMime"`
	SaveKey          string `json:"saveKey"`
	ForceSaveKey     bool   `json:"forceSaveKey"`
	FsizeMin         int64  `json:"fsizeMin"`
	FsizeLimit       int64  `json:"fsizeLimit"`
	MimeLimit        string `json:"mimeLimit"`
	FileType         int    `json:"fileType"`
	DeleteAfterDays  int64  `json:"deleteAfterDays"`

	// What would make another object of it, or ask a server for its key.
	PersistentOps      string `json:"persistentOps"`
	PersistentWorkflow string `json:"persistentWorkflowTemplateID"`
	Transform          string `json:"transform"`
	CallbackFetchKey   int    `json:"callbackFetchKey"`

	bucket string
	key    string // of the scope
	keyed  bool   // the scope names a key, or a prefix
}

// uploadToken verifies the token of an upload, <access key>:<signature>:<policy>;
// a token of a sub-account has two fields more in front.
func (s *Server) uploadToken(token string) (policy, *refusal) {
	fields := strings.Split(token, ":")
	if len(fields) == 5 && fields[0] == "" {
		fields = fields[2:]
	}
	if len(fields) != 3 || !s.signed(fields[0]+":"+fields[1], fields[2]) {
		return policy{}, errToken
	}
	raw, err := base64.URLEncoding.DecodeString(fields[2])
	var p policy
	if err != nil || json.Unmarshal(raw, &p) != nil {
		return policy{}, errToken
	}
	p.bucket, p.key, p.keyed = strings.Cut(p.Scope, ":")
	switch {
	case p.bucket == "":
		return policy{}, &refusal{http.StatusBadRequest, "invalid scope"}
	case s.cfg.Now().Unix() >= p.Deadline:
		return policy{}, errExpired
	case s.bucket(p.bucket) == nil:
		return policy{}, errNoBucket
	case p.PersistentOps != "" || p.PersistentWorkflow != "" || p.Transform != "" || p.CallbackFetchKey != 0:
		return policy{}, errNotDone
	}
	return p, nil
}

// headerToken is uploadToken of the Authorization header.
func (s *Server) headerToken(r *http.Request) (policy, *refusal) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "UpToken ")
	if !ok {
		return policy{}, &refusal{http.StatusUnauthorized, "token not specified"}
	}
	return s.uploadToken(token)
}

// allows refuses a key outside of the scope.
func (p policy) allows(key string) *refusal {
	if !p.keyed || key == p.key || p.IsPrefixalScope != 0 && strings.HasPrefix(key, p.key) {
		return nil
	}
	return errScope
}

// allowsContent refuses sizes and types that the policy excludes.
func (p policy) allowsContent(size int64, mime string) *refusal {
	switch {
	case p.FsizeLimit > 0 && size > p.FsizeLimit:
		return &refusal{http.StatusRequestEntityTooLarge, "exceed FsizeLimit"}
	case size < p.FsizeMin:
		return &refusal{http.StatusForbidden, "less than FsizeMin"}
	case p.MimeLimit == "":
		return nil
	}
	list, deny := strings.CutPrefix(p.MimeLimit, "!")
	listed := false
	for want := range strings.SplitSeq(list, ";") {
		group, any := strings.CutSuffix(want, "/*")
		listed = listed || want == mime || any && strings.HasPrefix(mime, group+"/")
	}
	if listed == deny {
		return &refusal{http.StatusForbidden, "limited mimeType: this file type is forbidden to upload"}
	}
	return nil
}
