package job_test

import (
	"math/rand/v2"
	"testing"

	"kodoferry/shared/job"
)

func TestLocationsAreRead(t *testing.T) {
	for name, tc := range map[string]struct {
		raw  string
		want job.Location
	}{
		"every parameter of Kodo": {
			"kodo://photos/2019/?region=z0&domain=img.example.com&endpoint=http://127.0.0.1:9001&insecure=true",
			job.Location{Scheme: "kodo", Bucket: "photos", Prefix: "2019/", Region: "z0", Domain: "img.example.com", Endpoint: "http://127.0.0.1:9001", Insecure: true},
		},
		"inside the cloud":           {"oss://photos-new/?region=cn-hangzhou&endpoint=internal", job.Location{Scheme: "oss", Bucket: "photos-new", Region: "cn-hangzhou", Endpoint: "internal"}},
		"no slash":                   {"kodo://b", job.Location{Scheme: "kodo", Bucket: "b"}},
		"no slash, a parameter":      {"kodo://b?region=z0", job.Location{Scheme: "kodo", Bucket: "b", Region: "z0"}},
		"an old bucket":              {"kodo://My_Old.Bucket/", job.Location{Scheme: "kodo", Bucket: "My_Old.Bucket"}},
		"a prefix with a slash":      {"kodo://b//x", job.Location{Scheme: "kodo", Bucket: "b", Prefix: "/x"}},
		"nothing is cleaned":         {"kodo://b/a//../b/./", job.Location{Scheme: "kodo", Bucket: "b", Prefix: "a//../b/./"}},
		"encoded bytes":              {"kodo://b/%2F%3F%23%25%0A%20+@:", job.Location{Scheme: "kodo", Bucket: "b", Prefix: "/?#%\n +@:"}},
		"another script, unencoded":  {"kodo://b/图片/", job.Location{Scheme: "kodo", Bucket: "b", Prefix: "图片/"}},
		"an address of IPv6":         {"kodo://b/?endpoint=https://[::1]:9001", job.Location{Scheme: "kodo", Bucket: "b", Endpoint: "https://[::1]:9001"}},
		"an endpoint without scheme": {"oss://abc/?region=cn-beijing&endpoint=oss.example.com", job.Location{Scheme: "oss", Bucket: "abc", Region: "cn-beijing", Endpoint: "oss.example.com"}},
		"queues at MNS":              {"mns://1234567890123456/ferry-?region=cn-hangzhou&endpoint=internal", job.Location{Scheme: "mns", Bucket: "1234567890123456", Prefix: "ferry-", Region: "cn-hangzhou", Endpoint: "internal"}},
		"queues at SQS":              {"sqs://123456789012/ferry_?region=eu-central-1", job.Location{Scheme: "sqs", Bucket: "123456789012", Prefix: "ferry_", Region: "eu-central-1"}},
		"a bucket of Kodo's by its S3 name": {
			"s3://photos-s3-name/2019/?region=cn-east-1&endpoint=s3-cn-east-1.qiniucs.com",
			job.Location{Scheme: "s3", Bucket: "photos-s3-name", Prefix: "2019/", Region: "cn-east-1", Endpoint: "s3-cn-east-1.qiniucs.com"},
		},
		"a region of AWS":          {"s3://photos.old/?region=eu-west-1", job.Location{Scheme: "s3", Bucket: "photos.old", Region: "eu-west-1"}},
		"a directory":              {"file:///data/photos", job.Location{Scheme: "file", Bucket: "/data/photos"}},
		"a directory, cleaned":     {"file:///data//./photos/x/../", job.Location{Scheme: "file", Bucket: "/data/photos"}},
		"a directory of odd names": {"file:///a%20b/100%25/x@y:z/中/%3F", job.Location{Scheme: "file", Bucket: "/a b/100%/x@y:z/中/?"}},
		"all directories":          {"file:///", job.Location{Scheme: "file", Bucket: "/"}},
		"a domain over plain http": {"kodo://b/?domain=img.example.com&insecure=1", job.Location{Scheme: "kodo", Bucket: "b", Domain: "img.example.com", Insecure: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := job.ParseLocation(tc.raw)
			if err != nil || got != tc.want {
				t.Fatalf("ParseLocation(%q) = %+v, %v, want %+v", tc.raw, got, err, tc.want)
			}
			if again, err := job.ParseLocation(got.String()); err != nil || again != got {
				t.Errorf("ParseLocation(%q) = %+v, %v, want %+v again", got.String(), again, err, got)
			}
		})
	}
}

func TestBadLocationsAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"nothing":                      {"", "this is no location"},
		"a path":                       {"/tmp/x", "this is no location"},
		"a secret alone":               {"AKIDEXAMPLE:s3cr3t", "this is no location"},
		"another service":              {"gs://bucket/", `unknown service "gs"`},
		"a service of its own name":    {"qiniu://bucket/", `unknown service "qiniu" (did you mean kodo?): write kodo://photos/2019/?region=z0, s3://`},
		"a service of queues":          {"snqs://123456789012/ferry-", `unknown service "snqs" (did you mean sqs?): write mns://1234567890123456/ferry-?region=cn-hangzhou or sqs://`},
		"an address at OSS":            {"https://bucket.oss-cn-hangzhou.aliyuncs.com/2019/", `unknown service "https": write oss://bucket/2019/?region=cn-hangzhou`},
		"an address within a VPC":      {"http://bucket.oss-cn-wuhan-lr-internal.aliyuncs.com", `unknown service "http": write oss://bucket/?region=cn-wuhan-lr`},
		"an address at AWS":            {"https://my.bucket.s3.us-east-1.amazonaws.com", `unknown service "https": write s3://my.bucket/?region=us-east-1`},
		"an address at Kodo's S3":      {"https://bucket.s3-cn-east-1.qiniucs.com/", `unknown service "https": write s3://bucket/?region=cn-east-1`},
		"an address of one's own":      {"https://img.example.com/", `unknown service "https": write kodo://photos/2019/?region=z0, s3://photos/2019/?region=cn-east-1, file:///data/photos or oss://photos-new/2019/?region=cn-hangzhou`},
		"no bucket":                    {"kodo:///x", "the bucket is missing"},
		"credentials":                  {"kodo://AKIDEXAMPLE:s3cr3t@b/", "credentials"},
		"credentials with a slash":     {"kodo://AKIDEXAMPLE:s3/cr3t@b/", "credentials"},
		"a user alone":                 {"oss://s3cr3t@bucket/?region=cn-hangzhou", "credentials"},
		"credentials in the endpoint":  {"kodo://b/?endpoint=https://AKIDEXAMPLE:s3cr3t@h", "the endpoint is no host"},
		"credentials as a parameter":   {"kodo://b/?secret_key=s3cr3t", "looks like a credential"},
		"a secret without a name":      {"kodo://b/?AKIDEXAMPLE:s3cr3t", "unknown parameter"},
		"a misspelt parameter":         {"kodo://b/?domian=x", "did you mean domain?"},
		"a parameter twice":            {"kodo://b/?region=z0&region=z1", "region is given twice"},
		"a parameter without value":    {"kodo://b/?region", "region has no value"},
		"a fragment":                   {"kodo://b/a#b", "write it as %23"},
		"a newline at the end":         {"kodo://b/a\n", "control character"},
		"a space at the end":           {"kodo://b/a ", "space at its end"},
		"a broken escape":              {"kodo://b/100%", "write a % itself as %25"},
		"bytes that are no UTF-8":      {"kodo://b/%ff", "not UTF-8"},
		"a directory elsewhere":        {"file://host/data", "from the root"},
		"a directory from here":        {"file://./data", "from the root"},
		"no directory":                 {"file://", "from the root"},
		"a directory with a region":    {"file:///data?region=z0", "takes no parameters"},
		"a directory of no UTF-8":      {"file:///%ff", "not UTF-8"},
		"a bucket with a slash at end": {"oss://-b-/?region=cn-hangzhou", "no name of an OSS bucket"},
		"OSS without region":           {"oss://bucket/", "region is missing"},
		"a host as region":             {"oss://bucket/?region=oss-cn-hangzhou", "write region=cn-hangzhou"},
		"a region in capitals":         {"oss://bucket/?region=CN", "the region is not"},
		"http by accident":             {"kodo://b/?endpoint=http://h", "add insecure=true"},
		"an endpoint with a path":      {"kodo://b/?endpoint=https://h/x", "the endpoint is no host"},
		"an endpoint's odd port":       {"kodo://b/?endpoint=https://h:70000", "the endpoint is no host"},
		"another protocol":             {"kodo://b/?endpoint=ftp://h", "the endpoint is no host"},
		"insecure, perhaps":            {"kodo://b/?insecure=yes", "neither true nor false"},
		"a domain with a scheme":       {"kodo://b/?domain=https://img.example.com", "the domain is no host"},
		"SQS without region":           {"sqs://123456789012/ferry-", "region=eu-central-1"},
		"an account of another cloud":  {"sqs://1234567890123456/ferry-?region=eu-central-1", "the 12 digits"},
		"queues without a prefix":      {"sqs://123456789012/?region=eu-central-1", "no beginning of the names of queues"},
		"a way that SQS has not":       {"sqs://123456789012/ferry-?region=eu-central-1&endpoint=internal", "endpoint=internal is not for sqs://"},
		"S3 without region":            {"s3://bucket/", "region is missing"},
		"S3 in nobody's region":        {"s3://bucket/?region=moon", "none of Kodo's for S3"},
		"Kodo's own name of a region":  {"s3://bucket/?region=z1", "write region=cn-north-1"},
		"S3's region in capitals":      {"s3://bucket/?region=EU&endpoint=s3.example.com", "the region is not"},
		"internal at S3":               {"s3://bucket/?region=cn-east-1&endpoint=internal", "endpoint=internal is not for s3://"},
		"a domain at S3":               {"s3://bucket/?region=cn-east-1&domain=img.example.com", "domain is for kodo://"},
		"a domain at OSS":              {"oss://bucket/?region=cn-hangzhou&domain=d.example.com", "domain is for kodo://"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := job.ParseLocation(tc.raw)
			wrong(t, err, tc.want)
		})
	}
}

