#!/bin/sh
# Shows a filter and the code that build.rs makes of it: each pattern, as it stands in filters/NAME.filter, above its
# function; first the functions that choose among the patterns by a message's first bytes.
#
# The code is that of the build that this tree would ship: Cargo itself says where it lies (OUT_DIR).
#
# Usage: show-filter.sh NAME
set -eu
cd "$(dirname "$0")/.."
name=${1:?usage: make show-filter F=NAME}
[ -f "filters/$name.filter" ] || { echo "FAIL  no filters/$name.filter"; exit 1; }
out=$(cargo build --release --locked --offline --lib --message-format=json 2>/dev/null |
    sed -n 's/.*"reason":"build-script-executed".*"out_dir":"\([^"]*\)".*/\1/p')
[ -f "$out/filters.rs" ] || { echo "FAIL  the build has made no code"; exit 1; }
echo "// $out/filters.rs"
awk -v name="$name" '
FNR == NR { source[FNR] = $0; next }
# A function is its comment, its body and a blank line; each names its filter first.
/^\/\/ [a-z0-9_-]+\.filter:/ { mine = $2 ~ "^" name "\\.filter:"; line = $2; sub(/.*:/, "", line); if (mine && line != "") rule(line) }
FNR == 1 { mine = 1 }
mine && $0 !~ /^\/\/ (Generated|[a-z0-9_-]+\.filter:[0-9])/
function rule(at,    i) {
    print "//// filters/" name ".filter:" at
    for (i = at + 0; source[i] != "" && i < at + 60; i++) print "//// " source[i]
}' "filters/$name.filter" "$out/filters.rs"
