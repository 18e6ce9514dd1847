// Command list is the function that lists source and target side by side and
// fills the copy queue with what differs.
package main

import (
	"kodoferry/shared/app"
	"kodoferry/shared/task"
)

func main() { app.Function(task.Listing) }
