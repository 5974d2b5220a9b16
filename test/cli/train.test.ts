import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../src/agent/model/model.js'
import { encodeSafetensors } from '../../src/agent/model/safetensors.js'
import { parse, resume, SHORT, sha256, train, undisturbed, withBars } from '../support/training.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

describe('a run', () => {
  test('writes records, a folder, and says what is left for testing', async () => {
    const dir = await withBars()
    const { status, stdout, stderr } = await train(dir, '-o', 'run')
    expect(status).toBe(0)
    expect(stderr).toBe(
      'jules train: training on 2025-07-23 to 2025-07-30, validating on 2025-07-31 to 2025-07-31; 1 sessions from 2025-08-01 are left for testing\n',
    )
    const records = parse(stdout)
    const metrics = records.filter(({ type }) => type === 'metric')
    expect(metrics.map(({ step }) => step)).toEqual([512, 1024, 1536, 2048, 2560, 3072, 3584, 4096])
    expect(Object.keys(metrics[0]).slice(0, 3)).toEqual(['type', 'run', 'step'])
    for (const name of ['rollout/ep_rew_mean', 'train/approx_kl', 'train/explained_variance', 'time/fps'])
      expect(metrics[0]).toHaveProperty([name])
    const evaluated = metrics.filter((one) => one['eval/mean_reward'] !== null).map(({ step }) => step)
    expect(evaluated).toEqual([1024, 2048, 3072, 4096])
    const model = records.at(-1)
    expect(model).toMatchObject({ type: 'model', path: 'run', steps: 4096, trial: 1, sources: ['mock'] })
    expect(model.sha256).toBe(sha256(dir.file('run/policy.safetensors')))
    expect(readFileSync(dir.file('run/metrics.ndjson'), 'utf8')).toBe(
      `${stdout.trimEnd().split('\n').slice(0, -1).join('\n')}\n`,
    )
    const names = readdirSync(dir.file('run')).sort()
    expect(names.filter((name) => !name.startsWith('events.'))).toEqual([
      'best.safetensors',
      'checkpoint-previous.safetensors',
      'checkpoint.safetensors',
      'manifest.json',
      'metrics.ndjson',
      'policy.safetensors',
    ])
    const manifest = JSON.parse(dir.read('run/manifest.json'))
    expect(manifest).toMatchObject({
      engine: 'cpu',
      trial: 1,
      options: { steps: '4096' },
      test: { from: '2025-08-01' },
    })
    expect(manifest.inputs[0]).toMatchObject({ kind: 'bars', path: dir.file('bars.parquet') })
    expect(manifest.inputs[0].sha256).toMatch(/^[0-9a-f]{64}$/)
  })

  test('the same seed gives the same bytes with any number of threads, another seed does not', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    for (const threads of ['1', '2', '3']) {
      expect((await train(dir, '-o', `t${threads}`, '--threads', threads)).status).toBe(0)
      expect(sha256(dir.file(`t${threads}/policy.safetensors`)), threads).toBe(hash)
    }
    expect((await train(dir, '-o', 'other', '--seed', '2')).status).toBe(0)
    expect(sha256(dir.file('other/policy.safetensors'))).not.toBe(hash)
  })

  test('the metadata of a model hold what determines it, and nothing of where or when', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const bytes = readFileSync(dir.file('whole/policy.safetensors'))
    const model = decodeModel(bytes, 'whole')
    expect(model.spec.features?.set).toBe('intraday')
    expect(model.spec.actions?.[8]).toEqual([1, 1])
    expect(model).toMatchObject({
      steps: 4096,
      settings: { seed: 1, gamma: 0.95 },
      data: { train: ['2025-07-23', '2025-07-30'] },
    })
    const header = bytes.subarray(0, 8 + Number(bytes.readBigUInt64LE(0))).toString('latin1')
    for (const word of [dir.path, 'whole', process.versions.node, 'threads'])
      expect(header).not.toContain(word)
  })

  test('a reader that leaves does not stop it', async () => {
    const dir = await withBars()
    const { status, stdout } = await dir.shell(
      `set -o pipefail; jules train ${SHORT.join(' ')} -o run bars.parquet | head -n 1`,
    )
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(readFileSync(dir.file('run/metrics.ndjson'), 'utf8').trimEnd().split('\n')).toHaveLength(8)
  })

  test('reads standard input, and the store', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const piped = await dir.shell(`jules fetch bars.parquet | jules train ${SHORT.join(' ')} -o piped -`)
    expect(piped.status).toBe(0)
    expect(sha256(dir.file('piped/policy.safetensors'))).toBe(hash)
  })

  test('--steps 2e3 is 2000; a word is not a number', async () => {
    const dir = await withBars()
    const { status, stdout } = await dir.jules([
      'train',
      ...SHORT.slice(2),
      '--steps',
      '2e3',
      '-o',
      'run',
      'bars.parquet',
    ])
    expect([status, parse(stdout).at(-1).steps]).toEqual([0, 2048])
    const bad = await dir.jules(['train', '--steps', '2.5', 'bars.parquet'])
    expect([bad.status, bad.stderr]).toEqual([
      64,
      'jules train: --steps: expected a whole number such as 200000 or 2e5, got "2.5"\n',
    ])
  })

  test('a folder that is not empty is 73 without --force', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    writeFileSync(dir.file('whole/notes.txt'), 'mine')
    const again = await train(dir, '-o', 'whole', '--seed', '2')
    expect([again.status, again.stderr]).toEqual([
      73,
      expect.stringContaining(
        'jules train: whole: the folder is not empty\njules train: hint: go on with --resume, or start anew with --force\n',
      ),
    ])
    expect((await train(dir, '-o', 'whole', '--seed', '2', '--force')).status).toBe(0)
    expect(dir.read('whole/notes.txt')).toBe('mine')
  })

  test('each wrong value is named', async () => {
    const dir = await withBars()
    const cases: [string[], string][] = [
      [['--bptt', '48'], '--bptt: 48 does not divide the 64 steps of a rollout'],
      [['--batch-size', '9999'], '--batch-size: 9999 is more than the 512 steps of a rollout'],
      [['--hidden', '12'], '--hidden: expected a multiple of 8, got 12'],
      [['--net', '64,7'], '--net: expected multiples of 8 between commas, or none, got "64,7"'],
      [['--lr-schedule', 'cosine'], '--lr-schedule: expected one of const, linear, got "cosine"'],
      [['--norm-obs', '--raw-obs'], '--norm-obs and --raw-obs are opposites'],
      [['--lr-schedule', 'const', '--lr-end', '0'], '--lr-end: needs --lr-schedule linear'],
    ]
    for (const [args, words] of cases) {
      const { status, stderr } = await train(dir, ...args)
      expect([status, stderr]).toEqual([64, `jules train: ${words}\n`])
    }
  })

  test('too few sessions, and mock bars mixed with real ones, are refused', async () => {
    const dir = await withBars(2)
    const few = await train(dir)
    expect(few.status).toBe(65)
    expect(few.stderr).toContain('2 sessions are too few to train on 70 %')
    const mixed = await dir.shell(
      `(jules fetch --mock --days 8 --to 2025-07-01; jules fetch --mock --days 8 | sed s/mock/real/) | jules train ${SHORT.join(' ')} -`,
    )
    expect(mixed.status).toBe(65)
    expect(mixed.stderr).toContain('hint: choose one with --source')
  })
})