func TestAnS3LocationNamesItsService(t *testing.T) {
	for raw, want := range map[string]struct {
		endpoint string
		kodo     bool
	}{
		"s3://photos/?region=cn-east-1":                                                        {"s3-cn-east-1.qiniucs.com", true},
		"s3://photos/?region=ap-southeast-1":                                                   {"s3-ap-southeast-1.qiniucs.com", true},
		"s3://photos/?region=ap-southeast-1&endpoint=s3.ap-southeast-1.amazonaws.com":          {"s3.ap-southeast-1.amazonaws.com", false},
		"s3://photos/?region=us-west-2":                                                        {"s3.us-west-2.amazonaws.com", false},
		"s3://photos/?region=cn-northwest-1":                                                   {"s3.cn-northwest-1.amazonaws.com.cn", false},
		"s3://photos/?region=moon&endpoint=https://minio.example.com:9000":                     {"https://minio.example.com:9000", false},
		"s3://photos/?region=z1&endpoint=qiniucs.com.example.com":                              {"qiniucs.com.example.com", false},
		"s3://photos/?region=cn-south-1&endpoint=https://photos.s3-cn-south-1.qiniucs.com:443": {"https://photos.s3-cn-south-1.qiniucs.com:443", true},
	} {
		l, err := job.ParseLocation(raw)
		if err != nil || l.S3Endpoint() != want.endpoint || l.AtKodo() != want.kodo {
			t.Errorf("%s: %v, at %s, Kodo's %v, want %+v", raw, err, l.S3Endpoint(), l.AtKodo(), want)
		}
	}
}

func TestEveryPrefixComesBack(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, seed))
	for range 5000 {
		var runes []rune
		for range r.IntN(12) {
			c := rune(r.IntN(0x110000))
			if r.IntN(2) == 0 {
				c = rune(r.IntN(0x80))
			}
			if c < 0xd800 || c > 0xdfff { // surrogates are no characters
				runes = append(runes, c)
			}
		}
		want := job.Location{Scheme: "kodo", Bucket: "b", Prefix: string(runes), Insecure: r.IntN(2) == 0}
		if got, err := job.ParseLocation(want.String()); err != nil || got != want {
			t.Fatalf("seed %d: ParseLocation(%q) = %+v, %v, want %+v", seed, want.String(), got, err, want)
		}
	}
}

func FuzzLocation(f *testing.F) {
	for _, s := range []string{src, dst, "kodo://b//%2f%00?insecure=t&endpoint=http://[::1]:1", "oss://a@b/?x=%zz&&region=a#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		l, err := job.ParseLocation(raw)
		if err != nil {
			wrong(t, err)
			return
		}
		again, err := job.ParseLocation(l.String())
		if err != nil || again != l || again.String() != l.String() {
			t.Errorf("ParseLocation(%q) = %+v, %v, want %+v as from %q", l.String(), again, err, l, raw)
		}
	})
}
