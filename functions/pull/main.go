// Command pull is the function that a timer starts and that then receives tasks
// itself and does them, as an agent does, for most of a long invocation.
package main

import "kodoferry/shared/app"

func main() { app.Pull() }
