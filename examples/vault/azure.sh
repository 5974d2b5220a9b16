#!/bin/sh
# Helper for the exec backend: an Azure Key Vault named by AZURE_VAULT. Names there have dashes for underscores.
vault=${AZURE_VAULT:-jules}
name=$(printf %s "$2" | tr _ -)

# Runs the tool. When it fails: 66 if it says that there is no such secret,
# else 69, with its words in either case.
ask() {
  { words=$(az keyvault secret "$@" --vault-name "$vault" 2>&1 >&3 3>&-); } 3>&1 && return
  printf '%s\n' "$words" >&2
  case $words in *SecretNotFound*) exit 66 ;; esac
  exit 69
}

case $1 in
  get)
    # Without the one newline that the tool adds.
    value=$(ask show --name "$name" --query value --output tsv && printf x) || exit
    value=${value%x}
    printf %s "${value%
}"
    ;;
  list)
    names=$(ask list --query '[].name' --output tsv) || exit
    printf '%s\n' "$names" | tr - _
    ;;
  set) ask set --name "$name" --file /dev/stdin --encoding utf-8 --output none ;;
  rm) ask delete --name "$name" --output none ;;
esac
