/**
 * Native packages in a process of jules: they may have threads of their own, and the process must outlive them in every way it
 * ends. By a stand-in for the kind, and by TensorFlow itself where there is one.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NATIVE, NEEDS_NATIVE } from '../support/engines.js'
import { parse, sha256 } from '../support/training.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

/** An addon whose thread runs on: no header is needed for so little. */
const ADDON = `#include <pthread.h>
#include <unistd.h>
static volatile int ticks;
static void *work(void *none) { for (;;) { ticks++; usleep(200); } }
void *napi_register_module_v1(void *env, void *exports) {
  static pthread_t thread;
  if (!thread) pthread_create(&thread, 0, work, 0);
  return exports;
}
`
const hasCompiler = spawnSync('cc', ['--version']).status === 0

/** Packages that load the addon and find no GPU; null where it cannot be compiled. */
const PACKAGES = {
  '@tensorflow/tfjs-node-gpu':
    "require('./addon.node'); module.exports = { ready: async () => {}, backend: () => ({ isUsingGpuDevice: false }) }",
  webgpu:
    "require('./addon.node'); module.exports = { globals: {}, create: () => ({ requestAdapter: async () => null }) }",
}

test.skipIf(!hasCompiler)(
  `a native package whose threads run on takes no process with it${hasCompiler ? '' : ' (skipped: no C compiler)'}`,
  async () => {
    const dir = new Workdir()
    const addon = dir.file('addon.node')
    const { status, stderr } = spawnSync(
      'cc',
      ['-shared', '-fPIC', '-pthread', '-o', addon, dir.write('addon.c', ADDON)],
      {
        encoding: 'utf8',
      },
    )
    expect([status, stderr]).toEqual([0, ''])
    for (const [name, source] of Object.entries(PACKAGES)) {
      const folder = dir.file(join('node_modules', name))
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'index.js'), source)
      cpSync(addon, join(folder, 'addon.node'))
    }
    const env = { JULES_NATIVE_TFJS: dir.path }
    for (const flag of ['--gpu', '--gpu=webgpu']) {
      const said = await dir.jules(['train', '--env', 'recall2', flag, '-o', 'run'], { env })
      expect([said.status, said.signal, said.stdout]).toEqual([69, null, ''])
      expect(said.stderr).toContain('finds no GPU device')
    }
    const { status: ended, signal } = await dir.jules(['bench', '--widths', '8', '--threads', '1'], { env })
    expect([ended, signal]).toEqual([0, null])
  },
)

describe.skipIf(NATIVE === undefined)(`TensorFlow itself${NEEDS_NATIVE}`, () => {
  const found = { JULES_NATIVE_TFJS: NATIVE ?? '' }
  const lifted = { ...found, JULES_WITHOUT_GPU: '1' }
  const RECALL = ['train', '--env', 'recall2', '--seed', '1']
  const SMALL = [...RECALL, '--gpu', '--steps', '4096', '--hidden', '16', '--net', '16', '--epochs', '2']
  const rewards = (dir: Workdir, name: string): number[] =>
    parse(dir.read(`${name}/metrics.ndjson`)).map((record) => record['rollout/ep_rew_mean'])

  test('no GPU is 69, and no crash', async () => {
    const dir = new Workdir()
    const said = await dir.jules([...SMALL, '-o', 'run'], { env: found })
    expect([said.status, said.signal, said.stdout]).toEqual([69, null, ''])
    expect(said.stderr).toContain('jules train: @tensorflow/tfjs-node-gpu finds no GPU device\n')
    const bench = await dir.jules(['bench', '--widths', '8', '--threads', '1'], { env: found })
    expect([bench.status, bench.signal]).toEqual([0, null])
  })

  test('it learns what the cpu engine learns, and says what it ran on', async () => {
    const dir = new Workdir()
    const small = ['--hidden', '32', '--net', '32', '--batch-size', '512', '--lr', '0.005']
    const args = [...RECALL, '--steps', '16384', ...small]
    const runs = [
      await dir.jules([...args, '--gpu', '-o', 'gpu'], { env: lifted }),
      await dir.called([...args, '-o', 'cpu']),
    ]
    expect(runs.map(({ status, signal }) => [status, signal])).toEqual([
      [0, null],
      [0, null],
    ])
    expect(JSON.parse(dir.read('gpu/manifest.json')).engine).toBe('tfjs node-gpu, CPU kernels of TensorFlow')
    const [gpu, cpu] = [rewards(dir, 'gpu'), rewards(dir, 'cpu')]
    expect(gpu.length).toBe(cpu.length)
    // The same random numbers, and arithmetic that differs in its last bits; without memory the best is 6.9.
    expect(gpu.at(-1)).toBeGreaterThan(7.3)
    expect(Math.abs(gpu.at(-1)! - cpu.at(-1)!)).toBeLessThan(1)
  })

  test.each([
    ['SIGTERM', 143, null],
    ['SIGKILL', null, 'SIGKILL'],
  ] as const)('after %s it goes on to the same bytes', async (kill, status, signal) => {
    const dir = new Workdir()
    const whole = await dir.jules([...SMALL, '-o', 'whole'], { env: lifted })
    expect(whole.status).toBe(0)
    const child = dir.start(BIN, [...SMALL, '--checkpoint-every', '1024', '-o', 'run'], { env: lifted })
    let records = 0
    child.stdout?.on('data', (data) => {
      records += String(data).split('\n').length - 1
      if (records >= 2) child.kill(kill)
    })
    const ended = await finished(child)
    expect([ended.status, ended.signal]).toEqual([status, signal])
    const after = await dir.jules(['train', '--resume', 'run'], { env: lifted })
    expect([after.status, after.signal]).toEqual([0, null])
    expect(after.stderr).toMatch(/going on from step \d+\n/)
    expect(sha256(dir.file('run/policy.safetensors'))).toBe(sha256(dir.file('whole/policy.safetensors')))
  })
})
