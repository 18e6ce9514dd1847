package emulation

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"kodoferry/scripts/ferry/standins"
	"kodoferry/shared/app"
)

// Description is what `ferry emulate --json` prints.
type Description struct {
	Kodo struct {
		Endpoint  string   `json:"endpoint"`
		Domain    string   `json:"domain"` // of photos, for downloads
		AccessKey string   `json:"access_key"`
		SecretKey string   `json:"secret_key"`
		Buckets   []string `json:"buckets"`
	} `json:"kodo"`
	OSS struct {
		Endpoint        string   `json:"endpoint"`
		AccessKeyID     string   `json:"access_key_id"`
		AccessKeySecret string   `json:"access_key_secret"`
		Region          string   `json:"region"`
		Buckets         []string `json:"buckets"`
	} `json:"oss"`
	MNS struct {
		Endpoint string   `json:"endpoint"`
		Account  string   `json:"account"`
		Region   string   `json:"region"`
		Queues   []string `json:"queues"`
	} `json:"mns"`
	S3 struct { // Kodo's S3-compatible interface, by Kodo's keys
		Endpoint string   `json:"endpoint"`
		Region   string   `json:"region"`
		Buckets  []string `json:"buckets"`
	} `json:"s3"`
	SQS struct {
		Endpoint string   `json:"endpoint"`
		Account  string   `json:"account"`
		Region   string   `json:"region"`
		Queues   []string `json:"queues"`
		Location string   `json:"location"` // what FERRY_QUEUES is to be for its queues, instead of what env says
	} `json:"sqs"`
	Env map[string]string `json:"env"`
}

// Describe returns where everything is.
func (e *Emulation) Describe() Description {
	var d Description
	d.Kodo.Endpoint, d.Kodo.Domain, d.Kodo.AccessKey, d.Kodo.SecretKey = e.kodo.Endpoint(), e.kodo.Domain(standins.Source), AccessKey, SecretKey
	d.Kodo.Buckets = []string{standins.Source}
	d.OSS.Endpoint, d.OSS.AccessKeyID, d.OSS.AccessKeySecret, d.OSS.Region = e.oss.Endpoint(), AccessKey, SecretKey, e.oss.Region()
	d.OSS.Buckets = []string{standins.Target}
	d.MNS.Endpoint, d.MNS.Account, d.MNS.Region = e.mns.Endpoint(), e.mns.Account(), e.mns.Region()
	d.S3.Endpoint, d.S3.Region, d.S3.Buckets = e.kodo.S3Endpoint(), e.kodo.S3Region(), []string{e.s3Name}
	d.SQS.Endpoint, d.SQS.Account, d.SQS.Region, d.SQS.Location = e.sqs.Endpoint(), e.sqs.Account(), e.sqs.Region(), standins.QueuesAt("sqs", e.sqs)
	for _, name := range app.QueueNames {
		d.MNS.Queues = append(d.MNS.Queues, standins.Queues+name)
		d.SQS.Queues = append(d.SQS.Queues, standins.Queues+name)
	}
	d.Env = map[string]string{}
	for _, v := range e.env() {
		d.Env[v[0]] = v[1]
	}
	return d
}

// env lists the variables that lead any process of ferry here, in the order to show them.
func (e *Emulation) env() [][2]string {
	oss := "region=" + e.oss.Region() + "&insecure=true&endpoint=" + url.QueryEscape(e.oss.Endpoint())
	return [][2]string{
		{"QINIU_ACCESS_KEY", AccessKey},
		{"QINIU_SECRET_KEY", SecretKey},
		{"ALIBABA_CLOUD_ACCESS_KEY_ID", AccessKey},
		{"ALIBABA_CLOUD_ACCESS_KEY_SECRET", SecretKey},
		{"ALIBABA_CLOUD_SECURITY_TOKEN", ""},
		{"FERRY_SOURCE", "kodo://" + standins.Source + "/?region=z0&insecure=true&endpoint=" + url.QueryEscape(e.kodo.Endpoint())},
		{"FERRY_TARGET", "oss://" + standins.Target + "/?" + oss},
		{"FERRY_LEDGER", "oss://" + standins.Target + "/" + standins.Ledger + "?" + oss},
		{"FERRY_QUEUES", standins.QueuesAt("mns", e.mns)},
		{"FERRY_S3_SOURCE", "s3://" + e.s3Name + "/?region=" + e.kodo.S3Region() + "&insecure=true&endpoint=" + url.QueryEscape(e.kodo.S3Endpoint())},
		{"AWS_ACCESS_KEY_ID", AccessKey}, // of SQS, and of the S3 interface: what is not at qiniucs.com is not Kodo's
		{"AWS_SECRET_ACCESS_KEY", SecretKey},
		{"AWS_SESSION_TOKEN", ""},
	}
}

// Exports are the lines by which a shell has these variables.
func (e *Emulation) Exports() string {
	var text strings.Builder
	for _, v := range e.env() {
		fmt.Fprintf(&text, "export %s='%s'\n", v[0], v[1])
	}
	fmt.Fprintf(&text, "# with the queues at SQS instead:\n# export FERRY_QUEUES='%s'\n", standins.QueuesAt("sqs", e.sqs))
	return text.String()
}

// Explain returns where everything is, for a person; file has the Exports, where it is not "".
func (e *Emulation) Explain(file string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Kodo  %s  bucket %s, downloads at http://%s\n", e.kodo.Endpoint(), standins.Source, e.kodo.Domain(standins.Source))
	fmt.Fprintf(&text, "S3    %s  the same bucket, there %s, region %s\n", e.kodo.S3Endpoint(), e.s3Name, e.kodo.S3Region())
	fmt.Fprintf(&text, "OSS   %s  bucket %s, region %s\n", e.oss.Endpoint(), standins.Target, e.oss.Region())
	fmt.Fprintf(&text, "MNS   %s  account %s, queues %s…\n", e.mns.Endpoint(), e.mns.Account(), standins.Queues)
	fmt.Fprintf(&text, "SQS   %s  account %s, queues %s…\n\nIn another terminal:\n\n", e.sqs.Endpoint(), e.sqs.Account(), standins.Queues)
	if file != "" {
		fmt.Fprintf(&text, ". %s\n", quoted(file))
	} else {
		text.WriteString(e.Exports())
	}
	fmt.Fprintf(&text, "\nferry copy \"$FERRY_SOURCE\" \"$FERRY_TARGET\"     or from \"$FERRY_S3_SOURCE\"\n\nServing since %s, until Ctrl-C.\n", time.Now().Format("15:04:05 MST"))
	return text.String()
}

// quoted is a word for a shell.
func quoted(word string) string {
	if !strings.Contains(word, "/") { // a shell would look for it elsewhere
		word = "./" + word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
