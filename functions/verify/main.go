// Command verify is the function that proves what was copied and writes the
// report. It also buries dead letters, and on a timer sends again what was lost.
package main

import (
	"kodoferry/shared/app"
	"kodoferry/shared/task"
)

func main() { app.Function(task.Verifying) }
