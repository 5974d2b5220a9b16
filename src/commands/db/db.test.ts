import { expect, test } from 'vitest'
import { exitsOf, isGroup } from '../../cli/command.js'
import { db } from './db.js'

test.each<[name: string, own: number[]]>([
  ['start', [69, 73, 74, 77]],
  ['stop', [69, 74, 77]],
  ['status', [1, 69, 74, 75, 77]],
  ['path', []],
  ['psql-url', [69, 73, 74, 77]],
  ['init', [69, 73, 74, 75, 77]],
  ['purge', [1, 65, 66, 69, 73, 74, 75, 77]],
])('db %s lists its own exit statuses', (name, own) => {
  const command = isGroup(db) ? db.commands.find((one) => one.name === name) : undefined
  expect(command).toBeDefined()
  const codes = exitsOf(command!).map(([code]) => code)
  expect(codes).toEqual([0, ...own, 64, 70, 78, 130, 143].sort((a, b) => a - b))
})
