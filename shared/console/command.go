package console

import "kodoferry/shared/console/shell"

// command is a command line that does the same as a page or a button, quoted for a shell.
type command struct {
	Name string // of the sentence that says what it does: command.<name>
	Line string
}

func ferry(name string, words ...string) command {
	return command{Name: name, Line: shell.Quote(append([]string{"ferry"}, words...)...)}
}
