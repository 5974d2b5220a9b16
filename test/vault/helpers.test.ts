/**
 * The worked examples of helper commands, each against a stand-in for its tool that keeps values in files and prints as
 * the tool does: with or without a newline, with its headings.
 */
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { shellWord } from '../../src/base/words.js'
import { failure, helper } from '../support/vault-file.js'
import { Workdir } from '../support/workdir.js'

/** Each says of what is not there what the tool says, and ends as it does. */
const AWS = `
while [ $# -gt 0 ]; do case $1 in --secret-id | --name) name=\${2#jules/} ;; esac; last=$1; shift; done
absent() { echo 'An error occurred (ResourceNotFoundException) when calling the operation' >&2; exit 254; }
case $all in
  *get-secret-value*) [ -e "$store/$name" ] || absent; cat "$store/$name"; echo ;;
  *describe-secret*) [ -e "$store/$name" ] || absent ;;
  *create-secret*) [ "$last" = file:///dev/stdin ] || exit 254; cat >"$store/$name" ;;
  *put-secret-value*) [ -e "$store/$name" ] || absent; [ "$last" = file:///dev/stdin ] || exit 254; cat >"$store/$name" ;;
  *list-secrets*) for one in "$store"/*; do [ -e "$one" ] && printf 'jules/%s\\t' "\${one##*/}"; done; echo ;;
  *delete-secret*) [ -e "$store/$name" ] || absent; rm "$store/$name" ;;
esac`
const GCLOUD = `
absent() { echo 'ERROR: (gcloud.secrets) NOT_FOUND: Secret [projects/1/secrets/X] not found or has no versions.' >&2; exit 1; }
case $all in
  *'versions access'*) cat "$store/\${5#--secret=}" 2>/dev/null || absent ;;
  *'versions add'*) [ -e "$store/$4" ] || absent; cat >"$store/$4" ;;
  *describe*) [ -e "$store/$3" ] || absent ;;
  *create*) [ "$5" = --data-file=- ] || exit 1; cat >"$store/$3" ;;
  *list*) ls "$store" ;;
  *delete*) rm "$store/$3" 2>/dev/null || absent ;;
esac`
const AZ = `
while [ $# -gt 0 ]; do [ "$1" = --name ] && name=$2; shift; done
absent() { echo 'ERROR: (SecretNotFound) A secret with (name/id) X was not found in this key vault.' >&2; exit 3; }
case $name in *_*) exit 1 ;; esac
case $all in
  *'secret show'*) [ -e "$store/$name" ] || absent; cat "$store/$name"; echo ;;
  *'secret set'*) cat >"$store/$name" ;;
  *'secret list'*) ls "$store" ;;
  *'secret delete'*) rm "$store/$name" 2>/dev/null || absent ;;
esac`
const VAULT = `
while [ $# -gt 0 ]; do case $1 in jules/*) name=\${1#jules/} ;; esac; shift; done
absent() { echo "No value found at secret/data/jules/$name" >&2; exit 2; }
case $all in
  *'kv get'*) cat "$store/$name" 2>/dev/null || absent ;;
  *'kv put'*) cat >"$store/$name" ;;
  *'kv list'*) [ -n "$(ls "$store")" ] || absent; echo Keys; echo ----; ls "$store" ;;
  *'metadata get'*) [ -e "$store/$name" ] || absent ;;
  # This tool deletes what is not there with 0.
  *'metadata delete'*) rm -f "$store/$name" ;;
esac`
const OP = `
absent() { echo "[ERROR] 2026/11/26 12:00:00 \\"X\\" isn't an item in the \\"jules\\" vault." >&2; exit 1; }
case $all in
  *read*) name=\${all%/password}; cat "$store/\${name##*/}" 2>/dev/null || absent ;;
  *'item list'*) echo 'ID TITLE VAULT EDITED'; for one in $(ls "$store"); do echo "id $one jules now"; done ;;
  *'item get'*) [ -e "$store/$3" ] || absent ;;
  *'item create'* | *'item edit'*) node -e 'const it = JSON.parse(fs.readFileSync(0)); fs.writeFileSync(process.argv[1] + "/" + it.title, it.fields[0].value)' "$store" ;;
  *'item delete'*) rm "$store/$3" 2>/dev/null || absent ;;
esac`

