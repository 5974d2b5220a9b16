/** Texts that no field can hold, as long as a line may be: refused at once. With an expression that tries each start they take hours. */
import { expect, test } from 'vitest'
import { memorySource } from '../../../test/support/memory-source.js'
import { readRecords } from '../records.js'

const HEAD = 'time,symbol,open,high,low,close,volume\n'
const ROW = '2025-07-30T13:30:00Z,NVDA'
const N = 900_000

test.each<[string, string, string]>([
  ['blanks before a letter', `${HEAD}${ROW},1,2,1,2,5${' '.repeat(N)}x\n`, 'volume: expected a number'],
  ['commas in a number', `${HEAD}${ROW},"${'1,'.repeat(N / 2)}x",2,1,2,5\n`, 'open: expected a number'],
  ['digits for a time', `${HEAD}${'1'.repeat(N)},NVDA,1,2,1,2,5\n`, 'time: expected a time'],
  ['a first line without end', `time${',a'.repeat(N / 2)}\n`, 'a first line longer than 262144 bytes'],
  [
    'a name of open brackets',
    `time,${'('.repeat(200_000)}\n`,
    'a first line with a cell of 200000 characters',
  ],
])('%s', async (_title, text, words) => {
  const read = async () => {
    for await (const _ of readRecords(memorySource('csv', Buffer.from(text)), { interval: '1m' }));
  }
  await expect(read()).rejects.toThrow(words)
})
