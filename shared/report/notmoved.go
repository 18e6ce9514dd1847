package report

import "kodoferry/shared/ledger"

// NotMoved is the listed objects that were not moved for one cause, though nothing
// failed.
type NotMoved struct {
	State ledger.State
	Name  ledger.Cause // "" where rows do not say
	Cause string       // in words
	Cure  string       // what to do to have them moved
	ledger.Tally
}

// notMoved has the words of each cause.
var notMoved = map[ledger.Cause]NotMoved{
	ledger.Archived:     {ledger.Skipped, ledger.Archived, "archived at the source and not thawed", "restore (restoreAr, at S3 RestoreObject), and run again once that is done", ledger.Tally{}},
	ledger.Disabled:     {ledger.Skipped, ledger.Disabled, "disabled at the source by the owner", "enable (chstatus), and run again; in a directory these are links, pipes and devices, which are not copied", ledger.Tally{}},
	ledger.LeftNever:    {ledger.Skipped, ledger.LeftNever, "the target has another, which overwrite=never leaves alone", "to have the source's, run again with overwrite=changed, newer or always", ledger.Tally{}},
	ledger.LeftNewer:    {ledger.Skipped, ledger.LeftNewer, "the target's is not older, so overwrite=newer leaves it alone", "to have the source's, run again with overwrite=always", ledger.Tally{}},
	ledger.DeletedThere: {ledger.Skipped, ledger.DeletedThere, "deleted in the target since an earlier run copied it, and deletedInTarget=leave leaves it so", "nothing, if that was meant; else run again with deletedInTarget=copy", ledger.Tally{}},
	ledger.TakenBack:    {ledger.Skipped, ledger.TakenBack, "the job was changed, sealed or removed meanwhile", "nothing, if that was meant; else keep the job again (ferry jobs apply)", ledger.Tally{}},
	ledger.NotThere:     {ledger.Gone, ledger.NotThere, "named in the list of keys, and not at the source", "hold the list against the source: a key is a whole line, as it is", ledger.Tally{}},
	ledger.Vanished:     {ledger.Gone, ledger.Vanished, "deleted at the source before it was copied", "nothing, if that was meant", ledger.Tally{}},
	ledger.VanishedLate: {ledger.Gone, ledger.VanishedLate, "deleted at the source after it was copied; the target keeps it", "nothing; a run that mirrors deletions (--delete) removes it", ledger.Tally{}},
	ledger.Unchosen:     {ledger.Gone, ledger.Unchosen, "overwritten at the source meanwhile, and no longer what the filter chooses", "nothing, if that was meant; else change the filter and run again", ledger.Tally{}},
	ledger.Deleting:     {ledger.Gone, ledger.Deleting, "deleted at the source, and not from the target", "nothing; a job that mirrors deletions (delete: true) removes Ferry's copy", ledger.Tally{}},
}

// Unmoved is what was skipped or is gone, by cause, in the order of ledger.Causes.
// What has no cause, in a report of an older version, is counted by its state.
func (rep Report) Unmoved() []NotMoved {
	var all []NotMoved
	left := map[ledger.State]ledger.Tally{
		ledger.Skipped: {Objects: rep.Objects.Skipped, Bytes: rep.Bytes.Skipped},
		ledger.Gone:    {Objects: rep.Objects.Gone, Bytes: rep.Bytes.Gone},
	}
	for _, c := range ledger.Causes {
		n := notMoved[c]
		if n.Tally = rep.Causes[c]; n.Cause == "" || n.Objects == 0 {
			continue
		}
		all = append(all, n)
		rest := left[n.State]
		rest.Add(-n.Objects, -n.Bytes)
		left[n.State] = rest
	}
	for _, s := range []ledger.State{ledger.Skipped, ledger.Gone} {
		if rest := left[s]; rest.Objects > 0 {
			all = append(all, NotMoved{s, "", "for the reasons that their rows tell", "look at column reason of the report's files", rest})
		}
	}
	return all
}

// Capital is the cause as the beginning of a line.
func (n NotMoved) Capital() string { return sentence(n.Cause) }
