/** Every feature is defined, under the heading of its set, and nothing else is. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FEATURE_SETS } from '../src/env/features.js'

test.each(FEATURE_SETS.map((set) => [set.name, set] as const))(
  'jules-features(7) defines %s',
  (name, set) => {
    const page = readFileSync('man/jules-features.7', 'utf8')
    const section = page.split(/^\.Sh /m).find((part) => part.startsWith(name.toUpperCase()))!
    const defined = [...section.matchAll(/^\.It Li (.*)$/gm)].flatMap((match) => match[1]!.split(', '))
    expect(defined).toEqual(set.columns)
  },
)
