#!/bin/sh
# Helper for the exec backend: an Azure Key Vault named by AZURE_VAULT. Names there have dashes for underscores.
# Any failure of get counts as "no such secret"; its reason is on standard error.
vault=${AZURE_VAULT:-jules}
name=$(printf %s "$2" | tr _ -)

# Prints what a command prints, without the one newline that it adds.
exactly() {
  value=$("$@" && printf x) || exit 66
  value=${value%x}
  printf %s "${value%
}"
}

case $1 in
  get) exactly az keyvault secret show --vault-name "$vault" --name "$name" --query value --output tsv ;;
  list) az keyvault secret list --vault-name "$vault" --query '[].name' --output tsv | tr - _ ;;
  set)
    az keyvault secret set --vault-name "$vault" --name "$name" --file /dev/stdin --encoding utf-8 --output none
    ;;
  rm) az keyvault secret delete --vault-name "$vault" --name "$name" --output none || exit 66 ;;
esac
