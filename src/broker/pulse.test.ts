import { expect, test } from 'vitest'
import { ManualTimers } from '../../test/support/timers.js'
import { Pulse } from './pulse.js'

function beating() {
  const timers = new ManualTimers()
  const heard = { asked: 0, offsets: [] as number[], dead: [] as string[] }
  const pulse = new Pulse({
    timers,
    everyMs: 5000,
    ask: () => heard.asked++,
    offset: (ms) => heard.offsets.push(ms),
    dead: (reason) => heard.dead.push(reason),
  })
  return { timers, pulse, heard }
}

test('the time is asked where nothing comes, and two misses are the end', () => {
  const { timers, pulse, heard } = beating()
  timers.advance(3000)
  pulse.heard()
  timers.advance(4999)
  expect(heard.asked).toBe(0)
  timers.advance(1)
  expect(heard.asked).toBe(1)
  timers.advance(9000)
  expect([heard.asked, heard.dead]).toEqual([2, []])
  timers.advance(2000)
  expect(heard.dead).toEqual(['it is silent'])
})

test('an answer in between makes up for a miss', () => {
  const { timers, pulse, heard } = beating()
  for (let i = 0; i < 10; i++) {
    timers.advance(10_500)
    pulse.heard()
    pulse.answered(timers.now())
  }
  expect(heard.dead).toEqual([])
})

test('a process that was held up does not take that for silence', async () => {
  const { timers, pulse, heard } = beating()
  const time = pulse.time()
  // The time is up, and the answer lies in the socket, unread.
  timers.advance(5000)
  pulse.answered(1_005_000)
  await expect(time).resolves.toBe(1_005_000)
  timers.advance(10)
  // Asked in the middle of 1000 and 1005 s, and whole seconds are right to half of one.
  expect(heard.offsets).toEqual([3000])
})

test('a question that stays open when the connection goes is unknown', async () => {
  const { timers, pulse, heard } = beating()
  const time = pulse.time()
  pulse.stop('the connection has ended')
  await expect(time).rejects.toThrow('the connection has ended')
  timers.advance(60_000)
  expect([heard.asked, heard.dead]).toEqual([1, []])
})
