/** The bytes of a run are those of the arithmetic alone. */
import { expect, test } from 'vitest'
import { sha256 } from '../support/training.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

// They change only when the arithmetic is meant to change; the command-line tests run on every supported Node.
test.each([
  [
    'two layers, normalised',
    ['--env', 'tmaze10', '--steps', '4096', '--lstm', 'separate', '--layers', '2', '--norm-obs'],
    '198c9b2f2ad63dab4fc636b922029d5c6f67d85517be7086858eec312404d71b',
  ],
  [
    'short sequences',
    ['--env', 'cartpole-novel', '--steps', '1024', '--bptt', '16'],
    '20f1f2734835496fc4349e82c0af0a68d272b1b9485e2042a32a72a526a9b13b',
  ],
])('the bytes of a run are these, on any Node and machine: %s', async (_what, args, bytes) => {
  const dir = new Workdir()
  const { status } = await dir.jules(['train', ...args, '-o', 'run'])
  expect(status).toBe(0)
  expect(sha256(dir.file('run/policy.safetensors'))).toBe(bytes)
})

test.skipIf(process.arch !== 'x64')(
  'without fused multiply-add it says so, and goes on with no other run',
  async () => {
    const dir = new Workdir()
    const args = ['train', '--env', 'tmaze10', '--steps', '2048']
    const old = (...more: string[]) =>
      finished(dir.start('node', ['--no-enable-fma3', BIN, ...args, ...more]))
    const { status, stderr } = await old('-o', 'old')
    expect([status, stderr]).toEqual([
      0,
      'jules train: warning: this processor has no fused multiply-add: the model is no worse, but its bytes are not those of other machines\n',
    ])
    expect(JSON.parse(dir.read('old/manifest.json')).engine).toBe('cpu-unfused')
    expect((await dir.jules([...args, '-o', 'new'])).stderr).toBe('')
    expect(sha256(dir.file('new/policy.safetensors'))).not.toBe(sha256(dir.file('old/policy.safetensors')))
    const other = await dir.jules(['train', '--resume', 'old'])
    expect([other.status, other.stderr.split('\n')[0]]).toEqual([
      64,
      'jules train: the run is one of the engine cpu-unfused, and this is cpu',
    ])
  },
)
