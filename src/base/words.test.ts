import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { percent, shellWord } from './words.js'

test.each(['plain/path-1.x', 'my run', "it's", '$HOME', '', '*', '~', 'a"b\\c', 'ümlaut', '-n', '# x'])(
  'the shell reads %j as it was',
  (text) => {
    expect(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text)
  },
)

test('plain words stay as they are', () => {
  expect(shellWord('runs/nvda-msft_1.2')).toBe('runs/nvda-msft_1.2')
})

test.each([
  [0.0125, 2, '1.25 %'],
  [-0.5, 0, '-50 %'],
  [-0.00001, 2, '0.00 %'],
  [12.345678, 2, '1,234.57 %'],
])('percent of %d with %i digits: %s', (part, digits, words) => {
  expect(percent(part, digits)).toBe(words)
})
