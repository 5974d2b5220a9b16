/** What this jules writes into the folders of tasks: its version, its place, and names that nobody else takes. */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { version } from '../../cli/print.js'

export const ownVersion = (): string => version().trim()

/** The program that this is. */
export const ownProgram = (): string => fileURLToPath(new URL('../../../bin/jules', import.meta.url))

/** Part of a name that no other process takes. */
export const token = (): string => randomBytes(6).toString('hex')
