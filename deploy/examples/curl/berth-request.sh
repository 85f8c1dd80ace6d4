#!/bin/sh
# Asks Berth for an address under a DNS name, and prints lines that a shell can source:
#
#   BERTH_URL=https://berth.example.com BERTH_PREFIX=192.168.3.0/24 \
#     berth-request.sh docker-03-grafana.spaceships.work >/run/address && . /run/address
#
# The token is read from BERTH_TOKEN, or from the file that BERTH_TOKEN_FILE names (/etc/berth/token).
# Run it as often as you like: the name is the key, so it gets the same address. Needs curl 7.76 or later.
set -eu

: "${BERTH_URL:?set it to the address of Berth, such as https://berth.example.com}"
: "${BERTH_PREFIX:?set it to the prefix to allocate from, such as 192.168.3.0/24}"
name=${1:-$(hostname -f)}
token=${BERTH_TOKEN:-$(cat "${BERTH_TOKEN_FILE:-/etc/berth/token}")}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
trap 'exit 1' HUP INT TERM

# The token goes through standard input, so that it does not show in the list of processes. curl repeats
# what is worth repeating (408, 503, no connection) and waits as long as Berth's Retry-After says.
if printf 'header = "Authorization: Bearer %s"\n' "$token" |
  curl --config - --silent --show-error --fail-with-body --output "$answer" \
    --retry 8 --retry-connrefused --retry-max-time 180 --max-time 60 \
    --data-urlencode "prefix=$BERTH_PREFIX" \
    --data-urlencode "dns_name=$name" \
    "$BERTH_URL/api/v1/allocations?format=env"; then
  cat "$answer"
else
  status=$?
  cat "$answer" >&2 # Berth says what is wrong and what to do
  exit "$status"
fi
