/** A full disk: words, nothing half written, and it goes on when there is room. */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { namespaces } from '../support/sandbox.js'
import { lines, noTrace } from '../support/store.js'
import { SHORT, wholeRun, withBars } from '../support/training.js'
import { finished, Workdir } from '../support/workdir.js'

// Recovery syncs every file of the cluster first, which on a busy disk takes its time.
describe('the embedded server', { timeout: 240_000 }, () => {
  test.skipIf(!namespaces)(
    'a full disk: words, nothing half written, and the next run completes the load',
    async () => {
      const dir = new Workdir('jules-full-')
      const input = dir.write('bars.ndjson', lines)
      mkdirSync(dir.file('home'))
      const script = `
      mount -t tmpfs -o size=260m none home || exit 99
      export HOME="$PWD/home"
      jules -q db start || exit 98
      head -c 160m /dev/zero > home/ballast 2>/dev/null
      jules load ${input}; echo "first $?"
      rm home/ballast
      jules load ${input}; echo "second $?"
      jules export -f csv | wc -l
      jules -q db stop`
      const path = `${resolve('bin')}:${process.env.PATH}`
      const result = await finished(
        dir.start('unshare', ['-Urm', 'bash', '-c', script], { env: { PATH: path } }),
      )
      noTrace(result.stderr)
      expect(result.stdout).toMatch(/^first (69|74)\nsecond 0\n200001\n$/)
      expect(result.stderr).toMatch(/rows are committed; running it again completes the load/)
    },
  )
})

test.skipIf(!namespaces)('a full disk under -o, --rejects and the spool of a pipe', async () => {
  const dir = new Workdir()
  const whole = new Workdir()
  await whole.jules(['fetch', '--mock', '--days', '100', '-o', 'whole.parquet'])
  const script = `
    mkdir small && mount -t tmpfs -o size=1m none small || exit 99
    echo precious >small/out.ndjson
    jules fetch --mock -o small/out.ndjson; echo $?
    yes bad | head -n 50000 | jules load --dry-run --input-format ndjson --max-rejects 50000 --rejects small/bad; echo $?
    cat '${whole.file('whole.parquet')}' | TMPDIR="$PWD/small" jules fetch - >/dev/null; echo $?
    ls -A small; cat small/out.ndjson`
  const path = `${resolve('bin')}:${process.env.PATH}`
  const { stdout, stderr } = await finished(
    dir.start('unshare', ['-Urm', 'bash', '-c', script], { env: { PATH: path } }),
  )
  expect(stdout).toBe('74\n74\n74\nout.ndjson\nprecious\n')
  expect(stderr.split('\n')).toEqual([
    'jules fetch: small/out.ndjson: no space left on device',
    'jules load: small/bad: no space left on device',
    `jules fetch: ${dir.file('small')}: no space left on device`,
    '',
  ])
})

test.skipIf(!namespaces)(
  'a full disk: words and 74, the last checkpoint whole, and it goes on when there is room',
  async () => {
    const dir = await withBars()
    const { policy } = await wholeRun(dir)
    mkdirSync(dir.file('disk'))
    const args = [...SHORT, '--checkpoint-every', '512', '-o', 'disk/run', 'bars.parquet'].join(' ')
    // Room for the first checkpoints; then a file takes what is left.
    const script = `
  mount -t tmpfs -o size=3m none disk || exit 99
  jules train ${args} | { head -n 1 >/dev/null; cat /dev/zero 2>/dev/null >disk/ballast; cat >/dev/null; }
  echo "first \${PIPESTATUS[0]}"
  rm disk/ballast
  jules train --resume disk/run >/dev/null; echo "second $?"
  sha256sum disk/run/policy.safetensors`
    const path = `${resolve('bin')}:${process.env.PATH}`
    const result = await finished(
      dir.start('unshare', ['-Urm', 'bash', '-c', script], { env: { PATH: path } }),
    )
    expect(result.stdout).toBe(`first 74\nsecond 0\n${policy}  disk/run/policy.safetensors\n`)
    expect(result.stderr).toMatch(/no space left on device/)
    expect(result.stderr).not.toMatch(/ at .*\.js/)
  },
)
