/** Words for people: where there is no terminal, progress is a line every ten seconds. */
import { expect, test } from 'vitest'
import { createUi, painter } from './ui.js'

async function uiOf(more: { readonly json?: boolean; readonly quiet?: boolean } = {}) {
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
  for (clock.ms = 0; clock.ms <= 25_000; clock.ms += 1000) progress.update(clock.ms, 50_000)
  progress.end()
  return written
}

test('without a terminal progress is one line in ten seconds', async () => {
  expect(await uiOf()).toEqual([
    'jules load: 10000/50000 rows, 1000/s, 40 s left\n',
    'jules load: 20000/50000 rows, 1000/s, 30 s left\n',
  ])
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
