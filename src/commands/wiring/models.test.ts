import { describe, expect, test } from 'vitest'
import type { DataSpan, SeenSpan } from '../../agent/model/model.js'
import { type LoadedModel, seenNotes, seenTo } from './models.js'

/** A model trained from 1 to 10 March, validated until 15, after those before it. */
const trained = (before?: readonly SeenSpan[]): LoadedModel => {
  const data: DataSpan = {
    sha256: '',
    symbols: ['NVDA', 'MSFT'],
    sources: ['x'],
    train: ['2025-03-01', '2025-03-10'],
    validation: ['2025-03-11', '2025-03-15'],
    ...(before === undefined ? {} : { before }),
  }
  return { path: 'm', sha256: '', model: { data } as LoadedModel['model'] }
}

describe('sessions that a model has seen, itself or as one that it started from', () => {
  const JUNE: SeenSpan = ['2025-06-01', '2025-06-30']
  const JANUARY: SeenSpan = ['2025-01-01', '2025-01-31']
  test.each<[before: readonly SeenSpan[] | undefined, from: string, to: string, last: string | null]>([
    [undefined, '2025-03-16', '2025-07-01', null],
    [undefined, '2025-03-15', '2025-07-01', '2025-03-15'],
    [undefined, '2025-01-01', '2025-02-28', null],
    [[JUNE], '2025-03-16', '2025-05-31', null],
    [[JUNE], '2025-03-16', '2025-06-01', '2025-06-30'],
    [[JUNE], '2025-03-01', '2025-07-01', '2025-06-30'],
    [[JUNE], '2025-07-01', '2025-08-01', null],
    [[JANUARY, JUNE], '2025-01-15', '2025-02-01', '2025-01-31'],
    [[JANUARY, null], '2025-07-01', '2025-08-01', null],
  ])('after %j, from %s to %s: %s', (before, from, to, last) => {
    expect(seenTo(trained(before), from, to)).toBe(last)
    expect(seenNotes(trained(before), from, to)).toEqual([
      ...(last === null
        ? []
        : [`the model has seen sessions up to ${last}: only a result on later ones counts`]),
      ...(before?.includes(null)
        ? ['the model it started from does not say which sessions it has seen']
        : []),
    ])
  })
})
