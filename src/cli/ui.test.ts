/** Words for people: where there is no terminal, progress is a line every ten seconds. */
import { expect, test } from 'vitest'
import { createUi, inLine, painter } from './ui.js'

async function uiOf({ each = 1, ...more }: { json?: boolean; quiet?: boolean; each?: number } = {}) {
  const written: string[] = []
  const clock = { ms: 0 }
  const ui = createUi({
    stderr: { isTTY: false, write: (text) => written.push(text) },
    command: 'load',
    quiet: false,
    verbose: false,
    json: false,
    ci: false,
    ...more,
    paint: await painter(false),
    now: () => clock.ms,
  })
  const progress = ui.progress('rows')
  for (clock.ms = 0; clock.ms <= 25_000; clock.ms += 1000) progress.update(clock.ms / each, 50_000 / each)
  progress.end()
  return written
}

test('what a name of a file holds cannot pass for a line of its own', async () => {
  expect(inLine('a\n\u001b[31mjules load: done')).toBe('a\\n\\u001b[31mjules load: done')
})

test('without a terminal progress is one line in ten seconds', async () => {
  expect(await uiOf()).toEqual([
    'jules load: 10000/50000 rows, 1000/s, 40 s left\n',
    'jules load: 20000/50000 rows, 1000/s, 30 s left\n',
  ])
})

test('of what takes longer than a second each the time of one is told', async () => {
  expect(await uiOf({ each: 2500 })).toEqual([
    'jules load: 4/20 rows, 3 s each, 40 s left\n',
    'jules load: 8/20 rows, 3 s each, 30 s left\n',
  ])
})

test('on a terminal the bar takes what room the words leave, and the line never wraps', async () => {
  const drawn = async (columns: number, more?: string) => {
    const written: string[] = []
    const clock = { ms: 0 }
    const stderr = { isTTY: true, columns: () => columns, write: (text: string) => written.push(text) }
    const ui = createUi({
      stderr,
      command: 'train',
      quiet: false,
      verbose: false,
      json: false,
      ci: false,
      paint: await painter(false),
      now: () => clock.ms,
    })
    const progress = ui.progress('steps')
    clock.ms = 1000
    progress.update(50_000, 200_000, more)
    return written.join('')
  }
  const words = '50000/200000 steps, 50000/s, 3 s left'
  expect(await drawn(80)).toBe(`jules train: [#####               ] ${words}`)
  const scores = 'val $312.30, best $345.60'
  expect(await drawn(120, scores)).toBe(`jules train: [#####               ] ${words}, ${scores}`)
  expect(await drawn(87, scores)).toBe(`jules train: [##    ] ${words}, ${scores}`)
  expect(await drawn(80, scores)).toBe(`jules train: ${words}, ${scores}`)
  expect(await drawn(40, scores)).toBe(`jules train: ${words}, ${scores}`.slice(0, 39))
})

test('under --json it is a JSON line, under --quiet nothing', async () => {
  expect((await uiOf({ json: true })).map((line) => JSON.parse(line))[1]).toEqual({
    type: 'progress',
    command: 'load',
    message: '20000/50000 rows, 1000/s, 30 s left',
    done: 20_000,
    total: 50_000,
  })
  expect(await uiOf({ quiet: true })).toEqual([])
})

test('a text from outside stays in its line and drives no terminal', () => {
  expect(inLine('a\u001b[31m\nb\tc\u202ed.csv')).toBe('a\\u001b[31m\\nb\\tc\\u202ed.csv')
  expect(inLine('Ünï 1.csv')).toBe('Ünï 1.csv')
})
