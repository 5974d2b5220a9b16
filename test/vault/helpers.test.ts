/**
 * The worked examples of helper commands, each against a stand-in for its tool that keeps values in files and prints as
 * the tool does: with or without a newline, with its headings.
 */
import { chmodSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { shellWord } from '../../src/base/words.js'
import { Workdir } from '../support/workdir.js'

const AWS = `
while [ $# -gt 0 ]; do case $1 in --secret-id | --name) name=\${2#jules/} ;; esac; last=$1; shift; done
case $all in
  *get-secret-value*) [ -e "$store/$name" ] || exit 254; cat "$store/$name"; echo ;;
  *describe-secret*) [ -e "$store/$name" ] || exit 254 ;;
  *create-secret*) : >"$store/$name" ;;
  *put-secret-value*) [ -e "$store/$name" ] && [ "$last" = file:///dev/stdin ] || exit 254; cat >"$store/$name" ;;
  *list-secrets*) for one in "$store"/*; do printf 'jules/%s\\t' "\${one##*/}"; done; echo ;;
  *delete-secret*) rm "$store/$name" ;;
esac`
const GCLOUD = `
case $all in
  *'versions access'*) cat "$store/\${5#--secret=}" ;;
  *'versions add'*) [ -e "$store/$4" ] && cat >"$store/$4" ;;
  *describe*) [ -e "$store/$3" ] ;;
  *create*) : >"$store/$3" ;;
  *list*) ls "$store" ;;
  *delete*) rm "$store/$3" ;;
esac`
const AZ = `
while [ $# -gt 0 ]; do [ "$1" = --name ] && name=$2; shift; done
case $name in *_*) exit 1 ;; esac
case $all in
  *'secret show'*) [ -e "$store/$name" ] || exit 3; cat "$store/$name"; echo ;;
  *'secret set'*) cat >"$store/$name" ;;
  *'secret list'*) ls "$store" ;;
  *'secret delete'*) rm "$store/$name" ;;
esac`
const VAULT = `
while [ $# -gt 0 ]; do case $1 in jules/*) name=\${1#jules/} ;; esac; shift; done
case $all in
  *'kv get'*) cat "$store/$name" ;;
  *'kv put'*) cat >"$store/$name" ;;
  *'kv list'*) echo Keys; echo ----; ls "$store" ;;
  *'metadata delete'*) rm "$store/$name" ;;
esac`
const OP = `
case $all in
  *read*) name=\${all%/password}; cat "$store/\${name##*/}" ;;
  *'item list'*) echo 'ID TITLE VAULT EDITED'; for one in $(ls "$store"); do echo "id $one jules now"; done ;;
  *'item get'*) [ -e "$store/$3" ] ;;
  *'item create'*) node -e 'const it = JSON.parse(fs.readFileSync(0)); fs.writeFileSync(process.argv[1] + "/" + it.title, it.fields[0].value)' "$store" ;;
  *'item delete'*) rm "$store/$3" ;;
esac`

test.each([
  ['aws', 'aws', AWS],
  ['google', 'gcloud', GCLOUD],
  ['azure', 'az', AZ],
  ['hashicorp', 'vault', VAULT],
  ['1password', 'op', OP],
])('examples/vault/%s.sh gives every value back', async (name, tool, body) => {
  const dir = new Workdir()
  mkdirSync(dir.file('store'))
  mkdirSync(dir.file('bin'))
  // A value in an argument would be seen by every user of the machine.
  const head = `#!/bin/sh\nstore='${dir.file('store')}' all="$*"\ncase $all in *hunter2*) exit 99 ;; esac\n`
  dir.write(`bin/${tool}`, head + body)
  chmodSync(dir.file(`bin/${tool}`), 0o755)
  const env = {
    PATH: `${dir.file('bin')}:${process.env.PATH}`,
    JULES_BACKEND: 'exec',
    JULES_BACKEND_COMMAND: shellWord(resolve(`examples/vault/${name}.sh`)),
  }
  const vault = (args: string[], input = '') => dir.jules(['vault', ...args], { env, input })
  const values = { ONE: 'hunter2', TWO_LINES: ' hunter2\n"\\\n\n', THREE: '\u00e9 hunter2' }
  for (const [key, value] of Object.entries(values)) {
    expect(await vault(['set', key, '--raw'], value)).toMatchObject({ status: 0, stdout: '', stderr: '' })
  }
  await vault(['set', 'ONE', '--raw'], 'hunter2 again')
  const { stdout } = await vault(['env', '-f', 'json'])
  expect(JSON.parse(stdout)).toEqual({ ...values, ONE: 'hunter2 again' })
  expect((await vault(['list'])).stdout).toBe('ONE\nTHREE\nTWO_LINES\n')
  expect((await vault(['rm', 'THREE'])).status).toBe(0)
  expect((await vault(['get', 'THREE'])).status).toBe(66)
  expect((await vault(['rm', 'THREE'])).status).toBe(66)
})
