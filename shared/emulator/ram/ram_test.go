package ram_test

import (
	"slices"
	"strings"
	"testing"

	"kodoferry/shared/emulator/ram"
)

func parse(t *testing.T, statements string) *ram.Policy {
	t.Helper()
	p, err := ram.Parse([]byte(`{"Version": "1", "Statement": [` + statements + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPolicyAllowsWhatItSaysAndNothingElse(t *testing.T) {
	read := `{"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["acs:oss:*:*:photos/2019/*"]}`
	listing := `{"Effect": "Allow", "Action": "oss:ListObjects", "Resource": "acs:oss:*:*:photos", "Condition": {"StringLike": {"oss:Prefix": ["2019/*"]}}}`
	for name, tc := range map[string]struct {
		statements, action, resource, prefix string
		want                                 bool
	}{
		"the action on the resource":                 {read, "oss:GetObject", "acs:oss:cn-hangzhou:1:photos/2019/a/b.jpg", "", true},
		"an action in other case":                    {read, "oss:getobject", "acs:oss:cn-hangzhou:1:photos/2019/a", "", true},
		"another action":                             {read, "oss:PutObject", "acs:oss:cn-hangzhou:1:photos/2019/a", "", false},
		"another key":                                {read, "oss:GetObject", "acs:oss:cn-hangzhou:1:photos/2020/a", "", false},
		"a resource in other case":                   {read, "oss:GetObject", "acs:oss:cn-hangzhou:1:Photos/2019/a", "", false},
		"a bucket whose name only begins alike":      {read, "oss:GetObject", "acs:oss:cn-hangzhou:1:photos-new/2019/a", "", false},
		"a listing below the prefix":                 {listing, "oss:ListObjects", "acs:oss:cn-hangzhou:1:photos", "2019/01/", true},
		"a listing of all":                           {listing, "oss:ListObjects", "acs:oss:cn-hangzhou:1:photos", "", false},
		"a question mark is one character":           {`{"Effect": "Allow", "Action": "oss:Get?bject", "Resource": "*"}`, "oss:GetObject", "acs:oss:a:1:b", "", true},
		"a star in the middle goes back":             {`{"Effect": "Allow", "Action": "*", "Resource": "acs:oss:*:*:b/*/sent/*"}`, "oss:GetObject", "acs:oss:a:1:b/x/sent/y/sent/", "", true},
		"a Deny wins over an Allow, before or after": {read + `, {"Effect": "Deny", "Action": "oss:*", "Resource": "acs:oss:*:*:photos/2019/secret*"}`, "oss:GetObject", "acs:oss:a:1:photos/2019/secret", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, tc.statements)
			r := ram.Request{Action: tc.action, Resource: tc.resource, Condition: map[string]string{"oss:Prefix": tc.prefix}}
			if got := p.Allows(r); got != tc.want || (len(p.Denied()) == 0) != tc.want {
				t.Errorf("allowed %v, denied %q, want %v", got, p.Denied(), tc.want)
			}
		})
	}
}

func TestWhatAllowedNothingIsNamed(t *testing.T) {
	p := parse(t, `{"Effect": "Allow", "Action": ["oss:GetObject", "oss:PutObject"], "Resource": "acs:oss:*:*:a/*"}, {"Effect": "Allow", "Action": "oss:GetObject", "Resource": "acs:oss:*:*:b/*"}`)
	p.Allows(ram.Request{Action: "oss:GetObject", Resource: "acs:oss:r:1:a/k"})
	if got, want := p.Unused(), []string{"1 oss:PutObject", "2 oss:GetObject"}; !slices.Equal(got, want) {
		t.Errorf("unused %q, want %q", got, want)
	}
	if (*ram.Policy)(nil).Allows(ram.Request{Action: "oss:PutObject"}) != true {
		t.Error("the account itself is denied, want everything allowed")
	}
}

func TestAPolicyThatIsNotUnderstoodIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ document, want string }{
		"no JSON":              {`{`, "unexpected EOF"},
		"another version":      {`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`, "version"},
		"nothing in it":        {`{"Version": "1", "Statement": []}`, "no statement"},
		"a field it lacks":     {`{"Version": "1", "Statement": [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}]}`, "NotAction"},
		"another effect":       {`{"Version": "1", "Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]}`, "effect"},
		"no resource":          {`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*"}]}`, "resource"},
		"an action of nobody":  {`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "GetObject", "Resource": "*"}]}`, "action"},
		"a resource elsewhere": {`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b"}]}`, "acs:"},
		"a condition it lacks": {`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"acs:SourceIp": "10.0.0.0/8"}}}]}`, "IpAddress"},
		"too long":             {`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "acs:oss:*:*:` + strings.Repeat("b", 6144) + `"}]}`, "RAM takes"},
		"more behind it":       {`{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]} {}`, "follows"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ram.Parse([]byte(tc.document)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}
