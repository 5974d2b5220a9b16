/** The verdict of a run: in the summary, in the first line of the table, and in what comes next. */
import { appendFileSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse, SHORT, train, withBars } from '../support/training.js'
import { Workdir } from '../support/workdir.js'

type Run = { status: number | null; stdout: string; stderr: string }

const GOLDEN = `Nothing was traded (2 sessions); nothing speaks for it:
  no evidence of skill: there were no trades
  generated bars (mock) prove nothing about a market
next: a policy that learns

flat on NVDA and MSFT, 1m bars of stdin (mock)
2025-07-31 to 2025-08-01: 2 sessions, 729 decisions, fills at the next open
capital $5,000.00, commission ib-tiered, half a spread 1 bps

equity $5,000.00 throughout

net result                       $0.00    trades                               0
total return                    0.00 %    exposure                        0.00 %
largest drawdown                0.00 %    turnover                         $0.00
largest fall, $                  $0.00    costs                            $0.00
longest, in bars                     0

net result at a multiple of the costs
             0x           0.5x             1x             2x             5x
          $0.00          $0.00          $0.00          $0.00          $0.00

held against
  flat                       $0.00
  buy-hold NVDA              $3.93
  buy-hold MSFT             $22.51
  buy-hold 50/50            $13.22
  sma-cross                -$54.39

not given: random; p against random; profit factor; holding, minutes;
  break-even, bps (there were no trades); annual return; volatility, a year;
  Sharpe, sessions; Sortino, sessions; Calmar; VaR 95, a session; CVaR 95, a
  session (2 returns, fewer than 20); Sharpe, bars; Sortino, bars; t of the
  sessions (2 sessions, fewer than 20); hit rate (there were no trades with a
  result)
note: no trades: the policy never asked for a position
`

/** Bars of 22 sessions as a market would name them, and actions that know how each of its sessions ends. */
async function knowing(): Promise<Workdir> {
  const dir = await withBars(22)
  const { stdout } = await dir.called(['fetch', 'bars.parquet'])
  const text = stdout.replaceAll('"source":"mock"', '"source":"ib"')
  dir.write('bars.ndjson', text)
  const bars = parse(text).filter(({ symbol }) => symbol === 'NVDA')
  const lastOf = new Map(bars.map(({ time, close }) => [time.slice(0, 10), close]))
  const firstOf = new Map(bars.toReversed().map(({ time, open }) => [time.slice(0, 10), open]))
  const actions = bars.slice(50, -1).map(({ time }) => {
    const day = time.slice(0, 10)
    return lastOf.get(day) > firstOf.get(day) ? 7 : 1
  })
  dir.write('actions.json', JSON.stringify(actions))
  return dir
}

const KNOWING = ['backtest', '--policy', 'replay:actions.json', 'bars.ndjson']
const table = (dir: Workdir, ...args: readonly string[]): Promise<Run> =>
  dir.called(['backtest', '-f', 'table', ...args])

/** The command that stands under `next`, joined as the shell would. */
const nextOf = (text: string): string | undefined => /^next: .*\n( {2}jules [\s\S]*?)\n\n/m.exec(text)?.[1]

