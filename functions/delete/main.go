// Command delete is the function that removes from the target what the source no
// longer has, where a job mirrors deletions.
package main

import (
	"kodoferry/shared/app"
	"kodoferry/shared/task"
)

func main() { app.Function(task.Deleting) }
