package jobform

import (
	"fmt"
	"time"
)

// Cron is a trigger's expression for every so often: hour, day or week, at hh:mm; at half past
// two where that is no time of a day.
func Cron(every, at string) string {
	t, err := time.Parse("15:04", at)
	if err != nil {
		t = time.Date(0, 1, 1, 2, 30, 0, 0, time.UTC)
	}
	switch every {
	case "hour":
		return fmt.Sprintf("0 %d * * * *", t.Minute())
	case "week":
		return fmt.Sprintf("0 %d %d * * 0", t.Minute(), t.Hour())
	}
	return fmt.Sprintf("0 %d %d * * *", t.Minute(), t.Hour())
}
