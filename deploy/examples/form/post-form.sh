#!/bin/sh
# What the server of a portal sends when somebody has filled in its form: the fields as they are, as a form.
# Prints the allocation as JSON. A browser cannot send this itself: it has no token, and must not have one.
#
#   BERTH_URL=https://berth.example.com BERTH_TOKEN=… ORDER=RITM0012345 PERSON=ada \
#     post-form.sh 192.168.3.0/24 docker-03-grafana.spaceships.work 'Dashboards for the lab'
set -eu

: "${BERTH_URL:?}" "${BERTH_TOKEN:?}" "${ORDER:?}" "${PERSON:?}"

# The order's number is the key: a double click, or the portal's own retry, gets the same address.
printf 'header = "Authorization: Bearer %s"\n' "$BERTH_TOKEN" |
  curl --config - --silent --show-error --fail-with-body --retry 5 --max-time 60 \
    --data-urlencode "key=$ORDER" \
    --data-urlencode "prefix=$1" \
    --data-urlencode "dns_name=$2" \
    --data-urlencode "description=${3:-}" \
    --data-urlencode "requested_by=$PERSON" \
    --data-urlencode "reference=$ORDER" \
    "$BERTH_URL/api/v1/allocations"
