/** How the fields of a message stand one after another, as data: one reader and one writer for every list. */

/** Names one after another, parted by blanks; `name=value` is what stands there where nothing is given. */
type Names = string

/** Fields of some versions only: from `since`, and before `below`. */
interface Versions {
  readonly since: number
  readonly below: number
  readonly fields: Layout
}

/** Fields that follow where one before them has one of these values. */
interface When {
  readonly when: string
  readonly is: (value: string) => boolean
  readonly fields: Layout
}

/** A count, and then the fields so many times. */
interface Repeat {
  readonly repeat: string
  readonly fields: Layout
}

export type Layout = readonly (Names | Versions | When | Repeat)[]

export interface Values {
  readonly [name: string]: string | number | boolean | readonly Values[] | undefined
}
export interface Message {
  [name: string]: string | Message[]
}

export const since = (version: number, ...fields: Layout): Versions => ({
  since: version,
  below: Number.POSITIVE_INFINITY,
  fields,
})
export const below = (version: number, ...fields: Layout): Versions => ({ since: 0, below: version, fields })
export const between = (from: number, to: number, ...fields: Layout): Versions => ({
  since: from,
  below: to,
  fields,
})
export const when = (name: string, is: When['is'], ...fields: Layout): When => ({ when: name, is, fields })
export const repeat = (name: string, ...fields: Layout): Repeat => ({ repeat: name, fields })

export const isSet = (value: string): boolean => value !== ''
export const isOneOf =
  (...values: string[]) =>
  (value: string): boolean =>
    values.includes(value)

/** Why fields are not those of their message. */
export class BadFields extends Error {
  override readonly name = 'BadFields'
}

/** Of any list: a count beyond it is no message of a client. */
const MOST_REPEATS = 1000

/** The fields of a message by name. Throws BadFields where there are too few or too many of them. */
export function read(layout: Layout, version: number, fields: readonly string[]): Message {
  let at = 0
  const next = (name: string): string => {
    const field = fields[at++]
    if (field === undefined) throw new BadFields(`it ends before ${name}`)
    return field
  }
  const into = (parts: Layout, message: Message): Message => {
    for (const part of parts) {
      if (typeof part === 'string') for (const { name } of namesOf(part)) message[name] = next(name)
      else if ('when' in part) {
        const value = message[part.when]
        if (part.is(typeof value === 'string' ? value : String(value?.length ?? 0)))
          into(part.fields, message)
      } else if ('repeat' in part) {
        const text = next(part.repeat)
        const count = text === '' ? 0 : Number(text)
        if (!Number.isInteger(count) || count < 0 || count > MOST_REPEATS)
          throw new BadFields(`${part.repeat}: ${JSON.stringify(text.slice(0, 40))} is no count`)
        const list: Message[] = []
        for (let i = 0; i < count; i++) list.push(into(part.fields, {}))
        message[part.repeat] = list
      } else if (version >= part.since && version < part.below) into(part.fields, message)
    }
    return message
  }
  const message = into(layout, {})
  if (at < fields.length) throw new BadFields(`${fields.length - at} fields too many`)
  return message
}

/** The fields of a message in their order. What has no value is what the layout says, else empty. */
export function write(layout: Layout, version: number, values: Values): string[] {
  const fields: string[] = []
  const from = (parts: Layout, given: Values): void => {
    for (const part of parts) {
      if (typeof part === 'string') {
        for (const { name, fallback } of namesOf(part)) fields.push(text(given[name], fallback))
      } else if ('when' in part) {
        const value = given[part.when]
        if (part.is(isList(value) ? String(value.length) : text(value, ''))) from(part.fields, given)
      } else if ('repeat' in part) {
        const value = given[part.repeat]
        const list = isList(value) ? value : []
        fields.push(String(list.length))
        for (const one of list) from(part.fields, one)
      } else if (version >= part.since && version < part.below) from(part.fields, given)
    }
  }
  from(layout, values)
  return fields
}

const isList = (value: Values[string]): value is readonly Values[] => Array.isArray(value)

function text(value: Values[string], fallback: string): string {
  if (value === undefined || isList(value)) return fallback
  if (typeof value === 'boolean') return value ? '1' : '0'
  return String(value)
}

interface Name {
  readonly name: string
  readonly fallback: string
}
const known = new Map<string, readonly Name[]>()

function namesOf(names: Names): readonly Name[] {
  const found = known.get(names)
  if (found !== undefined) return found
  const list = names.split(' ').map((word) => {
    const [name = '', fallback = ''] = word.split('=')
    return { name, fallback }
  })
  known.set(names, list)
  return list
}
