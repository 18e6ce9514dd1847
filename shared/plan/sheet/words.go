package sheet

import (
	"strconv"

	"kodoferry/shared/console/language"
	"kodoferry/shared/plan"
	"kodoferry/shared/plan/forecast"
)

// words are what is said in a language.
type words struct{ lang *language.Language }

// say is a sentence by its name.
func (w words) say(name string, args ...any) string { return w.lang.Say("sheet."+name, args...) }

// tell is a sentence that the plan has in English.
func (w words) tell(text string) string { return w.lang.Tell(text) }

// name is a name of the forecast, such as that of a limit.
func (w words) name(text string) string { return w.lang.Or("sheet.name."+text, w.tell(text)) }

func (w words) fate(fate plan.Fate) string { return w.say("fate." + string(fate)) }

// hours is a number of hours in minutes, hours or days.
func (w words) hours(h float64) string {
	of := func(name string, x float64, digits int) string {
		return w.say(name, strconv.FormatFloat(x, 'f', digits, 64))
	}
	switch {
	case h < 1.0/60:
		return w.say("no_time")
	case h < 1:
		return of("minutes", h*60, 0)
	case h < 10:
		return of("hours", h, 1)
	case h < 72:
		return of("hours", h, 0)
	}
	return of("days", h/24, 1)
}

// each is the price of a unit, with the unit.
func (w words) each(c forecast.Cost) string {
	return strconv.FormatFloat(c.Price, 'f', -1, 64) + " / " + w.lang.Or("sheet.name."+c.Unit, c.Unit)
}

// age is how old prices are.
func (w words) age(days int) string {
	switch {
	case days < 1:
		return w.say("today")
	case days == 1:
		return w.say("yesterday")
	case days > forecast.Old:
		return w.say("long_ago", days)
	}
	return w.say("ago", days)
}
