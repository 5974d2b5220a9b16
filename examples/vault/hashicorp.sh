#!/bin/sh
# Helper for the exec backend: HashiCorp Vault, key-value secrets under secret/jules, each in its field "value".
# Any failure of get counts as "no such secret"; its reason is on standard error.
case $1 in
  get) vault kv get -mount=secret -field=value "jules/$2" || exit 66 ;;
  # Two lines of heading come first.
  list) vault kv list -mount=secret jules | sed 1,2d ;;
  set) vault kv put -mount=secret "jules/$2" value=- >/dev/null ;;
  rm) vault kv metadata delete -mount=secret "jules/$2" >/dev/null || exit 66 ;;
esac