describe('a run that was disturbed', () => {
  test.each([1, 2, 3])('killed at a random moment, time %i, it ends with the same bytes', async (time) => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const folder = dir.file('killed')
    const child = dir.start('node', [
      join(process.cwd(), 'bin/jules'),
      'train',
      ...SHORT,
      '-o',
      folder,
      'bars.parquet',
    ])
    child.stdin?.end()
    const end = finished(child)
    // Kills after so many metric lines: some time within the rollout that follows.
    let lines = 0
    child.stdout?.on('data', (data: Buffer) => {
      lines += data.toString().split('\n').length - 1
      if (lines >= 2 * time - 1) child.kill('SIGKILL')
    })
    expect((await end).signal).toBe('SIGKILL')
    const { status, stdout } = await resume(dir, 'killed')
    expect(status).toBe(0)
    expect(parse(stdout).at(-1)).toMatchObject({ type: 'model', steps: 4096 })
    expect(sha256(`${folder}/policy.safetensors`)).toBe(hash)
    expect(sha256(`${folder}/best.safetensors`)).toBe(sha256(dir.file('whole/best.safetensors')))
    const steps = parse(readFileSync(`${folder}/metrics.ndjson`, 'utf8')).map(({ step }) => step)
    expect(steps).toEqual([512, 1024, 1536, 2048, 2560, 3072, 3584, 4096])
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('killed before its first checkpoint, it starts anew', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const child = dir.start('node', [
      join(process.cwd(), 'bin/jules'),
      'train',
      ...SHORT,
      '-o',
      'early',
      'bars.parquet',
    ])
    child.stdin?.end()
    const end = finished(child)
    while (!existsSync(dir.file('early/manifest.json'))) await new Promise(setImmediate)
    child.kill('SIGKILL')
    await end
    if (!existsSync(dir.file('early/checkpoint.safetensors'))) {
      const { stderr } = await resume(dir, 'early')
      expect(stderr).toContain('there is no checkpoint yet: starting from step 0')
    } else await resume(dir, 'early')
    expect(sha256(dir.file('early/policy.safetensors'))).toBe(hash)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s writes a checkpoint and a model, and it goes on from there', async (signal, code) => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const args = [...SHORT, '--checkpoint-every', '1000000', '-o', 'stopped', 'bars.parquet']
    const child = dir.start('node', [join(process.cwd(), 'bin/jules'), 'train', ...args])
    child.stdout?.once('data', () => child.kill(signal))
    const { status, stderr } = await finished(child)
    expect(status).toBe(code)
    expect(stderr).toMatch(/stopped at step \d+; go on with: jules train --resume stopped\n$/)
    expect(existsSync(dir.file('stopped/policy.safetensors'))).toBe(true)
    const after = await resume(dir, 'stopped')
    expect(after.status).toBe(0)
    expect(after.stderr).toMatch(/going on from step \d+\n/)
    expect(sha256(dir.file('stopped/policy.safetensors'))).toBe(hash)
  })

  test('a damaged checkpoint gives way to the previous one, with a warning; two are refused', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const path = dir.file('whole/checkpoint.safetensors')
    const previous = dir.file('whole/checkpoint-previous.safetensors')
    const flip = (file: string) => {
      const bytes = readFileSync(file)
      const at = bytes.length - 100
      bytes[at] = bytes[at]! ^ 1
      writeFileSync(file, bytes)
    }
    flip(path)
    const first = await resume(dir, 'whole')
    expect([first.status, first.stderr]).toEqual([
      0,
      expect.stringContaining(
        'warning: whole/checkpoint.safetensors: is damaged: its content does not fit its hash; going on from checkpoint-previous.safetensors\n',
      ),
    ])
    expect(sha256(dir.file('whole/policy.safetensors'))).toBe(hash)
    truncateSync(path, Math.floor(statSync(path).size / 2))
    flip(previous)
    const second = await resume(dir, 'whole')
    expect(second.status).toBe(65)
    expect(second.stderr).toContain('whole/checkpoint.safetensors: is not a safetensors file')
  })

  test('other bars are refused with 65, other settings with 64, a folder of something else with 66', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const seed = await resume(dir, 'whole', '--seed', '9')
    expect([seed.status, seed.stderr]).toEqual([
      64,
      'jules train: --seed: the run has the default, and it would not be the same run\njules train: hint: leave it out, or start a new run\n',
    ])
    expect((await resume(dir, 'whole', '--steps', '4096', '--threads', '1')).status).toBe(0)
    expect(
      (await dir.jules(['fetch', '--mock', '--days', '8', '--seed', '5', '-o', 'bars.parquet'])).status,
    ).toBe(0)
    const bars = await resume(dir, 'whole')
    expect(bars.status).toBe(65)
    expect(bars.stderr).toContain(
      `jules train: ${dir.file('bars.parquet')}: the bars are not those that the run began with\n`,
    )
    dir.write('no', '')
    expect((await resume(dir, '.')).status).toBe(66)
    expect((await resume(dir, 'nowhere')).status).toBe(66)
  })

  test('a run from standard input asks for it again', async () => {
    const dir = await withBars()
    await dir.shell(`jules fetch bars.parquet | jules train ${SHORT.join(' ')} -o piped -`)
    const without = await resume(dir, 'piped')
    expect([without.status, without.stderr]).toEqual([
      64,
      expect.stringContaining('the run read standard input'),
    ])
    const again = await dir.shell('jules fetch bars.parquet | jules train --resume piped -')
    expect(again.status).toBe(0)
  })
})

