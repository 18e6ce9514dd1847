package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kodoferry/shared/job"
)

// What people bring from ossutil, rclone, juicefs sync, qshell and the like is answered with
// what Ferry has instead. Words that Ferry has itself stand in neither table.

// commands are those of other tools, several names each, with Ferry's.
var commands = brought{
	"sync synchronize mirror copyto cp migrate transfer clone":                        "ferry copy SRC DST moves what the target does not have yet, each time that it is run; with --delete it also removes what it once copied and the source no longer has",
	"ls list lsd lsf lsl lsjson listbucket listbucket2 tree du size count stat about": "ferry plan SRC DST lists both sides and says how many objects and bytes there are, ferry plan SRC DST --quick in under a minute; ferry why RUN KEY tells of one object",
	"mv move moveto": "Ferry leaves the source as it is: ferry copy SRC DST, and then ferry export RUN --releasable prints the keys that may be deleted there",
	"rm delete del deletefile batchdelete purge rmdir cleanup":           "Ferry deletes nothing at a source; ferry export RUN --releasable prints the keys that may be deleted there, and ferry clean RUN removes what a run left in the ledger",
	"cat get download put upload":                                        "Ferry moves buckets and prefixes, no single objects: ferry copy SRC DST, with --include to choose; ferry why RUN KEY tells of one object",
	"cryptcheck hash hashsum md5 md5sum etag qetag compare cmp":          "ferry diff SRC DST compares both sides, ferry verify RUN --mode read reads every object once more and holds it against its hash",
	"config configure login account setup env":                           "ferry init writes a job file; keys belong in the environment: ferry --help names the variables",
	"history log logs tail ps jobs-list":                                 "ferry runs lists the runs, ferry status RUN tells how one stands, and ferry copy --log FILE writes a log",
	"stop kill abort":                                                    "ferry pause RUN stops the work on a run until ferry resume RUN, ferry cancel RUN ends it for good",
	"run go begin launch":                                                "ferry copy SRC DST moves a bucket from this machine, ferry start SRC DST has a deployment's functions do it",
	"show describe progress info":                                        "ferry status RUN tells how a run stands, ferry watch RUN shows it as it goes on, ferry report RUN what it came to",
	"continue restart":                                                   "ferry copy goes on with a run where it was, by the same command line again; ferry resume RUN lets one go on that was paused",
	"restore thaw":                                                       "ferry copy SRC DST --thaw has archived objects restored, and copies them once they can be read",
	"aws s3 s3api oss ossutil ossutil64 rclone qshell juicefs ossimport": "these are words of another tool; ferry copy SRC DST moves a bucket, ferry --help lists the commands",
	"mb mkbucket mkdir create":                                           "Ferry makes no buckets: make the target in OSS's console, and ferry check SRC DST asks whether all is well with it",
	"serve server daemon web ui dashboard gui":                           "ferry console serves pages that show and manage runs, ferry agent works for a deployment",
	"update upgrade selfupdate":                                          "Ferry does not update itself: build or download the newer one; ferry version tells which this is",
	"test dry-run dryrun preview validate doctor probe":                  "ferry plan SRC DST says what a run would do, cost and take, and writes nothing; ferry check SRC DST asks whether it would work",
}

// flags are those of other tools, several names each, with Ferry's.
var flags = brought{
	"transfers checkers threads workers jobs concurrency routines parallelism thread-count j job p": "--parallel N is how many objects are in flight at the same time; left out, Ferry finds the best number by itself",
	"bwlimit bandwidth-limit limit-bandwidth rate-limit speed-limit limit-speed maxspeed":           "--bandwidth 20MiB/s bounds all processes of the run together, also by the hour",
	"tpslimit qps qps-limit":                                                        "--requests N bounds the requests a second of all processes together",
	"n dry dry-run dryrun test preview":                                             "--dry-run of ferry copy and ferry start, or ferry plan SRC DST, says what would be done and writes nothing",
	"checksum c check-new check-all check-change verify md5":                        "leave it out: every object is proved by its hash anyway; ferry verify RUN --mode read reads all once more",
	"size-only ignore-size ignore-checksum ignore-times exact-timestamps":           "leave it out: equal size or time proves nothing to Ferry; --present accept takes what the target had before as it is",
	"progress P stats show-progress":                                                "leave it out: progress is shown, unless --quiet is given",
	"v vv verbose debug log-level loglevel":                                         "--log FILE writes a log of JSON lines, --log - to standard error",
	"log-file logfile output output-dir":                                            "--log FILE writes a log of JSON lines",
	"q no-progress silent":                                                          "--quiet shows no progress",
	"u update newer":                                                                "--overwrite newer replaces what is older in the target; by default what changed at the source is copied, and what others wrote in the target stays",
	"ignore-existing no-clobber skip-existing existing":                             "--overwrite never replaces nothing that the target has",
	"f force force-update overwrite-all":                                            "--overwrite always replaces whatever the target has",
	"delete-after delete-before delete-during delete-dst delete-excluded del purge": "--delete removes from the target, at the end, what this job once copied and the source no longer has",
	"delete-src delete-source remove-source-files move":                             "Ferry deletes nothing at a source: ferry export RUN --releasable prints the keys that may go",
	"r R recursive a archive all dirs perms links":                                  "leave it out: a prefix is moved with all that is below it and all its attributes",
	"filter filter-from exclude-from include-from":                                  "--include and --exclude take a pattern each, and may be given again; many belong in ferry.yaml",
	"files-from from-file key-file keyfile manifest":                                "--keys FILE names the keys, one a line",
	"max-age min-age start-time end-time since":                                     "--after TIME and --before TIME choose by when an object was uploaded",
	"config config-file conf c-file":                                                "--file FILE names the file of jobs; keys belong in the environment",
	"endpoint endpoint-url region domain src-region dst-region e":                   "it belongs to the place: 'kodo://photos/?region=z0', 'oss://photos-new/?region=cn-hangzhou&endpoint=internal'",
	"insecure no-https no-check-certificate http plain-http":                        "it belongs to the place: 'oss://photos-new/?region=cn-hangzhou&endpoint=HOST&insecure=true' is plain http; certificates are always verified",
	"access-key secret-key access-key-id access-key-secret accesskeyid accesskeysecret ak sk i k token sts-token profile": "keys belong in the environment, where no list of processes shows them: ferry --help names the variables",
	"storage-class class-type s3-storage-class":         "--class CLASS is the storage class of the copies",
	"retries low-level-retries max-retries retry-times": "leave it out: what may succeed later is tried again; limits.attempts of a job in ferry.yaml bounds it",
	"y yes no-prompt": "leave it out: Ferry asks nothing",
	"checkpoint-dir checkpoint resume continue": "leave it out: the ledger keeps where a run is, and the same command goes on with it",
	"acl s3-acl oss-acl":                        "Ferry sets no ACL: copies have that of the target's bucket",
	"list-threads list-depth":                   "--fanout N is how many ranges are listed side by side; left out, listing spreads by itself",
	"multi-thread-streams part-size-mb chunk-size upload-cutoff s3-chunk-size bigfile-threshold": "--part-size SIZE and --parts-above SIZE say which objects go in parts, and of what size",
	"manager worker cluster": "ferry start SRC DST has a deployment's functions do it, ferry agent adds a machine to it",
	"o format":               "--json ends with one line for programs",
}

