/** Trials: how often the same bars were trained on. */
import { describe, expect, test } from 'vitest'
import { parse, train, withBars } from '../support/training.js'

describe('trials', () => {
  test('are counted over runs on the same bars; resumes and tasks are not', async () => {
    const dir = await withBars()
    const trial = async (...args: string[]) => parse((await train(dir, ...args)).stdout).at(-1).trial
    expect(await trial('-o', 'a')).toBe(1)
    expect(await trial('-o', 'b', '--seed', '2')).toBe(2)
    // The same once more is no new trial.
    expect(await trial('-o', 'c', '--seed', '2')).toBe(2)
    expect(parse((await dir.called(['train', '--resume', 'a'])).stdout).at(-1).trial).toBe(1)
    const task = await dir.called(['train', '--env', 'tmaze10', '--steps', '1024', '-o', 'task'])
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
