package job

import (
	"fmt"

	"kodoferry/shared/job/near"
)

// Meant returns a hint at the word that s was probably to be, for a sentence: " (did you
// mean copy?)", "" where none is near.
func Meant(s string, words ...string) string {
	if word := near.Word(s, words...); word != "" {
		return fmt.Sprintf(" (did you mean %s?)", word)
	}
	return ""
}
