/** How far a named import came, so that a second run goes on where the first one stopped. */
import { createHash, type Hash } from 'node:crypto'
import type { Client } from 'pg'
import { badData, type Failure } from '../base/errors.js'
import { quote } from '../base/words.js'
import type { BarBatch } from '../market/bar.js'
import type { OtherRecord } from '../market/reading.js'
import { RowEncoder } from './copy.js'

/** How far an import is: stored in the transaction of the rows it counts. */
export interface Mark {
  readonly id: string
  readonly rows: number
  readonly digest: string
}

/**
 * How far an import of a given name came: a count of rows and a digest over them. A second run passes over that many rows
 * and refuses an input whose first rows are not the same.
 */
export class ImportProgress {
  readonly id: string
  readonly resumeAt: number
  readonly #digest: string
  readonly #hash: Hash = createHash('sha256')
  readonly #scratch = new RowEncoder(1 << 20)
  #rows = 0
  #checked: boolean

  constructor(id: string, stored: { rows: number; digest: string } | null) {
    this.id = id
    this.resumeAt = stored?.rows ?? 0
    this.#digest = stored?.digest ?? ''
    this.#checked = stored === null || stored.rows === 0
  }

  static async read(client: Client, id: string): Promise<ImportProgress> {
    const { rows } = await client.query('SELECT rows, digest FROM imports WHERE id = $1', [id])
    const row: { rows: string; digest: string } | undefined = rows[0]
    if (row === undefined) return new ImportProgress(id, null)
    const count = Number(row.rows)
    const wrong =
      !Number.isSafeInteger(count) || count < 0
        ? `rows is ${row.rows}, expected a count`
        : /^[0-9a-f]{64}$/.test(row.digest)
          ? null
          : `digest is ${quote(row.digest)}, expected a sha256`
    if (wrong === null) return new ImportProgress(id, { rows: count, digest: row.digest })
    throw badData(`imports.${wrong}: import ${quote(id)}`, {
      hint: 'give another --import-id, or delete the row from the table imports and load all of it again',
    })
  }

  /** How many leading rows of the batch are committed already. */
  skipBars(batch: BarBatch): number {
    if (this.#checked) return 0
    const count = Math.min(batch.length, this.resumeAt - this.#rows)
    this.hashBars(batch, 0, count)
    this.#check()
    return count
  }

  skipOthers(records: readonly OtherRecord[]): readonly OtherRecord[] {
    if (this.#checked) return records
    const count = Math.min(records.length, this.resumeAt - this.#rows)
    this.hashOthers(records.slice(0, count))
    this.#check()
    return records.slice(count)
  }

  hashBars(batch: BarBatch, from: number, to: number): void {
    this.#scratch.clear()
    this.#scratch.append(batch, from, to)
    this.#hash.update(this.#scratch.bytes)
    this.#rows += to - from
  }

  hashOthers(records: readonly OtherRecord[]): void {
    for (const { text } of records) this.#hash.update(text)
    this.#rows += records.length
  }

  mark(): Mark {
    return { id: this.id, rows: this.#rows, digest: this.#hash.copy().digest('hex') }
  }

  /** At the end of the input: it must not be shorter than what is committed. */
  checkComplete(): void {
    if (!this.#checked) throw this.#differs(`it has ${this.#rows} rows, ${this.resumeAt} are committed`)
  }

  #check(): void {
    if (this.#rows < this.resumeAt) return
    if (this.mark().digest !== this.#digest) throw this.#differs(`its first ${this.resumeAt} rows are others`)
    this.#checked = true
  }

  #differs(why: string): Failure {
    return badData(`this is not the input that import ${quote(this.id)} began with: ${why}`, {
      hint: 'give the same input, or another --import-id',
    })
  }
}