const HELPERS = [
  ['aws', 'aws', AWS],
  ['google', 'gcloud', GCLOUD],
  ['azure', 'az', AZ],
  ['hashicorp', 'vault', VAULT],
  ['1password', 'op', OP],
] as const

/** Ends as a tool that is not signed in, or cannot reach its service: for every call, or for those that match. */
const outage = (calls: string) =>
  `case $all in ${calls}) printf 'Error: connection refused \\n' >&2; exit 2 ;; esac`

function helperHome(name: string, tool: string) {
  const dir = new Workdir()
  mkdirSync(dir.file('store'))
  mkdirSync(dir.file('bin'))
  // A value in an argument would be seen by every user of the machine.
  const head = `#!/bin/sh\nstore='${dir.file('store')}' all="$*"\ncase $all in *hunter2*) exit 99 ;; esac\n`
  const become = (body: string) => {
    dir.write(`bin/${tool}`, `${head}${body}`)
    chmodSync(dir.file(`bin/${tool}`), 0o755)
  }
  const vault = helper(shellWord(resolve(`examples/vault/${name}.sh`)), {
    environment: { PATH: `${dir.file('bin')}:${process.env.PATH}` },
  })
  return { become, vault }
}

test.each(HELPERS)('examples/vault/%s.sh gives every value back', async (name, tool, body) => {
  const { become, vault } = helperHome(name, tool)
  become(body)
  expect((await vault.list()).size).toBe(0)
  const values = { ONE: 'hunter2', TWO_LINES: ' hunter2\n"\\\n\n', THREE: '\u00e9 hunter2' }
  for (const [key, value] of Object.entries(values)) await vault.set(key, Buffer.from(value))
  await vault.set('ONE', Buffer.from('hunter2 again'))
  const all = Object.fromEntries([...(await vault.all())].map(([key, value]) => [key, value.toString()]))
  expect(all).toEqual({ ...values, ONE: 'hunter2 again' })
  expect([...(await vault.list()).keys()].sort()).toEqual(['ONE', 'THREE', 'TWO_LINES'])
  await vault.rm('THREE')
  expect((await failure(vault.get('THREE'))).kind).toBe('noInput')
  expect((await failure(vault.rm('THREE'))).kind).toBe('noInput')
})

test.each(HELPERS)('examples/vault/%s.sh: a tool that fails is no absence', async (name, tool, body) => {
  const { become, vault } = helperHome(name, tool)
  become(body)
  await vault.set('ONE', Buffer.from('hunter2'))
  become(outage('*'))
  const again = Buffer.from('hunter2 again')
  for (const call of [
    () => vault.get('ONE'),
    () => vault.list(),
    () => vault.all(),
    () => vault.all(['ONE']),
    () => vault.set('ONE', again),
    () => vault.set('NEW', again),
    () => vault.rm('ONE'),
  ]) {
    const { kind, message } = await failure(call())
    expect(kind, String(call)).toBe('unavailable')
    expect(message, String(call)).toContain('Error: connection refused')
  }
  // What was there stays where the write alone fails.
  become(`${outage("*put*|*' add '*|*'secret set'*|*create*|*edit*")}\n${body}`)
  expect((await failure(vault.set('ONE', again))).kind).toBe('unavailable')
  become(body)
  expect((await vault.get('ONE')).toString()).toBe('hunter2')
})

test('the manual prints hashicorp.sh as it is', () => {
  const page = readFileSync('man/jules-vault.7', 'utf8')
  const printed = /^#!\/bin\/sh\n[\s\S]*?(?=\.Ed$)/m.exec(page)?.[0]
  const plain = printed?.replace(/\\&/g, '').replaceAll('\\-', '-').replaceAll('\\e', '\\')
  const helper = readFileSync('examples/vault/hashicorp.sh', 'utf8')
  expect(plain).toBe(helper.replace(/^# Helper.*\n\n/m, ''))
})
