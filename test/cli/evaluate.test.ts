import { expect, test } from 'vitest'
import { lehmer } from '../support/lehmer.js'
import { Workdir } from '../support/workdir.js'

const returns = lehmer(3, 40).map((u) => 0.02 * u + 0.006)
const numbers = `${returns.join('\n')}\n`

test('a series as a file and through a pipe: one summary, the same bytes', async () => {
  const dir = new Workdir()
  dir.write('r.json', JSON.stringify(returns))
  const options = ['--trials', '10', '--trial-sharpe-std', '0.1', '--periods', '12']
  const [file, pipe] = [
    await dir.called(['evaluate', '--returns', 'r.json', ...options]),
    await dir.called(['evaluate', '--returns', '-', ...options], { input: numbers }),
  ]
  expect([file.status, file.stderr]).toEqual([0, ''])
  const summary = JSON.parse(file.stdout)
  expect(Object.keys(summary).slice(0, 6)).toEqual(['type', 'run', 'command', 'input', 'from', 'to'])
  expect(summary).toMatchObject({ input: 'r.json', n: 40, periods: 12, trials: 10, trial_sharpe_std: 0.1 })
  expect(summary.sharpe).toBeCloseTo(summary.sharpe_period * Math.sqrt(12), 12)
  expect(summary.reasons).toEqual({ dsr_neff: 'the correlation of the trials is not given' })
  expect(pipe.stdout).toBe(file.stdout.replace('r.json', 'stdin'))
})

test('a table of 80 columns, with what is not given and why', async () => {
  const { status, stdout } = await new Workdir().called(['evaluate', '--returns', '-', '-f', 'table'], {
    input: '0.01\n-0.01\n',
  })
  expect(status).toBe(0)
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(stdout).toMatch(/^total return +-0\.01 %$/m)
  expect(stdout).toContain('  2 returns, fewer than 20:\n    annual_return, mean, volatility,')
})

test.each([
  [['--returns', '-'], '0.01\nn/a\n', 65, 'stdin:2: return: expected a number, got "n/a"'],
  [['--returns', '-'], '', 66, 'stdin: is empty'],
  [['--returns', 'none.txt'], '', 66, 'none.txt: no such file or directory'],
  [['--returns', '-', '--trial-sharpe-std', '0.1'], '0.01\n', 64, '--trial-sharpe-std needs --trials'],
  [['--returns', '-', '--trials', '0'], '0.01\n', 64, '--trials: expected 1 to 1000000000, got 0'],
  [['--returns', '-', '--leak-test'], '', 64, '--returns and --leak-test exclude each other'],
  [['--returns', '-', 'b.ndjson'], '', 64, '--returns names its file: got b.ndjson too'],
])('%j on %j is %i', async (args, input, code, words) => {
  const { status, stdout, stderr } = await new Workdir().called(['evaluate', ...args], { input })
  expect([status, stdout, stderr.split('\n')[0]]).toEqual([code, '', `jules evaluate: ${words}`])
})
