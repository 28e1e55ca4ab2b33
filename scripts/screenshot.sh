#!/usr/bin/env bash
# Makes the README's picture: the page of the published runs, in Chromium (`T2S_CHROMIUM` names another one).
set -euo pipefail
cd "$(dirname "$0")/.."
page=$(mktemp -d)/page.html
t2s report reports/published/* --out "$page"
"${T2S_CHROMIUM:-chromium}" --headless --no-sandbox --hide-scrollbars --window-size=1280,1060 \
    --screenshot=docs/page.png "file://$page"
