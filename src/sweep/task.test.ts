import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkVersion, idOf, planTasks, readPlan, taskLine, tasksOf } from './task.js'

const hash = 'a'.repeat(64)
const bars = { path: '/data/bars.parquet', sha256: hash }
const argv = ['train', '--steps', '512', '--seed', '3']

test('an id is the hash of words, inputs, version and seed', () => {
  const text = JSON.stringify([argv, [[null, hash]], 'jules 1', '3'])
  const expected = createHash('sha256').update(text).digest('hex').slice(0, 16)
  expect(idOf({ argv, inputs: [bars] }, 'jules 1')).toBe(expected)
})

test('an id is another for other words, bytes, symbol or version, and the same for another folder', () => {
  const id = idOf({ argv, inputs: [bars] }, 'jules 1')
  expect(idOf({ argv, inputs: [{ ...bars, path: '/other/b.csv' }] }, 'jules 1')).toBe(id)
  const others = [
    idOf({ argv: [...argv, '--native'], inputs: [bars] }, 'jules 1'),
    idOf({ argv, inputs: [{ ...bars, sha256: 'b'.repeat(64) }] }, 'jules 1'),
    idOf({ argv, inputs: [{ ...bars, symbol: 'NVDA' }] }, 'jules 1'),
    idOf({ argv, inputs: [bars, bars] }, 'jules 1'),
    idOf({ argv, inputs: [bars] }, 'jules 2'),
  ]
  expect(new Set([id, ...others]).size).toBe(6)
})

test('a model to start from counts by its bytes, not by where it is', () => {
  const from = (path: string, sha256 = hash) =>
    idOf(
      {
        argv: ['train', '--transfer-from', path],
        inputs: [bars, { path, sha256, option: 'transfer-from' }],
      },
      'jules 1',
    )
  expect(from('/a/best.safetensors')).toBe(from('/b/best.safetensors'))
  expect(from('/a/best.safetensors')).not.toBe(from('/a/best.safetensors', 'c'.repeat(64)))
})

const [task, same, other] = [argv, argv, ['train']].map(
  (words) => planTasks([{ argv: words, inputs: [bars] }], { version: 'jules 1' })[0]!,
)

test('the same configuration is one task', () => {
  const all = [argv, argv, ['train']].map((words) => ({ argv: words, inputs: [bars] }))
  expect(planTasks(all, { version: 'jules 1' })).toEqual([task, other])
  expect(task).toEqual(same)
})

test('a plan is read as it was written', () => {
  const text = `${taskLine(task!)}\n${taskLine({ ...other!, needs: [task!.id] })}`
  expect(readPlan(text, 'p')).toEqual([task, { ...other, needs: [task!.id] }])
})

const changed = (change: object) => JSON.stringify({ ...JSON.parse(taskLine(task!)), ...change })

test.each([
  ['', 'holds no task'],
  ['{', 'is not JSON'],
  ['{"type":"bar"}', 'expected a task record'],
  [changed({ id: '../../etc' }), 'id: is not that of a task'],
  [changed({ out: '../elsewhere' }), 'out: is not that of a task'],
  [changed({ argv: ['vault', 'get'] }), 'argv: is not that of a task'],
  [changed({ argv: ['train', 'a\0b'] }), 'argv: is not that of a task'],
  [changed({ argv: [...argv, '--native'] }), 'id: its words or inputs were changed'],
  [changed({ inputs: [{ path: 'relative', sha256: hash }] }), 'inputs: is not that of a task'],
  [changed({ inputs: [{ path: '/x', sha256: "'; rm -rf /" }] }), 'inputs: is not that of a task'],
  [changed({ version: 1 }), 'version: is not that of a task'],
  [changed({ halving: { rung: 1, after: '$(x)', keep: 1 } }), 'halving: is not that of a task'],
  [changed({ needs: ['0123456789abcdef'] }), 'needs "0123456789abcdef", which is no task before it'],
])('%s is no plan', (text, words) => {
  expect(() => readPlan(text, 'p')).toThrow(words)
})

test('a plan of another jules is refused', () => {
  checkVersion([task!], 'jules 1')
  expect(() => checkVersion([task!], 'jules 2')).toThrow('the plan was made by jules 1, and this is jules 2')
})

test('each configuration has a task, and those that are the same share one', () => {
  const other = { argv: [...argv, '--native'], inputs: [bars] }
  const each = tasksOf([{ argv, inputs: [bars] }, { argv, inputs: [bars] }, other], { version: 'jules 1' })
  expect(each.map((task) => task.argv)).toEqual([argv, argv, other.argv])
  expect(each[1]).toBe(each[0])
  expect(planTasks([other, { argv, inputs: [bars] }, other], { version: 'jules 1' })).toEqual([
    each[2],
    each[0],
  ])
})
