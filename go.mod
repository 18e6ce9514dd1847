module kodoferry

go 1.26.0

require (
	github.com/VictoriaMetrics/metrics v1.45.0 // what an agent counts, as Prometheus reads it; brings 2 modules where the official client brings 8
	github.com/aliyun/aliyun-mns-go-sdk v1.0.6 // MNS's own client: requests, answers and signatures of the queues
	github.com/aliyun/aliyun-oss-go-sdk v3.0.2+incompatible // OSS's own client: reads its error documents, and is what our signatures are held against
	github.com/aliyun/fc-runtime-go-sdk v0.3.1 // Function Compute's own loop of the go1 runtime: takes invocations and answers them
	github.com/anishathalye/porcupine v1.3.1 // checks that an order of all that a storm asked and was answered makes every answer right, in tests
	github.com/aws/aws-lambda-go v1.55.1 // the same for AWS Lambda
	github.com/aws/aws-sdk-go-v2 v1.48.0 // the core of AWS's own clients: credentials, signatures, errors
	github.com/aws/aws-sdk-go-v2/service/s3 v1.114.10 // AWS's own S3 client: what our signatures and the S3 stand-in are held against, in tests alone
	github.com/aws/aws-sdk-go-v2/service/sqs v1.52.10 // SQS's own client: requests and answers of the queues
	github.com/aws/smithy-go v1.28.9 // the types of the errors that AWS's clients return
	github.com/bmatcuk/doublestar/v4 v4.10.4 // globs with ** for a job's filter
	github.com/cenkalti/backoff/v5 v5.0.3 // waits between tries, with jitter, that end with their context
	github.com/creack/pty v1.1.24 // a terminal for tests: what a redraw leaves on it; 300 lines, no dependencies
	github.com/dustin/go-humanize v1.1.0 // counts and byte sizes as people write them
	github.com/goccy/go-yaml v1.19.2 // YAML with line numbers: reads job files, and s.yaml in its test
	github.com/gofrs/flock v0.8.1 // a lock between processes: tests of several packages build their binaries once
	github.com/hashicorp/hcl/v2 v2.25.0 // HashiCorp's own reader of Terraform's files, in the tests of infra/
	github.com/klauspost/compress v1.20.4 // gzip in half the standard library's time: every row is packed and unpacked
	github.com/mattn/go-runewidth v0.0.16 // how many columns of a terminal text takes, Chinese keys two each; the bars bring it anyway
	github.com/qiniu/go-sdk/v7 v7.25.6 // Kodo's own client: lists, stats and signs downloads at the source
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // holds s.yaml against the component's schema, in its test
	github.com/spf13/cobra v1.10.2 // the operator's command: subcommands, flags, help and completion
	github.com/spf13/pflag v1.0.9 // cobra's flags: the types of their errors, to word them for a person
	github.com/valyala/fasthttp v1.52.0 // the type of an answer, in the interface of MNS's client
	github.com/vbauerster/mpb/v8 v8.9.3 // progress bars of the command
	github.com/zclconf/go-cty v1.19.0 // the values in those files, in the same tests
	golang.org/x/sync v0.24.0 // errgroup and semaphore: bounded parallel work that stops at the first error
	golang.org/x/sys v0.38.0 // cpu: whether the processor multiplies without carry, as CRC64 is computed by; unix: how wide a terminal is
	golang.org/x/time v0.16.0 // rate: limits of bytes and requests a second
)

require (
	github.com/chromedp/cdproto v0.160.1 // the events and commands of the browser that the console's tests drive
	github.com/chromedp/chromedp v0.23.1 // drives a real browser in the console's tests, and brings 2 modules; go-rod brings 5 and an executable that it unpacks
)

require (
	github.com/BurntSushi/toml v1.3.2 // indirect
	github.com/VividCortex/ewma v1.2.0 // indirect
	github.com/acarl005/stripansi v0.0.0-20180116102854-5a71ef0e047d // indirect
	github.com/agext/levenshtein v1.2.1 // indirect
	github.com/alex-ant/gomath v0.0.0-20160516115720-89013a210a82 // indirect
	github.com/andybalholm/brotli v1.1.0 // indirect
	github.com/apparentlymart/go-textseg/v15 v15.0.0 // indirect
	github.com/apparentlymart/go-textseg/v17 v17.0.1 // indirect
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.27 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.12 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.12 // indirect
	github.com/aws/aws-sdk-go-v2/internal/v4a v1.5.12 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding v1.13.25 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/checksum v1.11.13 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/presigned-url v1.14.12 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/s3shared v1.20.12 // indirect
	github.com/gammazero/toposort v0.1.1 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/gogap/errors v0.0.0-20210818113853-edfbba0ddea9 // indirect
	github.com/gogap/stack v0.0.0-20150131034635-fef68dddd4f8 // indirect
	github.com/google/go-cmp v0.6.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/mitchellh/go-wordwrap v1.0.1 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	golang.org/x/mod v0.29.0 // indirect
	golang.org/x/text v0.31.0 // indirect
	golang.org/x/tools v0.38.0 // indirect
	modernc.org/fileutil v1.0.0 // indirect
)
