/**
 * The numbers of an object in the order of its properties, so that a state can be stored and put back without a list of its
 * fields that could miss one. Numbers, float64 arrays and objects of these count; nothing else may be in it.
 */

/** The numbers of `state`, appended to `into`. Throws a TypeError where it holds anything else. */
export function numbersOf(state: object, into: number[] = []): number[] {
  for (const value of Object.values(state)) {
    if (typeof value === 'number') into.push(value)
    else if (value instanceof Float64Array) into.push(...value)
    else if (typeof value === 'object' && value !== null) numbersOf(value, into)
    else throw new TypeError(`a state of numbers holds a ${typeof value}`)
  }
  return into
}

/** Puts numbers back; returns how many were used, from `from` on. */
export function setNumbers(state: object, numbers: ArrayLike<number>, from = 0): number {
  let at = from
  const next = (): number => {
    const value = numbers[at++]
    if (value === undefined) throw new RangeError('too few numbers for this state')
    return value
  }
  for (const [key, value] of Object.entries(state)) {
    if (typeof value === 'number') (state as Record<string, unknown>)[key] = next()
    else if (value instanceof Float64Array) for (let i = 0; i < value.length; i++) value[i] = next()
    else at += setNumbers(value as object, numbers, at)
  }
  return at - from
}