const namespaces = spawnSync('unshare', ['-Urm', 'true']).status === 0
test.skipIf(!namespaces)(
  'a full disk: words and 74, the last checkpoint whole, and it goes on when there is room',
  async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
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
    expect(result.stdout).toBe(`first 74\nsecond 0\n${hash}  disk/run/policy.safetensors\n`)
    expect(result.stderr).toMatch(/no space left on device/)
    expect(result.stderr).not.toMatch(/ at .*\.js/)
  },
)

describe('trials', () => {
  test('are counted over runs on the same bars; resumes and tasks are not', async () => {
    const dir = await withBars()
    const trial = async (...args: string[]) => parse((await train(dir, ...args)).stdout).at(-1).trial
    expect(await trial('-o', 'a')).toBe(1)
    expect(await trial('-o', 'b', '--seed', '2')).toBe(2)
    // The same once more is no new trial.
    expect(await trial('-o', 'c', '--seed', '2')).toBe(2)
    expect(parse((await dir.jules(['train', '--resume', 'a'])).stdout).at(-1).trial).toBe(1)
    const task = await dir.jules(['train', '--env', 'tmaze10', '--steps', '1024', '-o', 'task'])
    expect(parse(task.stdout).at(-1).trial).toBe(null)
    expect(await trial('-o', 'd', '--gamma', '0.9')).toBe(3)
    const lines = parse(dir.read('.local/share/jules/runs.ndjson'))
    expect(lines.map(({ task: name, path }) => [name, path])).toEqual([
      ['trading', dir.file('a')],
      ['trading', dir.file('b')],
      ['trading', dir.file('c')],
      ['tmaze10', dir.file('task')],
      ['trading', dir.file('d')],
    ])
  })
})

