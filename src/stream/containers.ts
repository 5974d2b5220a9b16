/** What is no stream of records by its first bytes, and the way out; encodings of text that are not UTF-8. */
import { badData, type Failure } from '../base/errors.js'
import { shellWord } from '../base/words.js'

interface Container {
  /** With its article. */
  readonly what: string
  readonly begins: RegExp
  /** The program that unpacks a file of this kind, and its arguments. */
  readonly unpack?: string
  readonly advice?: string
}

/** In order: a workbook is a zip archive too. First bytes as Latin-1. */
const CONTAINERS: readonly Container[] = [
  {
    what: 'an Excel workbook (xlsx)',
    begins: /^PK\x03\x04.{26}(\[Content_Types\]|_rels\/|docProps\/|xl\/)/s,
    advice: 'save the sheet as CSV',
  },
  { what: 'an Excel workbook (xls)', begins: /^\xd0\xcf\x11\xe0/, advice: 'save the sheet as CSV' },
  { what: 'a zip archive', begins: /^PK(\x03\x04|\x05\x06|\x07\x08)/, unpack: 'unzip' },
  { what: 'zstd-compressed', begins: /^\x28\xb5\x2f\xfd/, unpack: 'zstd -d' },
  { what: 'bzip2-compressed', begins: /^BZh[1-9]1AY&SY/, unpack: 'bzip2 -dk' },
  { what: 'xz-compressed', begins: /^\xfd7zXZ\x00/, unpack: 'xz -dk' },
  { what: 'lz4-compressed', begins: /^\x04\x22\x4d\x18/, unpack: 'lz4 -d' },
  { what: 'a 7z archive', begins: /^7z\xbc\xaf\x27\x1c/, unpack: '7z x' },
  { what: 'a compress (.Z) file', begins: /^\x1f\x9d/, unpack: 'gzip -dk' },
  {
    what: 'an Arrow or Feather file',
    begins: /^(ARROW1|FEA1)/,
    advice: 'write Parquet instead: df.to_parquet',
  },
  { what: 'an HDF5 file', begins: /^\x89HDF\r\n/, advice: 'write Parquet instead: df.to_parquet' },
  { what: 'a SQLite database', begins: /^SQLite format 3\x00/, advice: 'export its table as CSV' },
  { what: 'a DBN file of Databento', begins: /^DBN[\x01-\x03]/, advice: 'convert it to CSV: dbn FILE --csv' },
  { what: 'a Python pickle', begins: /^\x80[\x02-\x05]/, advice: 'write Parquet instead: df.to_parquet' },
  { what: 'a PDF document', begins: /^%PDF-/ },
]

/** The bytes at the start that a container is known by. */
const MAGIC_BYTES = 64

/** The failure for a file that is a container of something; null for what may be records. */
export function containerFailure(head: Buffer, name: string, operand: string): Failure | null {
  const start = head.toString('latin1', 0, MAGIC_BYTES)
  const found = CONTAINERS.find(({ begins }) => begins.test(start))
  if (found === undefined) return null
  const { what, unpack, advice } = found
  const file = operand === '-' ? '' : ` ${shellWord(operand)}`
  const hint = unpack === undefined ? advice : `unpack it first: ${unpack}${file}`
  return badData(`is ${what}`, { where: name, ...(hint === undefined ? {} : { hint }) })
}

/** UTF-16 by its mark, or by the zero beside each letter of ASCII. */
export function wideEncoding(head: Buffer): 'utf-16le' | 'utf-16be' | null {
  const [a, b, c, d] = head
  if (a === 0xff && b === 0xfe) return 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  if (a && b === 0 && c && d === 0) return 'utf-16le'
  return a === 0 && b && c === 0 && d ? 'utf-16be' : null
}

/** The same text as UTF-8. */
export async function* toUtf8(
  chunks: AsyncIterable<Buffer>,
  encoding: string,
  name: string,
): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  const decode = (chunk?: Buffer): Buffer => {
    try {
      return Buffer.from(chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true }))
    } catch (error) {
      throw badData(`is not valid ${encoding.toUpperCase()}`, { where: name, cause: error })
    }
  }
  for await (const chunk of chunks) {
    const text = decode(chunk)
    if (text.length > 0) yield text
  }
  const last = decode()
  if (last.length > 0) yield last
}
