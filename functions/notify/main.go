// Command notify is the function that receives Kodo's event notifications over
// HTTP and puts a task for each key into the copy queue.
package main

import "kodoferry/shared/app"

func main() { app.Notify() }
