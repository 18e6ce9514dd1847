#!/usr/bin/env bash
# Has storms rage over real processes, one after the other, and says of each in a line
# how it ended; those that failed are named again at the end, each with the command that
# shows it again. Their logs stay in the directory that is told.
#
#   scripts/storm.sh --demo [N [LENGTH [SEED]]]   N storms (20) of LENGTH (60s) on each platform:
#                                                 agents, Function Compute and Lambda; their seeds
#                                                 are SEED (1), SEED+1, …
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

number='^[0-9]+$'
if [[ ${1-} != --demo || $# -gt 4 || ! ${2-20} =~ $number || ! ${4-1} =~ $number ]]; then
	echo "usage: scripts/storm.sh --demo [N [LENGTH [SEED]]]" >&2
	exit 2
fi
storms=${2-20} length=${3-60s} first=${4-1}

dir=$(mktemp -d "${TMPDIR:-/tmp}/ferry-storm-XXXXXX")
mkdir "$dir/functions"
go build -o "$dir/ferry" ./scripts/ferry
go build -o "$dir/functions" ./functions/...
echo "logs: $dir"

failed=()
for ((seed = first; seed < first + storms; seed++)); do
	for platform in process fc lambda; do
		storm="demo --storm $length --platform $platform --seed $seed"
		began=$SECONDS code=0 log=$dir/$platform-$seed
		# shellcheck disable=SC2086 # words of a command line
		"$dir/ferry" $storm --functions "$dir/functions" --keep "$log" >"$log.txt" 2>&1 || code=$?
		[[ $code != 2 ]] || {
			tail -1 "$log.txt" >&2
			exit 2
		}
		if [[ $code == 0 ]]; then
			printf '%-8s seed %-6s ok      %4d s %s\n' "$platform" "$seed" $((SECONDS - began)) "$(grep -o '[0-9,]* *runs ended, ' "$log.txt" | tail -1 | tr -d , | tr -s ' ')"
			rm -r "$log" "$log.txt"
			continue
		fi
		printf '%-8s seed %-6s FAILED  %4d s, exit code %d\n' "$platform" "$seed" $((SECONDS - began)) $code
		grep DIFFERS "$log.txt" | head -5 || true
		failed+=("go run ./scripts/ferry $storm")
	done
done

if ((${#failed[@]} > 0)); then
	echo "${#failed[@]} of $((3 * storms)) failed:"
	printf '  %s\n' "${failed[@]}"
	exit 1
fi
echo "all $((3 * storms)) ended well"
