#!/usr/bin/env bash
# Has storms rage over the engine: which messages are lost, doubled or late, which
# processes die and when, and what people do meanwhile, a seed decides, so that what
# a storm shows it shows again.
#
#   scripts/storm.sh SEEDS       storms of the seeds 1 to SEEDS, side by side on every core
#   scripts/storm.sh --mutants   puts faults into the engine, one at a time, and has storms find each
#   scripts/storm.sh --long [JOBS [DAYS]]
#                                JOBS jobs (50) run for DAYS days (7) of their own time, in a calm
#   scripts/storm.sh --demo [N [LENGTH [SEED]]]
#                                N storms (20) of LENGTH (60s) over real processes on each
#                                platform: agents, Function Compute and Lambda, one after the
#                                other; their seeds are SEED (1), SEED+1, …
#
# A line a minute, or for each storm over real processes, tells how far it is. The end is
# a list of the seeds that failed, each made as small as it goes, with the command that
# shows it again. It returns 1 if any failed, or any fault was not found, and 2 if it was
# asked for what it does not do. What a failed storm over real processes wrote stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# build makes the test binary, once for all processes, and goes where go test would run it.
build() {
	dir=$(mktemp -d)
	# Only what was started here is ended.
	trap 'jobs -p | xargs -r kill 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
	trap 'exit 130' INT TERM
	go test -c -o "$dir/storm" ./shared/pipeline
	cd shared/pipeline
}

mutants() {
	build
	"$dir/storm" -test.run '^TestStormsFindEachMutant$' -test.timeout 0 -mutants
}

# long JOBS DAYS runs many jobs for days.
long() {
	build
	"$dir/storm" -test.run '^TestManyJobsRunForDays$' -test.timeout 0 -test.v -jobs "$1" -days "$2"
}

# storms FIRST N FLAG... runs the storms of N seeds and writes what they say to $dir/FIRST.
storms() { "$dir/storm" -test.run '^TestSeededStorm$' -test.timeout 0 -first "$1" -seeds "$2" "${@:3}" >"$dir/$1" 2>&1; }

# failed prints the seeds that failed so far, in order.
failed() { sed -n 's/^ *storm_test.go:[0-9]*: seed \([0-9]*\): .*/\1/p' "$dir"/[0-9]* | sort -nu; }

# seeded N runs the storms of the seeds 1 to N. Their ranges are short, so that all
# cores end together and the lines tell how far it is.
seeded() {
	local seeds=$1 cores range next=1 n first ended code over=0 told=$SECONDS seed all
	local -A working=() # the range of each process
	local -a broken=()  # ranges whose process ended within a storm: those behind it were not run
	cores=$(getconf _NPROCESSORS_ONLN)
	range=$((seeds / cores / 4 + 1))
	((range <= 200)) || range=200
	build
	while ((next <= seeds || ${#working[@]} > 0)); do
		while ((next <= seeds && ${#working[@]} < cores)); do
			n=$((seeds - next + 1 < range ? seeds - next + 1 : range))
			storms "$next" "$n" -brief &
			working[$!]="$next $n"
			next=$((next + n))
		done
		code=0
		wait -n -p ended || code=$?
		read -r first n <<<"${working[$ended]}"
		unset "working[$ended]"
		over=$((over + n))
		((code == 0)) || grep -q '^--- FAIL: ' "$dir/$first" && ! grep -q '^panic: ' "$dir/$first" || broken+=("$first $n")
		if ((SECONDS - told >= 60)); then
			told=$SECONDS
			echo "$((SECONDS / 60)) min: $over of $seeds storms, $(failed | wc -l) failed"
		fi
	done
	for range in "${broken[@]}"; do
		read -r first n <<<"$range"
		for ((seed = first; seed < first + n; seed++)); do
			storms "$seed" 1 -brief || grep -q "seed $seed: " "$dir/$seed" || echo "    storm_test.go:0: seed $seed: its process ends" >>"$dir/$seed"
		done
	done
	mapfile -t all < <(failed)
	for seed in "${all[@]}"; do
		echo
		storms "$seed" 1 || true # without -brief, it is shrunk
		awk -v seed="seed $seed: " '/^ *storm_test.go:[0-9]*: / { on = index($0, seed); sub(/^.*storm_test.go:[0-9]*: /, "") } /^(---|FAIL|PASS|panic)/ { on = 0 } on' "$dir/$seed" | grep . ||
			echo "seed $seed: its process ends; shown again by: go test ./shared/pipeline -run SeededStorm -seed $seed"
	done
	echo "$((SECONDS / 60)) min: $seeds storms, ${#all[@]} failed"
	((${#all[@]} == 0))
}

# demo N LENGTH SEED runs storms over real processes.
demo() {
	local storms=$1 length=$2 first=$3 seed platform storm began code log
	local -a failed=()
	dir=$(mktemp -d "${TMPDIR:-/tmp}/ferry-storm-XXXXXX")
	mkdir "$dir/functions"
	go build -o "$dir/ferry" ./scripts/ferry
	go build -o "$dir/functions" ./functions/...
	echo "logs: $dir"
	for ((seed = first; seed < first + storms; seed++)); do
		for platform in process fc lambda; do
			storm="demo --storm $length --platform $platform --seed $seed"
			began=$SECONDS code=0 log=$dir/$platform-$seed
			# shellcheck disable=SC2086 # words of a command line
			"$dir/ferry" $storm --functions "$dir/functions" --keep "$log" >"$log.txt" 2>&1 || code=$?
			if ((code == 2)); then
				tail -1 "$log.txt" >&2
				exit 2
			fi
			if ((code == 0)); then
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
}

if [[ $* =~ ^[1-9][0-9]{0,8}$ ]]; then
	seeded "$1"
elif [[ $* == --mutants ]]; then
	mutants
elif [[ $* =~ ^--long(\ [1-9][0-9]{0,2}){0,2}$ ]]; then
	long "${2-50}" "${3-7}"
elif [[ $* =~ ^--demo(\ [1-9][0-9]{0,3}(\ [^ ]+(\ [0-9]{1,9})?)?)?$ ]]; then
	demo "${2-20}" "${3-60s}" "${4-1}"
elif [[ $* == --help || $* == -h ]]; then
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
else
	echo "scripts/storm.sh takes how many seeds, from 1 to 999999999, or --mutants, --long or --demo, not \"$*\": --help tells more" >&2
	exit 2
fi
