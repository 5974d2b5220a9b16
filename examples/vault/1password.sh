#!/bin/sh
# Helper for the exec backend: items of category Password in a 1Password vault named by OP_VAULT. Needs Node for its JSON.
vault=${OP_VAULT:-jules}

# Runs the tool. When it fails: 66 if it says that there is no such item,
# else 69, with its words in either case.
ask() {
  { words=$(op "$@" 2>&1 >&3 3>&-); } 3>&1 && return
  printf '%s\n' "$words" >&2
  case $words in *"isn't an item"* | *'item not found'*) exit 66 ;; esac
  exit 69
}

# The value on standard input as an item in JSON: it never is an argument.
item() {
  node -e '
    const value = require("fs").readFileSync(0, "utf8")
    const field = { id: "password", type: "CONCEALED", purpose: "PASSWORD", label: "password", value }
    console.log(JSON.stringify({ title: process.argv[1], category: "PASSWORD", fields: [field] }))
  ' "$1"
}

case $1 in
  get) ask read --no-newline "op://$vault/$2/password" ;;
  list)
    items=$(ask item list --vault "$vault") || exit
    # ID, TITLE, ... under a heading.
    printf '%s\n' "$items" | awk 'NR > 1 { print $2 }'
    ;;
  set)
    (ask item get "$2" --vault "$vault" >/dev/null 2>&1 </dev/null)
    case $? in
      0) json=$(item "$2") && printf '%s\n' "$json" | ask item edit "$2" --vault "$vault" >/dev/null ;;
      66) json=$(item "$2") && printf '%s\n' "$json" | ask item create --vault "$vault" - >/dev/null ;;
      *) ask item get "$2" --vault "$vault" >/dev/null ;;
    esac
    ;;
  rm) ask item delete "$2" --vault "$vault" ;;
esac
