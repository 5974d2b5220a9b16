import { expect, test } from 'vitest'
import { Failure } from '../base/errors.js'
import { databaseFailure } from './failures.js'

const answer = (code: string, more: object = {}) =>
  Object.assign(new Error('the words'), { code, severity: 'ERROR', ...more })

/** PostgreSQL 18, appendix A: each class, and single states with a meaning of their own. */
const STATUSES: [state: string, status: number][] = [
  ['08006', 69],
  ['08P01', 78],
  ['09000', 65],
  ['0A000', 78],
  ['0LP01', 77],
  ['0P000', 77],
  ['21000', 65],
  ['22001', 65],
  ['22003', 65],
  ['22P03', 78],
  ['23502', 65],
  ['23505', 65],
  ['23514', 65],
  ['25006', 77],
  ['25P03', 69],
  ['27000', 65],
  ['28000', 77],
  ['28P01', 77],
  ['2BP01', 78],
  ['38000', 65],
  ['39P01', 65],
  ['3D000', 69],
  ['3F000', 78],
  ['40001', 75],
  ['40P01', 75],
  ['40002', 65],
  ['42501', 77],
  ['42703', 78],
  ['42P01', 78],
  ['42P10', 78],
  ['42809', 78],
  ['44000', 65],
  ['53100', 74],
  ['53200', 75],
  ['53300', 75],
  ['54000', 69],
  ['55000', 78],
  ['55P03', 75],
  ['57P01', 69],
  ['57P03', 69],
  ['58030', 74],
  ['72000', 75],
  ['F0000', 69],
  ['HV000', 69],
  ['P0001', 65],
  ['XX000', 69],
  ['XX001', 74],
  ['JD001', 65],
]
test.each(STATUSES)('%s is %i', (state, status) => {
  expect(databaseFailure(answer(state), 'here')).toMatchObject({ code: status, message: 'here: the words' })
})

test.each(['03000', '25001', '25P02', '26000', '34000', '3B000', '42601'])(
  '%s is a mistake of jules',
  (state) => {
    expect(databaseFailure(answer(state), 'here')).not.toBeInstanceOf(Failure)
  },
)

test.each([
  [{ table: 'market_data', column: 'desk' }, 'here: the words (table market_data, column desk)'],
  [
    { where: 'COPY market_data, line 7, column volume' },
    'here: the words (table market_data, column volume)',
  ],
  [{ where: 'COPY jules_stage, line 7' }, 'here: the words (table jules_stage)'],
  [{ table: 'market_data', message: 'relation "market_data" has no' }, 'here: relation "market_data" has no'],
])('the place %j is named once', (fields, message) => {
  expect(databaseFailure(answer('22003', fields), 'here')).toMatchObject({ message })
})
