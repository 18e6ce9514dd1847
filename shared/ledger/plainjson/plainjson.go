// Package plainjson reads and writes JSON as Ferry writes it: without white space, and
// texts without escapes. It is for records of which a run has millions, where
// encoding/json would cost most of a step's processor time; what is not so plain it leaves
// to that. Which members a record has, its caller knows. Start with Writer and Reader.
package plainjson
