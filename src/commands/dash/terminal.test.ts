import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { lockWorldOf } from '../../../test/support/lock-world.js'
import { Workdir } from '../../../test/support/workdir.js'
import type { Context } from '../../cli/context.js'
import { Dashboard } from '../../dash/dashboard.js'
import { untilStopped } from '../wiring/stop.js'
import { showOnTerminal } from './terminal.js'

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'

/** The view on a terminal that is of the size that the test says, with everything that was written to it. */
async function shown() {
  const dir = new Workdir('jules-tui-')
  dir.write(
    'r.ndjson',
    '{"type":"equity","time":"2025-07-30T13:31:00Z","run":"day","cash":1,"equity":5012.5}\n',
  )
  const written: string[] = []
  const stdout = process.stdout
  const { columns, rows } = stdout
  const write = vi.spyOn(stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0)
  onTestFinished(() => {
    write.mockRestore()
    Object.assign(stdout, { columns, rows })
  })
  const dashboard = new Dashboard({
    ...{ places: [dir.path], registry: null, world: lockWorldOf(1), clock: Date.now, boot: 'b0' },
    ...{ later: () => () => {}, failed: () => {} },
  })
  await dashboard.open()
  await dashboard.look()
  const stop = new AbortController()
  const forced = new Set<() => void>()
  const killed: unknown[] = []
  const context = {
    ...{ stdoutIsTTY: true, signal: stop.signal, pid: 7, stdout: () => ({}) },
    env: (name: string) => (name === 'LC_ALL' ? 'C.UTF-8' : undefined),
    kill: (...words: unknown[]) => killed.push(...words),
    onForcedExit: (call: () => void) => {
      forced.add(call)
      return () => forced.delete(call)
    },
  } as unknown as Context
  const stopping = untilStopped(context)
  const signals = () => ['SIGTSTP', 'SIGCONT'].map((name) => process.listenerCount(name))
  const before = [...signals(), stdout.listenerCount('resize')]
  const ended = showOnTerminal(context, dashboard, stopping).catch((error) => error)
  onTestFinished(async () => {
    stop.abort()
    await ended
    expect([...signals(), stdout.listenerCount('resize')]).toEqual(before)
    await dashboard.close()
  })
  return {
    ...{ written, forced, killed, stop, ended, dashboard },
    sized: (columns: number, rows: number) => {
      Object.assign(stdout, { columns, rows })
      stdout.emit('resize')
      // What is on the screen: lines from the top, each cleared to its end.
      const lines = written.at(-1)!.slice('\u001b[H'.length, -'\u001b[J'.length).split('\u001b[K')
      return lines.map((line) => line.replace('\r\n', '')).slice(0, -1)
    },
  }
}

describe('the view on a terminal', () => {
  test('fits each size that it is given, down to one character', async () => {
    const { sized } = await shown()
    for (const [columns, rows] of [
      [120, 40],
      [40, 10],
      [1, 1],
      [200, 3],
    ] as const) {
      const lines = sized(columns, rows)
      expect(lines.length).toBeLessThanOrEqual(rows)
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns)
    }
    // A terminal that does not know its size.
    expect(sized(0, 0).join('\n')).toContain('$5,012.50')
  })

  test('gives the terminal back at the end, once', async () => {
    const { written, stop, ended, forced } = await shown()
    expect(written[0]).toBe(ENTER)
    stop.abort()
    await ended
    expect(written.filter((text) => text === LEAVE).length).toBe(1)
    expect(written.at(-1)).toBe(LEAVE)
    expect(forced.size).toBe(0)
  })

  test('gives it back when it must go at once, as of a second signal', async () => {
    const { written, forced } = await shown()
    for (const call of forced) call()
    expect(written.at(-1)).toBe(LEAVE)
  })

  test('gives it back when drawing throws, and ends with that', async () => {
    const { written, ended, dashboard } = await shown()
    vi.spyOn(dashboard, 'pulse').mockImplementation(() => {
      throw new Error('a bug')
    })
    process.stdout.emit('resize')
    expect(await ended).toEqual(new Error('a bug'))
    expect(written.at(-1)).toBe(LEAVE)
  })

  test('gives it back while it is suspended', async () => {
    const { written, killed } = await shown()
    process.emit('SIGTSTP')
    expect([written.at(-1), killed]).toEqual([LEAVE, [7, 'SIGSTOP']])
    process.emit('SIGCONT')
    expect(written.slice(-2)[0]).toBe(ENTER)
    expect(written.at(-1)).toContain('$5,012.50')
  })
})