describe('a model as a policy', () => {
  const backtest = (dir: Workdir, model: string, ...more: readonly string[]) =>
    dir.jules(['backtest', '--policy', `model:${model}`, '--records', 'summary', ...more])

  test('trades; the best is taken before the last, and the summary says what it has seen', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const run = await backtest(dir, 'whole', 'bars.parquet')
    expect(run.status).toBe(0)
    const [summary] = parse(run.stdout)
    expect(summary).toMatchObject({
      policy: 'model:whole/best.safetensors',
      features: 'intraday',
      model: { seen: { train: ['2025-07-23', '2025-07-30'], validation: ['2025-07-31', '2025-07-31'] } },
    })
    const last = await backtest(dir, 'whole/policy.safetensors', 'bars.parquet')
    expect(parse(last.stdout)[0].policy).toBe('model:whole/policy.safetensors')
  })

  test('validation is a backtest: the same dollars', async () => {
    const dir = await withBars(10, ['--regime', 'mean-revert'])
    // Without the prior a short run trades.
    const { stdout } = await train(dir, '-o', 'run', '--hold-prior', '0')
    const scored = parse(stdout).findLast((one) => one['eval/mean_reward'] != null)
    const { data } = JSON.parse(dir.read('run/manifest.json'))
    // From the first bar of validation, with what came before as history.
    const bars = await dir.jules(['fetch', 'bars.parquet'])
    const before = parse(bars.stdout).filter(
      ({ time, symbol }) => symbol === 'NVDA' && time < data.validation[0],
    ).length
    const kept = parse(bars.stdout).filter(({ time }) => time.slice(0, 10) <= data.validation[1])
    const input = `${kept.map((bar) => JSON.stringify(bar)).join('\n')}\n`
    const run = await dir.jules(
      [
        'backtest',
        '--policy',
        'model:run/policy.safetensors',
        '--warmup',
        String(before),
        '--records',
        'summary',
        '-',
      ],
      { input },
    )
    expect(scored.step).toBe(4096)
    expect(scored['eval/mean_reward']).not.toBe(0)
    expect(parse(run.stdout)[0].pnl).toBe(scored['eval/mean_reward'])
  })

  test('is refused, by name, where features, interval or actions differ', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const refused = async (words: string, ...args: readonly string[]) => {
      const { status, stdout, stderr } = await backtest(dir, 'whole', ...args)
      expect([status, stdout, stderr]).toEqual([65, '', expect.stringContaining(words)])
    }
    await refused(
      'whole/best.safetensors: the model was trained on the features intraday, not classic',
      '--features',
      'classic',
      'bars.parquet',
    )
    expect(
      (await dir.jules(['fetch', '--mock', '--days', '8', '--interval', '5m', '-o', 'five.parquet'])).status,
    ).toBe(0)
    await refused('the model was trained on bars of 1m, not of 5m', 'five.parquet')
    expect((await train(dir, '-o', 'one', '--symbols', 'NVDA')).status).toBe(0)
    const single = await backtest(dir, 'one', 'bars.parquet')
    expect([single.status, single.stderr]).toEqual([
      65,
      expect.stringContaining('the model has 13 inputs and 3 actions, not 26 and 9'),
    ])
    const task = await dir.jules(['train', '--env', 'recall2', '--steps', '1024', '-o', 'task'])
    expect(task.status).toBe(0)
    expect((await backtest(dir, 'task', 'bars.parquet')).stderr).toContain(
      'the model was trained on recall2, not on trading',
    )
    dir.write('junk.safetensors', 'x'.repeat(50))
    expect((await backtest(dir, 'junk.safetensors', 'bars.parquet')).status).toBe(65)
    expect((await backtest(dir, 'missing', 'bars.parquet')).status).toBe(66)
  })

  test('long-only models never go short, without the flag', async () => {
    const dir = await withBars()
    expect((await train(dir, '-o', 'long', '--long-only', '--hold-prior', '0')).status).toBe(0)
    const { stdout } = await dir.jules([
      'backtest',
      '--policy',
      'model:long',
      '--records',
      'equity,summary',
      'bars.parquet',
    ])
    for (const { positions } of parse(stdout).slice(0, -1))
      for (const held of Object.values(positions)) expect(held).toBeGreaterThanOrEqual(0)
  })

  test('classic features come with a normaliser, which travels in the model', async () => {
    const dir = await withBars()
    expect((await train(dir, '-o', 'classic', '--features', 'classic')).status).toBe(0)
    const model = decodeModel(readFileSync(dir.file('classic/policy.safetensors')), 'classic')
    expect(model.normaliser?.mean.some((value) => value > 100)).toBe(true)
    const run = await backtest(dir, 'classic', 'bars.parquet')
    expect([run.status, parse(run.stdout)[0].features]).toEqual([0, 'classic'])
    expect((await train(dir, '-o', 'raw', '--features', 'classic', '--raw-obs')).status).toBe(0)
    expect(decodeModel(readFileSync(dir.file('raw/policy.safetensors')), 'raw').normaliser).toBe(null)
  })

  test('export-model writes ONNX', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const { status } = await dir.jules(['export-model', 'whole', '--onnx', 'p.onnx'])
    expect(status).toBe(0)
    expect(readFileSync(dir.file('p.onnx')).toString('latin1')).toContain('next_hidden')
    const without = await dir.jules(['export-model', 'whole'])
    expect([without.status, without.stderr]).toEqual([64, 'jules export-model: say where to: --onnx FILE\n'])
  })
})

