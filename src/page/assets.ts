/** What a page needs to run in a browser: the parts of `client/` as they were built, and uPlot. Read once. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** A part of `client/`, by its name. */
export type ClientPart = 'chart' | 'trades' | 'live' | 'events'

const texts = new Map<string, string>()

function textAt(file: string | URL): string {
  const known = texts.get(String(file))
  if (known !== undefined) return known
  const text = readFileSync(file, 'utf8')
  texts.set(String(file), text)
  return text
}

/** The script of a part: a module without imports. */
export const clientScript = (part: ClientPart): string =>
  // The same place from src/page and from dist/page.
  textAt(new URL(`../../dist/page/client/${part}.js`, import.meta.url))

const uplotFile = (name: string): string => createRequire(import.meta.url).resolve(`uplot/dist/${name}`)

/** uPlot, which declares one global, `uPlot`; a classic script that stands before the parts. */
export const uplotScript = (): string => textAt(uplotFile('uPlot.iife.min.js'))

/** The rules that uPlot needs. */
export const uplotStyle = (): string => textAt(uplotFile('uPlot.min.css'))