describe('the table', () => {
  test('is this one for a run of two sessions, in any locale that is not of UTF-8', async () => {
    const dir = new Workdir()
    const bars = (await dir.called(['fetch', '--mock', '--days', '2'])).stdout
    for (const env of [{}, { LANG: 'C' }, { LANG: 'de_DE.UTF-8', LC_ALL: 'POSIX' }, { NO_COLOR: '1' }]) {
      const run = await dir.called(['backtest', '-f', 'table', '-'], { input: bars, env })
      expect([run.status, run.stdout]).toEqual([0, GOLDEN])
    }
    const utf8 = await dir.called(['backtest', '-f', 'table', '-'], { input: bars, env: { LANG: 'C.UTF-8' } })
    expect(utf8.stdout).toBe(GOLDEN)
  })

  test('draws equity and drawdown: dots where the locale has them, else plain marks', async () => {
    const dir = await withBars(2)
    const args = ['backtest', '-f', 'table', '--policy', 'sma-cross', 'bars.parquet']
    const drawn = async (env: Record<string, string>) => {
      const lines = (await dir.called(args, { env })).stdout.split('\n')
      const at = lines.findIndex((line) => line.startsWith('equity from $'))
      const under = lines.findIndex((line) => /^drawdown, [\d.]+ % at most$/.test(line))
      return [lines.slice(at + 1, under), lines.slice(under + 1, lines.indexOf('', under))]
    }
    const [equity, fall] = await drawn({ LANG: 'C.UTF-8' })
    expect([equity!.length, fall!.length]).toEqual([8, 4])
    expect([...equity!, ...fall!].every((line) => /^[\u2800-\u28ff]{80}$/.test(line))).toBe(true)
    const [marks, below] = await drawn({ LANG: 'C' })
    expect([...marks!, ...below!].every((line) => /^[ *]{80}$/.test(line))).toBe(true)
    // A fall hangs from its peak, so its first line has most marks.
    expect(below![0]!.replaceAll(' ', '').length).toBeGreaterThan(below![3]!.replaceAll(' ', '').length)
  })

  test('has losses in red, gains in green and the verdict bold, on demand alone', async () => {
    const dir = await withBars(22)
    const args = ['--policy', 'sma-cross', '--max-loss', '1000', 'bars.parquet']
    const plain = await table(dir, ...args)
    expect(plain.stdout).not.toContain('\u001b')
    expect(plain.stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    const { stdout } = await table(dir, '--color', 'always', ...args)
    expect(stdout).toMatch(/^\u001b\[1mLost \$155\.86 net \(t -2\.10, 22 sessions\)/)
    expect(stdout).toMatch(/net result +\u001b\[31m +-\$155\.86\u001b\[39m/)
    expect(stdout).toMatch(/\u001b\[32m +\$70\.80\u001b\[39m/)
    expect(stdout.replace(/\u001b\[\d+m/g, '')).toBe(plain.stdout)
    const file = await table(dir, '--color', 'always', '-o', 'table.txt', ...args)
    expect([file.status, dir.read('table.txt')]).toEqual([0, plain.stdout])
  })

  test('names capital, costs and input', async () => {
    const dir = await withBars(2)
    const costs = ['--capital', '7000', '--commission', 'none', '--cost-bps', '3', '--participation', '0.1']
    const { stdout } = await table(dir, ...costs, 'bars.parquet')
    expect(stdout).toContain('1m bars of bars.parquet (mock)\n')
    expect(stdout).toContain(
      'capital $7,000.00, commission none, half a spread 1 bps, on traded value 3 bps,\n  at most 10.00 % of a bar\n',
    )
  })
})

describe('a result that nothing speaks against', () => {
  test('is believed, and the next command checks it', async () => {
    const dir = await knowing()
    const { stdout } = await dir.called([...KNOWING, '--records', 'summary'])
    const [summary] = parse(stdout)
    expect(summary).toMatchObject({ trials: null, verdict: { earned: true, believable: true } })
    expect(summary.verdict.reasons).toEqual([
      `t ${summary.t_sessions.toFixed(2)} over 22 sessions is above 2.08`,
    ])
    expect(Object.keys(summary).slice(-3)).toEqual(['notes', 'trials', 'verdict'])
    const shown = await dir.called([...KNOWING, '-f', 'table'])
    expect(shown.stdout).toMatch(/^Earned \$[\d.,]+ net \(t [\d.]+, 22 sessions\); it can be believed:\n/)
    expect(nextOf(shown.stdout)?.trim()).toBe('jules check-env --policy replay:actions.json bars.ndjson')
    const checked = await dir.shell(nextOf(shown.stdout)!)
    expect([checked.status, checked.stderr]).toEqual([0, ''])
  })

  test.each([
    ['fills at the close', ['--fill', 'close'], /^fills at the close/],
    ['no costs', ['--commission', 'none', '--half-spread-bps', '0'], /^no costs were charged$/],
    ['few sessions', ['--to', '2025-07-15'], /sessions, fewer than 20$/],
  ])('is not believed with %s', async (_title, args, reason) => {
    const dir = await knowing()
    if (args.includes('--to')) {
      const bars = parse(readFileSync(dir.file('bars.ndjson'), 'utf8'))
      const kept = bars.filter(({ symbol, time }) => symbol === 'NVDA' && time < '2025-07-16').length
      dir.write('actions.json', JSON.stringify(JSON.parse(dir.read('actions.json')).slice(0, kept - 51)))
    }
    const { stdout } = await dir.called([...KNOWING, '--records', 'summary', ...args])
    const { verdict } = parse(stdout)[0]
    expect(verdict).toEqual({
      earned: true,
      believable: false,
      reasons: [expect.stringMatching(reason)],
    })
  })
})

describe('what comes next runs as printed', () => {
  test('a model on sessions that it has seen, then on those that it has not', async () => {
    const dir = await withBars(10)
    expect((await train(dir, '-o', 'a run')).status).toBe(0)
    const seen = await table(dir, '--policy', 'model:a run', '--capital', '6000', 'bars.parquet')
    expect(seen.stdout).toContain('the model has seen sessions up to 2025-07-31')
    // It stands under the verdict, and nowhere else.
    expect(seen.stdout.match(/the model has seen/g)).toHaveLength(1)
    expect(nextOf(seen.stdout)).toContain("--policy 'model:a run'")
    const { status, stdout } = await dir.shell(`${nextOf(seen.stdout)} --records summary`)
    expect(status).toBe(0)
    expect(parse(stdout)[0]).toMatchObject({ from: '2025-08-01', to: '2025-08-01', capital: 6000 })
    expect(parse(stdout)[0].verdict.reasons.join()).not.toContain('seen')
  })

  test('fills at the close, and a policy that does not learn', async () => {
    const dir = await withBars(8)
    const close = await table(dir, '--policy', 'random', '--fill', 'close', '--seed', '3', 'bars.parquet')
    const open = await dir.shell(`${nextOf(close.stdout)} --records summary`)
    expect([open.status, parse(open.stdout)[0].fill]).toEqual([0, 'open'])
    const flat = await table(dir, '--long-only', 'bars.parquet')
    expect(nextOf(flat.stdout)?.trim()).toBe('jules train --long-only bars.parquet')
    const env = Object.fromEntries(
      SHORT.flatMap((word, i) =>
        i % 2 === 0 ? [[`JULES_${word.slice(2).replaceAll('-', '_').toUpperCase()}`, SHORT[i + 1]!]] : [],
      ),
    )
    expect((await dir.shell(nextOf(flat.stdout)!, { env })).status).toBe(0)
    // Of two sessions none can be left, and a pipe cannot be read again.
    const few = await table(dir, '--from', '2025-07-31', 'bars.parquet')
    const piped = await dir.line('jules fetch bars.parquet | jules backtest -f table -')
    expect([nextOf(few.stdout), nextOf(piped.stdout)]).toEqual([undefined, undefined])
  })

  test('a long command is cut where the shell joins it', async () => {
    const dir = await withBars(8)
    const args = ['--policy', 'random', '--fill', 'close', '--max-position', '900', '--capital', '6000']
    const more = ['--half-spread-bps', '2', '--impact-bps', '1', 'bars.parquet']
    const { stdout } = await table(dir, ...args, ...more)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    const command = nextOf(stdout)!
    expect(command.split('\\\n').length).toBe(2)
    const again = await dir.shell(`${command} --records summary`)
    expect([again.status, parse(again.stdout)[0].capital]).toEqual([0, 6000])
  })
})

describe('trials', () => {
  test('are those on the bars of the model, and as many as there are now', async () => {
    const dir = await withBars()
    const of = async (policy: string) => {
      const { stdout } = await dir.called([
        'backtest',
        '--policy',
        policy,
        '--records',
        'summary',
        'bars.parquet',
      ])
      return parse(stdout)[0].trials
    }
    await train(dir, '-o', 'a')
    expect([await of('flat'), await of('model:a')]).toEqual([null, 1])
    await train(dir, '-o', 'b', '--seed', '2')
    await train(dir, '-o', 'c', '--seed', '2')
    expect([await of('model:a'), await of('model:b')]).toEqual([2, 2])
    // A model that the registry does not know is still one; a torn line hides none.
    appendFileSync(dir.file('.local/share/jules/runs.ndjson'), '{"type":"run","ru')
    expect(await of('model:a')).toBe(2)
    const { stdout } = await dir.called(
      ['backtest', '--policy', 'model:a', '--records', 'summary', 'bars.parquet'],
      { env: { XDG_DATA_HOME: dir.file('elsewhere') } },
    )
    expect(parse(stdout)[0].trials).toBe(1)
  })
})

describe('train', () => {
  test('says at the end that no model beat doing nothing, and warns first of too few sessions', async () => {
    const dir = await withBars()
    const { stdout, stderr } = await train(dir, '-f', 'table', '-o', 'run')
    expect(stderr.split('\n')[0]).toBe(
      'jules train: warning: 1 of 8 sessions are left for testing, too few to believe a result on: 123 more sessions of bars leave 20',
    )
    const lines = stdout.trimEnd().split('\n')
    expect(lines.at(-1)).toMatch(/^against {2}the model .*; the session of \S+ is untouched$/)
    expect(lines.at(-2)).toMatch(
      /^verdict {2}no model that was evaluated beat doing nothing: the best came to -?\$\d+\.\d\d in validation$/,
    )
    // It was said when the run began.
    const again = await dir.called(['train', '--resume', 'run'])
    expect([again.status, again.stderr]).toEqual([0, expect.not.stringContaining('warning')])
  })

  test('of enough sessions warns of nothing, and says nothing of a task', async () => {
    const dir = await withBars(131, ['--interval', '30m'])
    const { status, stderr } = await train(dir, '-o', 'run')
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^jules train: training on .* 20 sessions from/),
    ])
    const task = await dir.called([
      'train',
      '--env',
      'tmaze10',
      '--steps',
      '1024',
      '-f',
      'table',
      '-o',
      'task',
    ])
    expect(task.stdout).not.toContain('verdict')
  })
})
