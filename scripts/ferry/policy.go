package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kodoferry/scripts/ferry/cli"
	"kodoferry/scripts/ferry/jobs"
	"kodoferry/scripts/ferry/show"
	"kodoferry/shared/fault"
	"kodoferry/shared/job"
	"kodoferry/shared/rights"
)

// policyOptions are the flags of `ferry policy`.
type policyOptions struct {
	jobs.Flags
	queues, logs, role string
	json               bool
}

func policyCommand() *cobra.Command {
	var o policyOptions
	c := &cobra.Command{
		Use:   "policy {SRC DST | NAME}",
		Short: "Print the least rights that a job needs",
		Long: `Policy prints RAM policies with the rights that a job needs and no others, and
what the key pair at Kodo needs. It asks nobody and changes nothing.

Without queues it prints one policy, of the key that ferry copy runs under. With
--queues or FERRY_QUEUES it prints one for each role of that deployment, and
that of whoever starts runs. infra/alicloud grants its roles the same.

In these policies only copying writes data, only the delete stage deletes, and
only verify writes what proves. Names of keys can be listed in the whole of a
bucket; what is in them can be read and written below the job's prefixes alone.`,
		Example: `  ferry policy 'kodo://photos/?region=z0' 'oss://photos-new/?region=cn-hangzhou'
  ferry policy photos --queues 'mns://1234567890123456/ferry-?region=cn-hangzhou'
  ferry policy photos --role copy > copy.json
  aliyun ram CreatePolicy --PolicyName ferry-copy --PolicyDocument "$(cat copy.json)"`,
		Args: jobs.Places,
		RunE: func(c *cobra.Command, args []string) error {
			p, err := o.policies(args)
			if err != nil {
				return cli.Usage(err)
			}
			return o.print(p, c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.File, "file", jobs.DefaultFile, "the file that has the job NAME; infra/ferry.example.yaml shows all that can stand in one")
	f.StringVar(&o.Ledger, "ledger", os.Getenv("FERRY_LEDGER"), "where runs are kept: oss://bucket/prefix/?region=… (default: FERRY_LEDGER, else .ferry/ in the target's bucket)")
	f.StringVar(&o.queues, "queues", os.Getenv("FERRY_QUEUES"), "the deployment's queues: mns://account/prefix?region=… (default: FERRY_QUEUES, else there is no deployment)")
	f.StringVar(&o.logs, "logs", "", "the functions' log store: `PROJECT/STORE`; left out, their roles get no right to log")
	f.StringVar(&o.role, "role", "", "print the document of one `ROLE` alone: "+strings.Join(roleNames(), ", "))
	f.BoolVar(&o.json, "json", false, "print one document of JSON")
	return c
}

// roleNames are those that --role takes.
func roleNames() (names []string) {
	for _, r := range rights.Roles() {
		names = append(names, string(r))
	}
	return names
}

// policies returns what the job needs. Its error names every mistake.
func (o *policyOptions) policies(args []string) (rights.Policies, error) {
	var j job.Job
	var err error
	if len(args) == 2 {
		j, err = job.New(args[0], args[1], o.Ledger)
	} else {
		j, err = o.Named(args[0], false)
	}
	var queues job.Location
	if o.queues != "" {
		var qerr error
		if queues, qerr = job.ParseLocation(o.queues); qerr != nil {
			err = errors.Join(err, fmt.Errorf("--queues or FERRY_QUEUES: %s", fault.Sentence(qerr)))
		}
	}
	if project, store, ok := strings.Cut(o.logs, "/"); o.logs != "" && (!ok || project == "" || store == "") {
		err = errors.Join(err, fmt.Errorf("--logs %q: write the project and the store, as in ferry-logs/functions", o.logs))
	}
	if o.role != "" && !slices.Contains(rights.Roles(), rights.Role(o.role)) {
		err = errors.Join(err, fmt.Errorf("--role %q: want one of %s", o.role, strings.Join(roleNames(), ", ")))
	}
	if err != nil {
		return rights.Policies{}, err
	}
	return rights.OfJob(j, queues, o.logs)
}

func (o *policyOptions) print(p rights.Policies, out io.Writer) error {
	if o.role != "" {
		return printPolicy(p, rights.Role(o.role), out)
	}
	if o.json {
		return json.NewEncoder(out).Encode(p)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s\n%s\n", p.Source, p.Target, show.Sentence("policy.kept", p.Ledger))
	for _, g := range p.Grants {
		document, err := p.Document(g.Role)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", g.Role, show.Translated(g.For), document)
	}
	if p.Kodo != nil {
		document, err := p.Document(rights.AtKodo)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", rights.AtKodo, show.Sentence("policy.kodo"), document)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// printPolicy prints one role's document and nothing else, as its cloud takes it.
func printPolicy(p rights.Policies, role rights.Role, out io.Writer) error {
	document, err := p.Document(role)
	switch {
	case err != nil:
		return err
	case document != nil:
		_, err = fmt.Fprintf(out, "%s\n", document)
		return err
	case role == rights.AtKodo:
		return cli.Usage(fmt.Errorf("--role %s: the source %s is not at Kodo", role, p.Source))
	case role == rights.Here:
		return cli.Usage(fmt.Errorf("--role %s is of ferry copy, without a deployment: leave --queues out and unset FERRY_QUEUES", role))
	}
	return cli.Usage(fmt.Errorf("--role %s is a deployment's: name its queues by --queues or FERRY_QUEUES", role))
}
