/** Runs that start from another model, or go through phases. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../src/agent/model/model.js'
import { encodeSafetensors } from '../../src/agent/model/safetensors.js'
import { parse, SHORT, sha256, train, withBars } from '../support/training.js'
import { finished } from '../support/workdir.js'

describe('other starts', () => {
  test('a model of one ticker starts one of two', async () => {
    const dir = await withBars()
    expect((await train(dir, '-o', 'one', '--symbols', 'NVDA')).status).toBe(0)
    const one = decodeModel(readFileSync(dir.file('one/policy.safetensors')), 'one')
    expect([one.shape.inputs, one.shape.actions, one.spec.actions]).toEqual([13, 3, [[-1], [0], [1]]])
    const two = await train(dir, '-o', 'two', '--transfer-from', 'one')
    expect(two.status).toBe(0)
    // The newest run, by its name as --policy has it; what it was stays written down, whatever is trained later.
    // Its own name: that of a second can be the name of two.
    const again = await train(dir, '-o', 'again', '--run', 'mine', '--transfer-from', 'model:latest')
    expect([again.status, again.stderr]).toEqual([
      0,
      expect.stringMatching(/model:latest is the run [\w-]+ in .*two\n/),
    ])
    expect(JSON.parse(dir.read('again/manifest.json')).options['transfer-from']).toBe(dir.file('two'))
    const { run } = JSON.parse(dir.read('again/manifest.json'))
    for (const name of ['model:latest', 'latest', `model:${run}`, run, 'again'])
      expect((await dir.called(['export-model', name, '-o', '-'])).stdout).toBe(
        (await dir.called(['export-model', 'again', '-o', '-'])).stdout,
      )
    // What one saw, two and the run after it have seen.
    const seen = (path: string) => {
      const { data } = decodeModel(readFileSync(dir.file(`${path}/policy.safetensors`)), path)
      return [data?.train[0], data?.validation[1], data?.before]
    }
    const [from, to] = seen('one')
    expect(seen('one')[2]).toBeUndefined()
    expect(seen('two')[2]).toEqual([[from, to]])
    expect(seen('again')[2]).toEqual([
      [from, to],
      [from, to],
    ])
    expect(two.stderr).toContain(`the model to start from has seen sessions up to ${to}`)
    const wide = await train(dir, '-o', 'wide', '--transfer-from', 'one', '--hidden', '48')
    expect([wide.status, wide.stderr]).toEqual([
      65,
      expect.stringContaining('its hidden is 16, and 48 is asked for'),
    ])
    expect(wide.stderr).toContain('hint: give --hidden 16')
    // Where no width is asked for it is taken over twice.
    const at = SHORT.indexOf('--hidden')
    const short = [...SHORT.slice(0, at), ...SHORT.slice(at + 2)]
    const twice = await dir.called([
      'train',
      ...short,
      '-o',
      'twice',
      '--transfer-from',
      'one',
      'bars.parquet',
    ])
    expect([twice.status, twice.stdout.trimEnd().split('\n').length]).toEqual([
      0,
      two.stdout.trimEnd().split('\n').length,
    ])
    const widths = ['two', 'twice'].map(
      (name) => decodeModel(readFileSync(dir.file(`${name}/policy.safetensors`)), name).shape.hidden,
    )
    expect(widths).toEqual([16, 32])
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
    expect(run.stderr).toContain('the model to start from does not say which sessions it has seen')
    expect(decodeModel(readFileSync(dir.file('run/policy.safetensors')), 'run').shape.hidden).toBe(16)
    const direct = await dir.called(['backtest', '--policy', 'model:sb3.safetensors', 'bars.parquet'])
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
    const { status, stdout } = await dir.called(['train', ...args, '-o', 'run', 'bars.parquet'])
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
    expect((await dir.called(['train', '--resume', 'cut'])).status).toBe(0)
    expect(sha256(dir.file('cut/policy.safetensors'))).toBe(sha256(dir.file('run/policy.safetensors')))
    dir.write('plan.json', '[{"name":"x","steps":10,"speed":3}]')
    const bad = await dir.called(['train', ...args, 'bars.parquet'])
    expect([bad.status, bad.stderr]).toEqual([
      65,
      expect.stringContaining('plan.json: phase 1: unknown key "speed"'),
    ])
    const both = await dir.called(['train', ...SHORT, '--curriculum', 'default', 'bars.parquet'])
    expect([both.status, both.stderr]).toEqual([
      64,
      'jules train: --steps: the phases of --curriculum have their own\n',
    ])
  })
})
