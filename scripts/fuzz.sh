#!/usr/bin/env bash
# Gives every decoder bytes that nobody wrote, one fuzz target after the other, each on
# all cores.
#
#   scripts/fuzz.sh [TIME]    each for TIME (1m), as 30s, 20m or 1h
#
# A line for each target tells how many inputs it had. The end is a list of those that
# failed, with the command that shows each again: go has written the input below the
# package's testdata/fuzz, where it stays as a test once the fault is mended. What the
# targets found worth keeping is in go's cache, and the next run begins with it.
#
# It returns 1 if any failed, and 2 if it was asked for what it does not do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $* == --help || $* == -h ]]; then
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
	exit
fi
if (($# > 1)) || [[ ! ${1-1m} =~ ^[1-9][0-9]{0,5}[smh]$ ]]; then
	echo "scripts/fuzz.sh takes how long each target runs, as 30s or 20m, not \"$*\": --help tells more" >&2
	exit 2
fi
time=${1-1m}
said=$(mktemp)
trap 'rm -f "$said"' EXIT
trap 'exit 130' INT TERM

failed=()
count=0
while IFS=: read -r file name; do
	package=./$(dirname "$file")
	count=$((count + 1))
	began=$SECONDS code=0
	# An input that is new is not made shorter for long: nobody reads it.
	go test "$package" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 2s </dev/null >"$said" 2>&1 || code=$?
	inputs=$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$said" | tail -1)
	if ((code == 0)); then
		printf '%-32s %-30s ok      %5d s %10s inputs\n' "$package" "$name" $((SECONDS - began)) "${inputs:-0}"
		continue
	fi
	printf '%-32s %-30s FAILED  %5d s %10s inputs\n' "$package" "$name" $((SECONDS - began)) "${inputs:-0}"
	sed -n '/^--- FAIL/,/^FAIL/p' "$said" | cut -c1-400 | head -12
	again="go test $package -run '^$' -fuzz '^$name\$' -fuzztime $time"
	if input=$(grep -o "testdata/fuzz/$name/[0-9a-f]*" "$said" | head -1) && [[ -n $input ]]; then
		again="go test $package -run '^$name/$(basename "$input")\$'"
	fi
	failed+=("$again")
done < <(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' shared scripts | sed 's/:func /:/' | LC_ALL=C sort)

if ((${#failed[@]} > 0)); then
	echo "${#failed[@]} of $count targets failed:"
	printf '  %s\n' "${failed[@]}"
	exit 1
fi
echo "$count targets found nothing"
