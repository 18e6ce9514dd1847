package oss

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// policy is what the signer of a form allows.
type policy struct {
	Expiration time.Time
	Conditions []json.RawMessage
}

// admit finds out who signed a form, and holds it against its policy. low and
// high are the sizes the policy allows. A form that nobody signed is like any
// request that nobody signed.
func (c *call) admit(f form) (low, high int64, err error) {
	encoded, given := f.fields["policy"]
	if f.fields["ossaccesskeyid"] == "" && f.fields["x-oss-credential"] == "" {
		return 0, maxObject, c.anonymous(&route{right: anyWriter})
	}
	if !given {
		return 0, 0, refuse(400, "InvalidArgument", "0002-00000702", "Bucket POST must contain a field named 'policy'.").with("ArgumentName", "policy", "ArgumentValue", "")
	}
	if err := c.signedForm(f.fields, encoded); err != nil {
		return 0, 0, err
	}
	var p policy
	doc, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(doc, &p) != nil || p.Expiration.IsZero() {
		return 0, 0, badPolicy("Invalid Policy: Invalid JSON.")
	}
	if !c.s.now().Before(p.Expiration) {
		return 0, 0, accessDenied(unknownEC, "Invalid according to Policy: Policy expired.")
	}
	return c.meetsPolicy(p, f.fields)
}

func badPolicy(message string) *apiError {
	return refuse(400, "InvalidPolicyDocument", unknownEC, message)
}

// signedForm checks the signature over the policy as it came in the form.
func (c *call) signedForm(fields map[string]string, encoded string) error {
	if fields["x-oss-credential"] != "" {
		return c.signedFormV4(fields, encoded)
	}
	signature, given := fields["signature"]
	if signature == "" {
		return noSignature("Signature", given)
	}
	who, err := c.s.credential(fields["ossaccesskeyid"], fields["x-oss-security-token"])
	if err != nil {
		return err
	}
	mac := hmac.New(sha1.New, []byte(who.Secret))
	mac.Write([]byte(encoded))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); !hmac.Equal([]byte(want), []byte(signature)) {
		return c.mismatch(unknownEC, who.ID, signature, encoded, "")
	}
	c.who = who
	return nil
}

// noSignature is for a form without a signature (error page 0002-00000703) or
// with an empty one (-704).
func noSignature(field string, given bool) error {
	ec := "0002-00000703"
	if given {
		ec = "0002-00000704"
	}
	return refuse(400, "InvalidArgument", ec, "Bucket POST must contain a field named '"+field+"'.").with("ArgumentName", field, "ArgumentValue", "")
}

func (c *call) signedFormV4(fields map[string]string, encoded string) error {
	signature, given := fields["x-oss-signature"]
	if signature == "" {
		return noSignature("x-oss-signature", given)
	}
	if v := fields["x-oss-signature-version"]; v != algorithmV4 {
		return refuse(400, "InvalidArgument", "0002-00000066", "x-oss-signature-version is invalid.").with("ArgumentName", "x-oss-signature-version", "ArgumentValue", v)
	}
	scope, err := c.s.parseScope(fields["x-oss-credential"], "x-oss-credential", [2]string{"0002-00000223", unknownEC})
	if err != nil {
		return err
	}
	at, err := time.Parse(layoutV4, fields["x-oss-date"])
	if err != nil || at.Format("20060102") != scope.day {
		return refuse(400, "InvalidArgument", "0002-00000223", "Invalid signing date in x-oss-credential.")
	}
	if at.Sub(c.s.now()) > maxSkew {
		return c.checkSkew(at)
	}
	if end := at.Add(maxExpiresV4 * time.Second); c.s.now().After(end) {
		return c.expired(end)
	}
	who, err := c.s.credential(scope.id, fields["x-oss-security-token"])
	if err != nil {
		return err
	}
	if want := who.signV4(scope.day, c.s.region, []byte(encoded)); !hmac.Equal([]byte(want), []byte(signature)) {
		return c.mismatch(unknownEC, who.ID, signature, encoded, "")
	}
	c.who = who
	return nil
}

// meetsPolicy holds the fields against every condition, which is {"name":
// "value"} or a list that begins with what is to be compared how.
func (c *call) meetsPolicy(p policy, fields map[string]string) (low, high int64, err error) {
	high = maxObject
	for _, raw := range p.Conditions {
		var exact map[string]string
		if json.Unmarshal(raw, &exact) == nil {
			for name, value := range exact {
				if c.field(fields, name) != value {
					return 0, 0, failedCondition(raw)
				}
			}
			continue
		}
		var list []json.RawMessage
		var how string
		if json.Unmarshal(raw, &list) != nil || len(list) != 3 || json.Unmarshal(list[0], &how) != nil {
			return 0, 0, badPolicy("Invalid Policy: Invalid condition.")
		}
		if how == "content-length-range" {
			if json.Unmarshal(list[1], &low) != nil || json.Unmarshal(list[2], &high) != nil {
				return 0, 0, badPolicy("Invalid Policy: Invalid content-length-range.")
			}
			high = min(high, maxObject)
			continue
		}
		ok, known := c.compare(how, list[1], list[2], fields)
		if !known {
			return 0, 0, badPolicy("Invalid Policy: Invalid condition.")
		}
		if !ok {
			return 0, 0, failedCondition(raw)
		}
	}
	return low, high, nil
}

func failedCondition(raw []byte) error {
	return accessDenied(unknownEC, "Invalid according to Policy: Policy Condition failed: "+string(raw))
}

// compare is one of eq, starts-with, in and not-in.
func (c *call) compare(how string, rawName, rawValue json.RawMessage, fields map[string]string) (ok, known bool) {
	var name, value string
	var values []string
	if json.Unmarshal(rawName, &name) != nil {
		return false, false
	}
	got := c.field(fields, strings.TrimPrefix(name, "$"))
	switch how {
	case "eq":
		return json.Unmarshal(rawValue, &value) == nil && got == value, true
	case "starts-with":
		return json.Unmarshal(rawValue, &value) == nil && strings.HasPrefix(got, value), true
	case "in", "not-in":
		if json.Unmarshal(rawValue, &values) != nil {
			return false, false
		}
		for _, v := range values {
			if v == got {
				return how == "in", true
			}
		}
		return how == "not-in", true
	}
	return false, false
}

// field is what a condition looks at.
func (c *call) field(fields map[string]string, name string) string {
	switch name = strings.ToLower(name); name {
	case "bucket":
		return c.bucket
	case "key":
		return c.key
	}
	return fields[name]
}
