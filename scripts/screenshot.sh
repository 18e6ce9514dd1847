#!/usr/bin/env bash
# Takes the pictures of a run's page that the READMEs show, in English and Chinese: a demo's console is started,
# its run goes on for a while, and a headless Chromium looks at it.
#
#   scripts/screenshot.sh [FILE [AFTER]]    infra/console.png and .zh-CN.png, after 60s of the run
#
# It needs Chromium.
set -euo pipefail
file=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../infra/console.png}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
FERRY_BROWSER_TESTS=1 go test ./scripts/ferry/consoles -run '^TestPicture$' -v -timeout 30m -picture "$file" -after "${2:-60s}"
