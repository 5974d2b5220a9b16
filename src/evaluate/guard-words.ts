/** What a risk record says, in words. */
import { HOUR, MINUTE, SECOND } from '../base/time.js'
import { grouped } from '../base/words.js'
import { type RiskUnit, RULES } from '../risk/rules.js'
import { isObject } from '../stream/json.js'
import { dollars, percent } from './shown.js'

/** `wanted 5, allowed 0, value 4 min, limit 5 min`: shares, and the rest in the unit of the rule; of a rule that is not known, as it stands. */
export function guardWords(rule: unknown, detail: unknown): string {
  if (!isObject(detail)) return ''
  const unit = RULES.find(({ name }) => name === rule)?.unit ?? null
  return KEYS.flatMap(({ key, name, areShares }) => {
    const value = detail[key]
    if (typeof value !== 'number' || !Number.isFinite(value)) return []
    return [`${name} ${areShares || unit === null ? String(value) : WORDS[unit](value)}`]
  }).join(', ')
}

const KEYS = [
  { key: 'wanted', name: 'wanted', areShares: true },
  { key: 'allowed', name: 'allowed', areShares: true },
  { key: 'value', name: 'value', areShares: false },
  { key: 'limit', name: 'limit', areShares: false },
  { key: 'overshoot', name: 'passed by', areShares: false },
] as const

const short = (value: number): string => String(Number(value.toFixed(1)))

const WORDS: Readonly<Record<RiskUnit, (value: number) => string>> = {
  dollars,
  part: percent,
  count: (value) => grouped(value, 0),
  multiple: (value) => `${grouped(value, 2)} times`,
  ms: (value) => {
    if (Math.abs(value) >= HOUR) return `${short(value / HOUR)} h`
    return Math.abs(value) >= MINUTE ? `${short(value / MINUTE)} min` : `${short(value / SECOND)} s`
  },
}
