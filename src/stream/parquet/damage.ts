/** What is wrong with the bytes of a Parquet file, and how it is told. */
import { badData } from '../../base/errors.js'

/** What is wrong with the bytes of a Parquet file, in words for the user. */
export class Damage extends Error {}

/** The failure (65) that tells of damage in the file of this name; anything else as it is. */
export function parquetFailure(error: unknown, name: string): unknown {
  if (!(error instanceof Damage)) return error
  const codec = /unsupported compression codec: (\w+)/.exec(error.message)?.[1]
  if (codec !== undefined) {
    return badData(`is compressed with ${codec}, which is not read`, {
      where: name,
      hint: 'write it with zstd, snappy or gzip',
      cause: error,
    })
  }
  return badData(`damaged Parquet file: ${error.message}`, { where: name, cause: error })
}
