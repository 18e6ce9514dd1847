// Command copy is the function that streams a batch of objects from Kodo to OSS.
package main

import (
	"kodoferry/shared/app"
	"kodoferry/shared/task"
)

func main() { app.Function(task.Copying) }