describe('other starts', () => {
  test('a model of one ticker starts one of two', async () => {
    const dir = await withBars()
    expect((await train(dir, '-o', 'one', '--symbols', 'NVDA')).status).toBe(0)
    const one = decodeModel(readFileSync(dir.file('one/policy.safetensors')), 'one')
    expect([one.shape.inputs, one.shape.actions, one.spec.actions]).toEqual([13, 3, [[-1], [0], [1]]])
    const two = await train(dir, '-o', 'two', '--transfer-from', 'one')
    expect(two.status).toBe(0)
    const wide = await train(dir, '-o', 'wide', '--transfer-from', 'one', '--hidden', '32')
    expect([wide.status, wide.stderr]).toEqual([
      65,
      expect.stringContaining('its hidden is 64, and 32 is asked for'),
    ])
    expect(wide.stderr).toContain('hint: give --hidden 64')
  })

  test("tensors in sb3-contrib's names are a start too", async () => {
    const dir = await withBars()
    const tensor = (name: string, ...shape: number[]) => ({
      name,
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i) / 10),
    })
    const lstm = (name: string) => [
      tensor(`${name}.weight_ih_l0`, 64, 13),
      tensor(`${name}.weight_hh_l0`, 64, 16),
      tensor(`${name}.bias_ih_l0`, 64),
      tensor(`${name}.bias_hh_l0`, 64),
    ]
    const file = encodeSafetensors(
      [
        ...lstm('lstm_actor'),
        ...lstm('lstm_critic'),
        tensor('action_net.weight', 3, 16),
        tensor('action_net.bias', 3),
        tensor('value_net.weight', 1, 16),
        tensor('value_net.bias', 1),
      ],
      {},
    )
    writeFileSync(dir.file('sb3.safetensors'), file)
    const run = await train(dir, '-o', 'run', '--transfer-from', 'sb3.safetensors')
    expect([run.status, run.stderr]).toEqual([0, expect.stringContaining('training on')])
    expect(decodeModel(readFileSync(dir.file('run/policy.safetensors')), 'run').shape.hidden).toBe(16)
    const direct = await dir.jules(['backtest', '--policy', 'model:sb3.safetensors', 'bars.parquet'])
    expect([direct.status, direct.stderr]).toEqual([
      65,
      'jules backtest: sb3.safetensors: is a file of tensors without a specification, not a policy of jules\n',
    ])
  })

  test('a curriculum goes through its phases, and on where it was stopped', async () => {
    const dir = await withBars()
    dir.write(
      'plan.json',
      JSON.stringify([
        { name: 'free', steps: 1024, commission: 'none', 'half-spread-bps': 0 },
        { name: 'costs', steps: 1500, 'ent-coef': 0.01 },
      ]),
    )
    const args = [...SHORT.slice(2), '--curriculum', 'plan.json']
    const { status, stdout } = await dir.jules(['train', ...args, '-o', 'run', 'bars.parquet'])
    expect(status).toBe(0)
    const phases = parse(stdout)
      .filter(({ type }) => type === 'metric')
      .map(({ phase }) => phase)
    expect(phases).toEqual(['free', 'free', 'costs', 'costs', 'costs'])
    const child = dir.start('node', [
      join(process.cwd(), 'bin/jules'),
      'train',
      ...args,
      '-o',
      'cut',
      'bars.parquet',
    ])
    const end = finished(child)
    let lines = 0
    child.stdout?.on('data', (data: Buffer) => {
      lines += data.toString().split('\n').length - 1
      if (lines >= 3) child.kill('SIGKILL')
    })
    await end
    expect((await dir.jules(['train', '--resume', 'cut'])).status).toBe(0)
    expect(sha256(dir.file('cut/policy.safetensors'))).toBe(sha256(dir.file('run/policy.safetensors')))
    dir.write('plan.json', '[{"name":"x","steps":10,"speed":3}]')
    const bad = await dir.jules(['train', ...args, 'bars.parquet'])
    expect([bad.status, bad.stderr]).toEqual([
      65,
      expect.stringContaining('plan.json: phase 1: unknown key "speed"'),
    ])
    const both = await dir.jules(['train', ...SHORT, '--curriculum', 'default', 'bars.parquet'])
    expect([both.status, both.stderr]).toEqual([
      64,
      'jules train: --steps: the phases of --curriculum have their own\n',
    ])
  })
})

