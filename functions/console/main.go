// Command console is the function that serves the console: pages over a deployment's ledger.
package main

import (
	"kodoferry/shared/app"
	"kodoferry/shared/console"
)

func main() { app.Pages(console.Open) }
