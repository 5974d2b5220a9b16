/** What checks are, for people. */
import type { Thresholds } from '../../validate/check.js'
import { CHECKS } from '../../validate/checks.js'
import { thresholdOf } from '../../validate/validate.js'
import { wrapped } from '../wiring/finding-lines.js'

/** One check with all that is to be known of it, or the list of all. */
export function explained(id: string, given: Thresholds): string[] {
  if (id === 'all') {
    return CHECKS.map(({ id: name, severity, words }) => `${name.padEnd(16)}${severity.padEnd(7)}${words}`)
  }
  return CHECKS.filter((check) => check.id === id).flatMap((check) => [
    `${check.id} (${check.severity}): ${check.words}`,
    ...(check.threshold === null ? [] : [`threshold: ${thresholdOf(check, given)} ${check.unit ?? ''}`]),
    ...wrapped(check.explain, ''),
  ])
}