describe('the GPU', () => {
  test.each([
    ['--gpu', '@tensorflow/tfjs-node-gpu'],
    ['--gpu=webgpu', 'webgpu'],
  ])('%s without its package is 69, and never a run on the CPU', async (flag, name) => {
    const dir = await withBars()
    // The flag stands before the operand, and does not take it for its value.
    const { status, stdout, stderr } = await dir.jules(['train', ...SHORT, '-o', 'run', flag, 'bars.parquet'])
    expect([status, stdout]).toEqual([69, ''])
    expect(stderr).toContain(
      `jules train: the package ${name} is not installed\njules train: hint: npm install`,
    )
    expect(existsSync(dir.file('run'))).toBe(false)
  })
})

// They change only when the arithmetic is meant to change; the command-line tests run on every supported Node.
test.each([
  [
    'two layers, normalised',
    ['--env', 'tmaze10', '--steps', '4096', '--lstm', 'separate', '--layers', '2', '--norm-obs'],
    '6dfbe42e5b8e974e04e878a07d63c0a61ca4a29993eb5d16abe00fa8f01a46d6',
  ],
  [
    'short sequences',
    ['--env', 'cartpole-novel', '--steps', '1024', '--bptt', '16'],
    '282c40d295fbf9685e80dac16fcafc5803c1ada032037fb17fb6f02110756477',
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
      'jules train: the run was begun by the engine cpu-unfused, and this is cpu',
    ])
  },
)

test('bench measures what there is and names what is not', async () => {
  const dir = new Workdir()
  const { status, stdout } = await dir.jules(['bench', '--widths', '32', '--threads', '1'])
  expect(status).toBe(0)
  const [cpu, gpu, webgpu, advice] = parse(stdout)
  expect(cpu).toMatchObject({ type: 'bench', engine: 'cpu, 1 thread', available: true, hidden: 32 })
  // A scalar loop would be fifty times slower than this floor's hundredfold margin allows.
  expect(cpu.steps_per_s).toBeGreaterThan(500)
  expect(gpu).toMatchObject({
    available: false,
    reason: 'the package @tensorflow/tfjs-node-gpu is not installed',
  })
  expect(webgpu.available).toBe(false)
  expect(advice).toMatchObject({ type: 'bench_advice', use: { 32: 'cpu, 1 thread' } })
})
