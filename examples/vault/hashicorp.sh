#!/bin/sh
# Helper for the exec backend: HashiCorp Vault, key-value secrets under secret/jules, each in its field "value".

# Runs the tool. When it fails: 66 if it says that there is no such secret,
# else 69, with its words in either case.
ask() {
  { words=$("$@" 2>&1 >&3 3>&-); } 3>&1 && return
  printf '%s\n' "$words" >&2
  case $words in *'No value found'*) exit 66 ;; esac
  exit 69
}

case $1 in
  get) ask vault kv get -mount=secret -field=value "jules/$2" ;;
  list)
    names=$(ask vault kv list -mount=secret jules) || { [ $? = 66 ] && exit 0 || exit 69; }
    # Two lines of heading come first.
    printf '%s\n' "$names" | sed 1,2d
    ;;
  set) ask vault kv put -mount=secret "jules/$2" value=- >/dev/null ;;
  rm)
    # The tool does not say whether there was such a secret.
    ask vault kv metadata get -mount=secret "jules/$2" >/dev/null
    ask vault kv metadata delete -mount=secret "jules/$2" >/dev/null
    ;;
esac