// brought are answers by the words that they answer, which stand before each with blanks between.
type brought map[string]string

// answer returns the answer to one word, "" where there is none.
func (w brought) answer(one string) string {
	return w.find(func(name string) bool { return name == one })
}

// misspelt is the answer to a word whose letters stand in another order. A word that has others
// is another word: mount is not count, and about not abort.
func (w brought) misspelt(one string) string {
	letters := func(s string) string { return string(slices.Sorted(slices.Values([]byte(s)))) }
	return w.find(func(name string) bool { return len(name) > 3 && letters(name) == letters(one) })
}

func (w brought) find(is func(name string) bool) string {
	for _, names := range slices.Sorted(maps.Keys(w)) {
		if slices.ContainsFunc(strings.Fields(names), is) {
			return w[names]
		}
	}
	return ""
}

// Unknown is the error of a command that c does not have.
func Unknown(c *cobra.Command, name string) error {
	text := fmt.Sprintf("there is no command %q", name)
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	near := job.Meant(name, names...)
	answer := commands.answer(strings.ToLower(name))
	if answer == "" && near == "" {
		answer = commands.misspelt(strings.ToLower(name))
	}
	switch {
	case c.HasParent() && len(names) == 0:
		text += fmt.Sprintf(": %s has no commands below it", c.CommandPath())
	case c.HasParent() && near == "":
		text += fmt.Sprintf(": the commands below %s are %s", c.CommandPath(), strings.Join(names, ", "))
	case c.HasParent() || answer == "":
		text += near
	default:
		return Usage(errors.New(text + ": " + answer))
	}
	return Usage(fmt.Errorf("%s: see %s --help", text, c.CommandPath()))
}

// Flag is the error of a flag that c refuses.
func Flag(c *cobra.Command, err error) error {
	if value, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		err = fmt.Errorf("--%s %q: want %s", value.GetFlag().Name, value.GetValue(), wanted(value.GetFlag().Value.Type()))
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		err = fmt.Errorf("--%s needs a value", missing.GetFlag().Name)
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return Usage(fmt.Errorf("%w: see %s --help", err, c.CommandPath()))
	}
	name, dashes := unknown.GetSpecifiedName(), "--"
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		dashes = "-"
		if c.Flags().Lookup(short) != nil || flags.answer(short) != "" {
			name = short
		}
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	text := fmt.Sprintf("%s has no flag %s%s", c.CommandPath(), dashes, name)
	if answer := flags.answer(name); answer != "" {
		return Usage(errors.New(text + ": " + answer))
	}
	if dashes == "--" {
		text += job.Meant("--"+name, names...)
	}
	if len(name) > 1 && dashes == "-" {
		text += fmt.Sprintf(": flags of more than a letter have two dashes, --%s", name)
	}
	return Usage(fmt.Errorf("%s: see %s --help", text, c.CommandPath()))
}

// wanted says what a flag of that type takes.
func wanted(kind string) string {
	switch kind {
	case "int", "int64":
		return "a whole number"
	case "uint64":
		return "a whole number from 0"
	case "duration":
		return "a duration as 30s or 2h"
	case "bool":
		return "true or false, or no value"
	case "when":
		return "auto, always or never"
	case "language":
		return "en or zh"
	}
	return kind
}
